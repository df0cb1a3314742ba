// A disk of 1 MiB: `disk-full.mjs <folder on it>`.
import assert from "node:assert/strict";
import { readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { MmapFile, nativeStatus } from "@stowage/mmap";
import { codeOf, PAGE } from "./support.mjs";

const [, , folder] = process.argv;
const file = path.join(folder, "data.bin");
assert.throws(
  () => MmapFile.create(file, 4 * 2 ** 20),
  (error) => error.code === "ERR_FILE_ACCESS" && /no space/i.test(error.message),
);
assert.deepEqual(readdirSync(folder), []);

// What is there stays.
MmapFile.create(file, 1000).close();
assert.equal(
  codeOf(() => MmapFile.create(file, 4 * 2 ** 20, { overwrite: true })),
  "ERR_FILE_ACCESS",
);
assert.deepEqual(readdirSync(folder), ["data.bin"]);
assert.equal(statSync(file).size, 1000);

// A hole finds no room when something is stored in it. A file made by create() has none.
if (nativeStatus().available) {
  writeFileSync(file, "");
  truncateSync(file, 4 * 2 ** 20);
  const map = MmapFile.open(file, { mode: "r+" });
  const { bytes } = map;
  for (let at = 0; at < bytes.length; at += PAGE) bytes[at] = 1;
  assert.equal(
    codeOf(() => map.check()),
    "ERR_MAPPING_TRUNCATED",
  );
  assert.equal(
    codeOf(() => map.flush()),
    "ERR_MAPPING_TRUNCATED",
  );
  assert.match(String(codeOf(() => map.close())), /ERR_MAPPING_TRUNCATED/);
  assert.equal(statSync(file).size, 4 * 2 ** 20);
}
console.log("done");
