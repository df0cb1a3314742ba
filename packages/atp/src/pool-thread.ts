import type { Worker } from "node:worker_threads";
import type { PoolAnswer, PoolRequest, PoolWorkerData } from "./pool-messages.js";

/** The program of a thread: a file of this package, beside this one when it is built. */
export const poolProgram: { url: URL } = { url: new URL("./pool-worker.js", import.meta.url) };

const HOLD_MS = 60_000;

/** One worker thread, which answers one request at a time. */
export class PoolThread {
  readonly #worker: Worker;
  #done: ((answer: PoolAnswer) => void) | null = null;
  #ended = false;
  /** Keeps the program alive while it waits for this thread: ref() alone does not always, on Node 20. */
  #hold: ReturnType<typeof setInterval> | undefined;

  /** @param died  Called once if the thread ends by itself. */
  constructor(data: PoolWorkerData, died: (reason: string) => void) {
    const { Worker } = globalThis.process.getBuiltinModule("node:worker_threads");
    this.#worker = new Worker(poolProgram.url, { workerData: data });
    this.#worker.unref(); // a pool that is idle keeps no program alive
    this.#worker.on("message", (answer: PoolAnswer) => {
      this.#letGo();
      const done = this.#done;
      this.#done = null;
      done?.(answer);
    });
    const die = (reason: string): void => {
      if (this.#ended) return;
      void this.end();
      died(reason);
    };
    this.#worker.on("error", (error) => die(error instanceof Error ? error.message : String(error)));
    this.#worker.on("messageerror", (error) => die(`its answer was lost, ${error.message}`));
    this.#worker.on("exit", (code) => die(`it ended with exit code ${code}`));
  }

  ask(request: PoolRequest, done: (answer: PoolAnswer) => void): void {
    this.#done = done;
    this.#keepAlive();
    this.#worker.postMessage(request);
  }

  /** Ends the thread, in the middle of what it does. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#done = null;
    this.#keepAlive(); // who waits for the end must not be left by a program that has nothing else to do
    try {
      await this.#worker.terminate();
    } finally {
      this.#letGo();
    }
  }

  #keepAlive(): void {
    this.#worker.ref();
    this.#hold ??= setInterval(() => undefined, HOLD_MS);
  }

  #letGo(): void {
    this.#worker.unref();
    clearInterval(this.#hold);
    this.#hold = undefined;
  }
}
