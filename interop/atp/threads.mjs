// Eight threads open one file each for themselves, read shuffled batches, and are ended in the middle; then a pool reads
// it: `threads.mjs <folder>`.
import assert from "node:assert/strict";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { AtpFile, AtpPool, Molecule } from "@stowage/atp";

const folder = process.argv[2];
// Node 20 may leave a program that waits for nothing but a thread's end.
const alive = setInterval(() => undefined, 60_000);
const COUNT = 2000;

// Deno lets a thread that never rests run for ten seconds more.
const codecs = "Deno" in globalThis ? ["zstd"] : ["none", "lz4", "zstd"];

for (const codec of codecs) {
  const file = path.join(folder, `${codec}.atp`);
  const made = AtpFile.create(file, { codec });
  const batch = Array.from({ length: COUNT }, (_, i) => {
    const nAtoms = 1 + (i % 30);
    const positions = Float32Array.from({ length: 3 * nAtoms }, (_, k) => i + k / 7);
    return new Molecule({ positions, atomicNumbers: new Uint8Array(nAtoms).fill(i & 127), energy: i / 2 });
  });
  made.append(batch);
  made.close();

  const failures = [];
  const workers = Array.from({ length: 8 }, () => {
    const url = new URL("shuffled-worker.mjs", import.meta.url);
    const worker = new Worker(url, { workerData: { path: file } });
    worker.on("error", (error) => failures.push(error));
    const reading = new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject); // else nobody would ever hear of it
    });
    return { worker, reading };
  });
  await Promise.all(workers.map(({ reading }) => reading));
  const db = AtpFile.open(file);
  assert.equal(db.flat([7]).energy.data[0], 3.5);
  await Promise.all(workers.map(({ worker }) => worker.terminate()));
  assert.equal(db.flat([COUNT - 1]).energy.data[0], (COUNT - 1) / 2);
  assert.deepEqual(failures, []);

  const pool = AtpPool.open(file, { workers: 2 });
  const lists = Array.from({ length: 20 }, (_, i) => [i, COUNT - 1 - i, i, -1]);
  let seen = 0;
  for await (const { energy, positions, nAtoms } of pool.batches(lists)) {
    const right = db.flat(lists[seen++]);
    assert.deepEqual(energy, right.energy);
    assert.deepEqual(positions, right.positions);
    assert.deepEqual(nAtoms, right.nAtoms);
  }
  assert.equal(seen, 20);
  await assert.rejects(pool.flat([0], { fields: ["nobody has it"] }), {
    code: "ERR_OPTION",
    details: { option: "fields", value: "nobody has it" },
  });
  await assert.rejects(pool.flat([COUNT]), { code: "ERR_INDEX_RANGE" });
  const under = pool.flat([0]);
  const closing = pool.close();
  await assert.rejects(under, { code: "ERR_CLOSED" });
  await closing;
  db.close();
}

clearInterval(alive);
// A pool that nobody closes keeps no program alive.
const left = AtpPool.open(path.join(folder, "zstd.atp"));
await left.flat([0]);
console.log("done");
