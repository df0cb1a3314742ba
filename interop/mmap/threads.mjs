// Threads that come and go while others read the same file: `threads.mjs <path> <end>`. `end` is how the program ends
// with all maps open: "return" or "exit".
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { MmapFile } from "@stowage/mmap";
import { requireAddon } from "./support.mjs";

requireAddon();
const [, , path, end] = process.argv;
const LENGTH = 4_000_000;
writeFileSync(path, new Uint8Array(LENGTH).fill(1));

/** @param {"read" | "exit" | "throw" | "forever"} task */
function start(task) {
  const worker = new Worker(new URL("threads-worker.mjs", import.meta.url), { workerData: { path, task } });
  const messages = [];
  worker.on("message", (message) => messages.push(message));
  worker.on("error", () => undefined);
  const ended = new Promise((resolve) => worker.once("exit", resolve));
  const started = new Promise((resolve) => worker.once("message", resolve));
  return { worker, messages, ended, started };
}

const file = MmapFile.open(path, { mode: "r+" });
for (let round = 0; round < 3; round++) {
  const workers = ["read", "exit", "throw", "forever", "read"].map((task) => start(task));
  const [reader, exiting, throwing, forever, other] = workers;
  await Promise.all(workers.map(({ started }) => started));
  // In the middle of its loop.
  await forever.worker.terminate();
  await Promise.all([reader, exiting, throwing, other].map(({ ended }) => ended));
  assert.deepEqual(reader.messages, ["started", LENGTH]);
  assert.deepEqual(other.messages, ["started", LENGTH]);
  assert.equal(file.bytes.at(-1), 1);
  file.view("uint8", 0, 1)[0] = 1;
  file.flush();
}
const last = [start("forever"), start("forever")];
await Promise.all(last.map(({ started }) => started));
const dropped = Array.from({ length: 50 }, () => MmapFile.open(path).view("float64", 0, 10));
assert.equal(dropped.length, 50);
console.log("done");
if (end === "exit") process.exit(0);
for (const { worker } of last) worker.unref();
setTimeout(() => process.exit(0), 50); // Deno does not end by itself while a worker loops
