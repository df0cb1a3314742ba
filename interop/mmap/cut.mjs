// All that may touch a page that the file has lost: `cut.mjs <folder>`. The process goes on, whoever touched it.
import assert from "node:assert/strict";
import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { MmapFile } from "@stowage/mmap";
import { codeOf, PAGE, requireAddon, traces } from "./support.mjs";

requireAddon();
const [, , folder] = process.argv;
const data = path.join(folder, "cut.bin");
const LENGTH = 512 * PAGE;

/** @type {Record<string, (bytes: Uint8Array, file: MmapFile) => unknown>} */
const touches = {
  "a loop that was compiled": (bytes) => {
    let sum = 0;
    for (let i = PAGE; i < bytes.length; i++) sum += bytes[i];
    return sum;
  },
  "a copy by the runtime": (bytes) => bytes.slice(PAGE).reduce((sum, byte) => sum + byte, 0),
  "set into another array": (bytes) => {
    const target = new Uint8Array(LENGTH).fill(1);
    target.set(bytes.subarray(PAGE));
    return target[0];
  },
  "a store": (bytes) => {
    bytes[LENGTH - 1] = 5;
    return bytes[LENGTH - 1] - 5;
  },
  fill: (bytes) => {
    bytes.fill(6, PAGE);
    return bytes[PAGE] - 6;
  },
  Atomics: (bytes) => Atomics.add(new Int32Array(bytes.buffer, 4 * PAGE, 1), 0, 1),
  "a DataView": (bytes) => new DataView(bytes.buffer).getFloat64(300 * PAGE + 1),
  "a float64 view": (bytes, file) => new Float64Array(bytes.buffer, 8 * PAGE, 10)[3] + 0 * file.byteLength,
  TextDecoder: (bytes) => new TextDecoder().decode(bytes.subarray(200 * PAGE, 200 * PAGE + 9)).charCodeAt(8),
  "Buffer.compare": (bytes) => {
    const lost = Buffer.from(bytes.buffer, 9 * PAGE, PAGE);
    return lost.compare(Buffer.alloc(PAGE));
  },
  sort: (bytes) => new Uint32Array(bytes.buffer, 100 * PAGE, PAGE).sort()[0],
};

for (const [name, touch] of Object.entries(touches)) {
  for (const mode of ["r", "c", "r+"]) {
    writeFileSync(data, new Uint8Array(LENGTH).fill(1));
    const file = MmapFile.open(data, { mode });
    const { bytes } = file;
    truncateSync(data, PAGE);
    assert.equal(touch(bytes, file), 0, `${name}, ${mode}`);
    assert.equal(bytes[PAGE - 1], 1);
    assert.equal(
      codeOf(() => file.check()),
      "ERR_MAPPING_TRUNCATED",
    );
    assert.equal(
      codeOf(() => file.flush()),
      mode === "r+" ? "ERR_MAPPING_TRUNCATED" : "ERR_READ_ONLY",
    );
    assert.equal(
      codeOf(() => file.close()),
      mode === "r+" ? "ERR_MAPPING_TRUNCATED" : null,
    );
    assert.deepEqual(traces(data), { descriptors: 0, maps: 0 });
  }
}

// The system itself reads the lost pages: an error of the call, no signal.
writeFileSync(data, new Uint8Array(LENGTH).fill(1));
const written = MmapFile.open(data);
truncateSync(data, PAGE);
const out = openSync(path.join(folder, "out.bin"), "w");
const code = codeOf(() => writeSync(out, written.bytes, 2 * PAGE, PAGE));
closeSync(out);
// Some runtimes copy first, and then it is a read like any other.
assert.ok(code === null || code === "EFAULT", String(code));
assert.equal(
  codeOf(() => written.check()),
  "ERR_MAPPING_TRUNCATED",
);
written.close();

// In a worker, and in the main thread after that worker is gone.
writeFileSync(data, new Uint8Array(LENGTH).fill(1));
const kept = MmapFile.open(data);
const worker = new Worker(new URL("cut-worker.mjs", import.meta.url), { workerData: data });
const [message] = await new Promise((resolve, reject) => {
  worker.once("message", (...all) => resolve(all));
  worker.once("error", reject);
});
assert.deepEqual(message, { sum: 0, code: "ERR_MAPPING_TRUNCATED" });
await worker.terminate();
assert.equal(kept.bytes[3 * PAGE], 0);
assert.equal(
  codeOf(() => kept.check()),
  "ERR_MAPPING_TRUNCATED",
);
kept.close();
console.log("done");
