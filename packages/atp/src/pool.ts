import { closed, nodePath, resolveIndex, StowageError } from "@stowage/core";
import { AtpFile } from "./atp-file.js";
import type { FlatBatch } from "./flat-batch.js";
import { type PoolAnswer, type PoolRequest, unpackError } from "./pool-messages.js";
import { PoolThread } from "./pool-thread.js";

export interface AtpPoolOptions {
  /** Threads. Default: one a core, at most 8. They start when they are needed. */
  workers?: number;
  /** Batches that may wait for a thread; one more is refused. Default 1024. */
  maxWaiting?: number;
}

export interface AtpPoolReadOptions {
  /** As for `AtpFile.flat`. */
  fields?: readonly string[];
  /** Gives a batch up: its promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

const MAX_DEFAULT_WORKERS = 8;
const MAX_WAITING = 1024;

/** A batch that was asked for. */
interface Job {
  readonly request: PoolRequest;
  resolve(batch: FlatBatch): void;
  reject(error: unknown): void;
}

/**
 * Reads batches of an .atp file in worker threads, several at once, while this thread does something else.
 *
 * Each thread opens the file for itself: where it is mapped they share its pages. The arrays of a batch are handed over,
 * not copied. The pool shows the molecules that were committed when it was opened.
 *
 * @example
 * ```ts
 * await using pool = AtpPool.open("water.atp");
 * const [first, second] = await Promise.all([pool.flat([0, 1, 2]), pool.flat([3, 4, 5])]);
 * for await (const batch of pool.batches([[0, 1, 2], [3, 4, 5]])) console.log(batch.positions.shape);
 * ```
 */
export class AtpPool {
  readonly path: string;
  /** Molecules in the file. */
  readonly length: number;
  readonly #size: number;
  readonly #maxWaiting: number;
  readonly #idle: PoolThread[] = [];
  readonly #threads = new Set<PoolThread>();
  readonly #waiting: Job[] = [];
  readonly #running = new Map<PoolThread, Job>();
  #closing: Promise<void> | null = null;

  private constructor(path: string, length: number, size: number, maxWaiting: number) {
    this.path = path;
    this.length = length;
    this.#size = size;
    this.#maxWaiting = maxWaiting;
  }

  /** @throws {StowageError} as `AtpFile.open` does; ERR_OPTION */
  static open(path: string, options: AtpPoolOptions = {}): AtpPool {
    const { workers = defaultWorkers(), maxWaiting = MAX_WAITING } = options;
    checkCount("workers", workers);
    checkCount("maxWaiting", maxWaiting);
    const absolute = nodePath().resolve(path);
    using db = AtpFile.open(absolute); // what is wrong with the file is said here and now
    return new AtpPool(absolute, db.length, workers, maxWaiting);
  }

  /** Threads that may read at once. */
  get workers(): number {
    return this.#size;
  }

