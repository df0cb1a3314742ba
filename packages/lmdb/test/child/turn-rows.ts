// Commits whole generations: all rows say the same number, which grows. Prints each that is committed.
//
//   node turn-rows.mjs <path> <rows> <generations>
import { writeSync } from "node:fs";
import { LmdbRows } from "../../src/index.js";
import { row } from "../blob-rows.js";

const [path, count, generations] = process.argv.slice(2) as [string, string, string];
using rows = LmdbRows.open(path, { mode: "r+" });
const indices = Array.from({ length: Number(count) }, (_, i) => i);
for (let generation = 1; generation <= Number(generations); generation++) {
  const text = `${generation} `;
  const all = indices.map((i) => row({ v: text.repeat(1 + ((i * 37 + generation) % 500)) }));
  if (generation % 5 === 0) rows.set(indices, all);
  else rows.update(indices, all);
  writeSync(1, `${generation}\n`);
}
