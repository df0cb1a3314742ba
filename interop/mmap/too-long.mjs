// Under a limit of 1 MiB for a file's length: `too-long.mjs <folder>`.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import { MmapFile } from "@stowage/mmap";
import { codeOf } from "./support.mjs";

const [, , folder] = process.argv;
const file = path.join(folder, "data.bin");
assert.equal(
  codeOf(() => MmapFile.create(file, 4 * 2 ** 20)),
  "ERR_FILE_ACCESS",
);
assert.deepEqual(readdirSync(folder), []);
MmapFile.create(file, 1000).close();
console.log("done");