  /**
   * Reads one batch, as `AtpFile.flat` does.
   *
   * @throws {StowageError} as `AtpFile.flat` does; ERR_CLOSED, also for what is under way when the pool is closed;
   * ERR_POOL_FULL; ERR_POOL_WORKER if the thread dies, of which another takes the place.
   */
  async flat(indices: ArrayLike<number>, options: AtpPoolReadOptions = {}): Promise<FlatBatch> {
    const { fields, signal } = options;
    signal?.throwIfAborted();
    if (this.#closing !== null) throw closed(this.path);
    const resolved = Array.from(indices, (index) => resolveIndex(index, this.length, this.path));
    if (this.#waiting.length >= this.#maxWaiting) throw this.#full();
    return new Promise<FlatBatch>((resolve, reject) => {
      const job: Job = {
        request: { indices: resolved, fields: fields && [...fields] },
        resolve: (batch) => {
          signal?.removeEventListener("abort", giveUp);
          resolve(batch);
        },
        reject: (error) => {
          signal?.removeEventListener("abort", giveUp);
          reject(error);
        },
      };
      const giveUp = (): void => {
        const place = this.#waiting.indexOf(job);
        if (place >= 0) this.#waiting.splice(place, 1);
        job.reject(signal!.reason);
      };
      signal?.addEventListener("abort", giveUp);
      this.#waiting.push(job);
      this.#dispatch();
    });
  }

  /**
   * Reads batches one after the other, in this order, and ahead of their use: two for each thread, no more.
   *
   * @throws {StowageError} as {@link flat} does, at the batch that is wrong.
   */
  async *batches(
    lists: Iterable<ArrayLike<number>>,
    options: AtpPoolReadOptions = {},
  ): AsyncGenerator<FlatBatch, void, undefined> {
    const stop = new AbortController();
    const signals = options.signal ? [options.signal, stop.signal] : [stop.signal];
    const signal = AbortSignal.any(signals);
    const ahead: Promise<FlatBatch>[] = [];
    const most = Math.min(2 * this.#size, this.#maxWaiting);
    try {
      for (const indices of lists) {
        const batch = this.flat(indices, { fields: options.fields, signal });
        batch.catch(() => undefined); // it is looked at when its turn comes
        ahead.push(batch);
        if (ahead.length >= most) yield await ahead.shift()!;
      }
      while (ahead.length > 0) yield await ahead.shift()!;
    } finally {
      stop.abort();
    }
  }

  /** Ends all threads. What is under way rejects with ERR_CLOSED. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  [Symbol.dispose](): void {
    void this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(): Promise<void> {
    const jobs = [...this.#running.values(), ...this.#waiting];
    const threads = [...this.#threads];
    this.#running.clear();
    this.#waiting.length = 0;
    this.#threads.clear();
    for (const job of jobs) job.reject(closed(this.path));
    await Promise.all(threads.map((thread) => thread.end()));
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#idle.pop() ?? this.#start();
      if (thread === null) return;
      const job = this.#waiting.shift()!;
      this.#running.set(thread, job);
      thread.ask(job.request, (answer) => this.#take(thread, job, answer));
    }
  }

  #start(): PoolThread | null {
    if (this.#threads.size >= this.#size) return null;
    const thread: PoolThread = new PoolThread({ path: this.path }, (reason) => this.#bury(thread, reason));
    this.#threads.add(thread);
    return thread;
  }

  #take(thread: PoolThread, job: Job, answer: PoolAnswer): void {
    this.#running.delete(thread);
    this.#idle.push(thread);
    if ("batch" in answer) job.resolve(answer.batch);
    else job.reject(unpackError(answer.error));
    this.#dispatch();
  }

  /** A thread died. The next batch starts another. */
  #bury(thread: PoolThread, reason: string): void {
    if (!this.#threads.delete(thread)) return;
    const place = this.#idle.indexOf(thread);
    if (place >= 0) this.#idle.splice(place, 1);
    const job = this.#running.get(thread);
    this.#running.delete(thread);
    job?.reject(
      new StowageError(
        "ERR_POOL_WORKER",
        `Cannot read a batch of ${this.path}: its worker thread died, ${reason}`,
        { path: this.path, reason },
        { hint: "ask again: another thread takes its place" },
      ),
    );
    this.#dispatch();
  }

  #full(): StowageError<"ERR_POOL_FULL"> {
    return new StowageError(
      "ERR_POOL_FULL",
      `Cannot read one more batch of ${this.path} now: ${this.#maxWaiting} wait already`,
      { path: this.path, limit: this.#maxWaiting },
      { hint: "await some of them first, or use batches()" },
    );
  }
}

function defaultWorkers(): number {
  const { availableParallelism } = globalThis.process.getBuiltinModule("node:os");
  return Math.min(availableParallelism(), MAX_DEFAULT_WORKERS);
}

function checkCount(option: string, value: number): void {
  if (Number.isInteger(value) && value > 0) return;
  throw new StowageError("ERR_OPTION", `Cannot use ${option} ${value}: it must be a whole number above 0`, {
    option,
    value: String(value),
  });
}
