// Reading a file through a map costs no memory of the process's own: `memory.mjs <path of 1 GiB>`.
import assert from "node:assert/strict";
import { MmapFile } from "@stowage/mmap";
import { GIB, memory, requireAddon } from "./support.mjs";

requireAddon();
const target = new Uint8Array(4 * 2 ** 20).fill(1);

/** @param {MmapFile} file */
function readAll(file, byteLength) {
  let sum = 0;
  const numbers = file.view("float64", 0, byteLength / 8);
  for (let i = 0; i < numbers.length; i += 64) sum += numbers[i];
  for (let at = 0; at < byteLength; at += target.length) file.readIntoSync(target, at);
  for (let at = 0; at < byteLength; at += 2 ** 20) sum += file.readSync(at, 100)[99];
  return sum;
}

for (const mode of ["r", "c", "r+"]) {
  const file = MmapFile.open(process.argv[2], { mode });
  assert.equal(file.byteLength, GIB);
  readAll(file, 16 * 2 ** 20); // what the runtime itself needs for this
  const before = memory("RssAnon");
  const byteLength = mode === "r" ? GIB : GIB / 16;
  file.populate(0, byteLength);
  assert.equal(readAll(file, byteLength), 0);
  const grown = memory("RssAnon") - before;
  assert.ok(grown < 10_000, `RssAnon grew by ${grown} kB with ${mode}`);
  file.close();
}
console.log("done");
