// Reads all rows again and again while turn-rows.ts writes, and checks that each read is one commit, none older than
// the one before. Ends when it has seen the last; prints how many it saw.
//
//   node read-rows.mjs <path> <rows> <generations>
import { isStowageError } from "@stowage/core";
import { LmdbRows } from "../../src/index.js";

const [path, count, generations] = process.argv.slice(2) as [string, string, string];
using rows = LmdbRows.open(path);
const seen = new Set<number>();
let last = 0;
while (last < Number(generations)) {
  rows.refresh();
  let texts: (string | null)[];
  try {
    texts = rows.column("v").map((bytes) => bytes && new TextDecoder().decode(bytes));
  } catch (error) {
    if (isStowageError(error, "ERR_LMDB_CHANGED")) continue;
    throw error;
  }
  if (texts.length !== Number(count)) throw new Error(`${texts.length} rows`);
  const generation = Number.parseInt(texts[0] ?? "0", 10);
  for (const [i, text] of texts.entries()) {
    const expected = generation === 0 ? null : `${generation} `.repeat(1 + ((i * 37 + generation) % 500));
    if (text !== expected) throw new Error(`generation ${generation}: row ${i} is ${text?.slice(0, 20)}`);
  }
  if (generation < last) throw new Error(`generation ${generation} after ${last}`);
  last = generation;
  seen.add(generation);
}
console.log(seen.size);
