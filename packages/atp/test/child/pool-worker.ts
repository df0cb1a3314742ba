/*
 * The program of a pool's thread, with faults on demand: a field "!…" says what happens before the batch is read.
 */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parentPort, threadId } from "node:worker_threads";

const pause = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

interface Request {
  fields: string[] | undefined;
}

const port = parentPort!;
const listen = port.on.bind(port);
let read: (request: Request) => void;
Object.assign(port, {
  on: (_: string, listener: typeof read) => {
    read = listener;
  },
});

listen("message", (request: Request) => {
  misbehave(request);
  read(request);
});

function misbehave(request: Request): void {
  const [order, value = ""] = request.fields?.[0]?.split("=") ?? [];
  if (!order?.startsWith("!")) return;
  request.fields = undefined;
  if (order === "!exit") process.exit(Number(value));
  if (order === "!throw") throw new Error(value);
  if (order === "!pause") pause(Number(value));
  if (order === "!meet") {
    // Nobody goes on before two threads are here.
    writeFileSync(join(value, String(threadId)), "");
    const start = Date.now();
    while (readdirSync(value).length < 2) {
      if (Date.now() - start > 10_000) process.exit(1);
      pause(5);
    }
  }
}

await import("../../src/pool-worker.js");
