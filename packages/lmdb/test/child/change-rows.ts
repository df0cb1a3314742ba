// Makes the random changes of a seed, from the n-th on, and prints the number of each that is committed.
//
//   node change-rows.mjs <path> <seed> <from> <to>
import { writeSync } from "node:fs";
import { ObjectIOSync } from "@stowage/core";
import { lmdb } from "../../src/index.js";
import { applyTo, RowModel, randomOperation } from "../random-operations.js";
import { randomIntegers } from "../seed.js";

const [path, seed, from, to] = process.argv.slice(2) as [string, string, string, string];
const random = randomIntegers(Number(seed));
const model = new RowModel();
const db = ObjectIOSync.open(path, { backend: lmdb, mode: "r+" });
for (let n = 0; n < Number(to); n++) {
  const operation = randomOperation(model.rows.length, random);
  model.apply(operation);
  if (n < Number(from)) continue;
  applyTo(db, operation);
  writeSync(1, `${n + 1}\n`);
}
