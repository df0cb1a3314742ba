// Files that this user may not open: `permission.mjs <unreadable file> <read-only file>`.
import assert from "node:assert/strict";
import { MmapFile } from "@stowage/mmap";
import { codeOf, requireAddon } from "./support.mjs";

requireAddon();
const [, , unreadable, readOnly] = process.argv;
assert.equal(
  codeOf(() => MmapFile.open(unreadable)),
  "ERR_FILE_ACCESS",
);
assert.equal(
  codeOf(() => MmapFile.open(readOnly, { mode: "r+" })),
  "ERR_FILE_ACCESS",
);
assert.equal(
  codeOf(() => MmapFile.create(readOnly, 10, { overwrite: true })),
  "ERR_FILE_ACCESS",
);
const file = MmapFile.open(readOnly, { mode: "c" });
file.bytes[0] = 9;
file.close();
console.log("done");
