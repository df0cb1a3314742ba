import { join } from "node:path";
import { ObjectIOSync } from "@stowage/core";
import { expect, it } from "vitest";
import { lmdb } from "../src/index.js";
import { checkLayout } from "./check-layout.js";
import { applyTo, RowModel, randomOperation } from "./random-operations.js";
import { difference } from "./same-rows.js";
import { freshSeed, randomIntegers } from "./seed.js";
import { temporaryFolder } from "./temporary-folder.js";
import { writable } from "./writable.js";

const seed = freshSeed("model");
const OPERATIONS = 1000;

const all = (db: ObjectIOSync) => db.store.getMany(Array.from({ length: db.length }, (_, i) => i));

/** Drives datasets, all open at once, through the same random operations as a list. */
function drive(datasets: readonly ObjectIOSync[], check: () => void): number[] {
  const random = randomIntegers(seed);
  const model = new RowModel();
  const lengths: number[] = [];
  for (let step = 0; step < OPERATIONS; step++) {
    const operation = randomOperation(model.rows.length, random);
    model.apply(operation);
    lengths.push(model.rows.length);
    for (const db of datasets) {
      applyTo(db, operation);
      if (db.length !== model.rows.length) expect(db.length, `step ${step}`).toBe(model.rows.length);
    }
    if (step % 50 === 0 || step === OPERATIONS - 1) {
      for (const db of datasets) {
        const found = difference(all(db), model.rows);
        if (found !== null) expect.fail(`${db.store.name} after step ${step}: ${found}`);
      }
      check();
    }
  }
  return lengths;
}

it("memory goes through a thousand random changes like a list", () => {
  using db = ObjectIOSync.open(`memory://lmdb-model-${seed}`, { mode: "r+" });
  const lengths = drive([db], () => undefined);
  expect(Math.max(...lengths)).toBeGreaterThan(1024);
});

it.runIf(writable)("LMDB goes through a thousand random changes like a list, and a reader sees each", () => {
  const path = join(temporaryFolder(), "model.lmdb");
  const open = () => ObjectIOSync.open(path, { backend: lmdb, mode: "r+", group: "train" });
  using db = open();
  using reader = ObjectIOSync.open(path, { backend: lmdb, group: "train" });
  const file = join(path, "train", "data.mdb");
  const lengths = drive([db], () => {
    checkLayout(file);
    expect(difference(all(reader), all(db))).toBeNull();
  });
  expect(Math.max(...lengths)).toBeGreaterThan(1024);
});
