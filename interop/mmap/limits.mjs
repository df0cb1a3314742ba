// More maps than there may be: `limits.mjs <path> <maps>`, which opens so many and says by which error it ended.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { MmapFile, openFileSource } from "@stowage/mmap";
import { requireAddon } from "./support.mjs";

requireAddon();
const [path, count] = [process.argv[2], Number(process.argv[3])];
writeFileSync(path, new Uint8Array(5000).fill(1));
const files = [];
let error = null;
for (let i = 0; i < count && error === null; i++) {
  try {
    files.push(MmapFile.open(path));
  } catch (caught) {
    error = caught;
  }
}
assert.ok(files.every((file) => file.bytes[4999] === 1));
// Where only maps are short, reads by position still work.
if (error?.code === "ERR_MAPPING" && /most/.test(error.message)) {
  const source = openFileSource(path);
  assert.equal(source.resident, false);
  assert.equal(source.readSync(4999, 1)[0], 1);
  source.close();
}
for (const file of files) file.close();
// All is as before.
MmapFile.open(path).close();
console.log(
  JSON.stringify({ opened: files.length, code: error?.code, message: error?.message, hint: error?.hint }),
);
