// A file past 4 GiB and past the machine's memory: `large.mjs <path> <GiB>`. At each multiple of 1 GiB, 16 bytes lie
// half before and half behind it: two float64, k - 0.5 and k + 0.5. So it is at the end, with half of them.
import assert from "node:assert/strict";
import { MmapFile } from "@stowage/mmap";
import { codeOf, GIB, memory, requireAddon } from "./support.mjs";

requireAddon();
const [path, gibibytes] = [process.argv[2], Number(process.argv[3])];
for (const offset of [0, 12_345, GIB - 8]) {
  const file = MmapFile.open(path, { offset });
  const end = gibibytes * GIB - offset;
  assert.equal(file.byteLength, end);
  if (offset === 0) assert.equal(file.view("float64", 0, 1)[0], 0.5);
  const before = memory("RssAnon");
  for (let k = 1; k < gibibytes; k++) {
    const at = k * GIB - 8 - offset;
    const copy = new Uint8Array(16);
    file.readIntoSync(copy, at);
    assert.deepEqual([...new Float64Array(copy.buffer)], [k - 0.5, k + 0.5]);
    assert.deepEqual([...file.readSync(at, 16)], [...copy]);
    assert.equal(file.view("uint8", at + 5, 6)[0], copy[5]);
    // From odd offsets on this is a copy.
    assert.equal(file.view("float64", at, 2)[1], k + 0.5);
  }
  assert.equal(file.view("float64", end - 8, 1)[0], gibibytes - 0.5);
  assert.equal(
    codeOf(() => file.view("uint8", end, 1)),
    "ERR_SOURCE_BOUNDS",
  );
  // Longer than any window.
  const long = file.view("uint8", 5, 3 * GIB);
  assert.equal(long.length, 3 * GIB);
  file.advise("random", end - GIB);
  file.populate(end - 8192);

  try {
    const { bytes } = file;
    assert.equal(bytes.length, end);
    assert.equal(bytes.at(-1), new Uint8Array(Float64Array.of(gibibytes - 0.5).buffer)[7]);
  } catch (error) {
    // Where arrays end at 4 GiB.
    assert.equal(error.code, "ERR_MAPPING_VIEW");
    assert.match(error.hint, /view\(/);
    assert.ok(error.details.limit < end && error.details.limit >= 4 * GIB);
    assert.equal(error.details.byteLength, end);
    assert.ok(process.versions.bun || Number.parseInt(process.versions.node, 10) < 22, error);
  }
  file.close();
  assert.equal(long.length, 0);
  assert.ok(memory("RssAnon") - before < 10_000, "pages of the file became memory of the process");
}
console.log("done");
