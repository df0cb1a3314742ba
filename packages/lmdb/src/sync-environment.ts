import { nodeFs, nodePath, type SyncByteSource } from "@stowage/core";
import { LmdbKernel, openFileSource } from "@stowage/mmap";
import { changedError } from "./errors.js";
import { u64 } from "./little-endian.js";
import { META_END, type Meta, newestMeta, parseMeta, TXN_ID, tooShort } from "./meta.js";
import { PageCache } from "./page-cache.js";
import { type Pages, Snapshot } from "./snapshot.js";
import { isOverwritten, MAX_ATTEMPTS, type Task } from "./task.js";

const CACHE_BYTES = 4 << 20;

/** An LMDB file behind a source that answers at once, at its newest commit. */
export class SyncEnvironment {
  readonly path: string;
  /** Reads rows of the file; `null` where there is no addon. */
  readonly kernel: LmdbKernel | null;
  readonly #source: SyncByteSource & { refresh?(): number };
  #snapshot: Snapshot;
  #outdated = false;

  /** @param input  A data file, its folder, or bytes. What was opened by path is closed if it is no LMDB file. */
  constructor(input: string | SyncByteSource) {
    this.#source = typeof input === "string" ? openFileSource(dataFile(input)) : input;
    this.path = this.#source.name;
    this.kernel = LmdbKernel.of(this.#source);
    try {
      this.#snapshot = this.#takeSnapshot();
    } catch (error) {
      this.#source.close();
      throw error;
    }
  }

  get snapshot(): Snapshot {
    return this.#outdated ? this.refresh() : this.#snapshot;
  }

  /** Id of the newest commit. */
  get newestTxnId(): number {
    return this.#newestTxnId(this.#snapshot.meta.pageSize);
  }

  /** Has the next read take up the newest commit. */
  outdate(): void {
    this.#outdated = true;
  }

  /** Does work on the commit at hand, or on the newest if another process has written over that. */
  run<T>(task: Task<T>): T {
    for (let attempt = 1; ; attempt++) {
      try {
        return this.runOn(this.snapshot, task);
      } catch (error) {
        if (!(error instanceof Overwritten)) throw error;
        if (attempt === MAX_ATTEMPTS) throw error.toError(this.path);
        this.#snapshot = this.#takeSnapshot();
      }
    }
  }

  /** Does work on one commit and no other. @throws {Overwritten} if another process may have written over it. */
  runOn<T>(snapshot: Snapshot, task: Task<T>): T {
    let result: T;
    try {
      result = task(snapshot)();
    } catch (error) {
      // What looks like damage may be pages that were written over while they were read.
      this.#source.check?.();
      this.#checkUnchanged(snapshot);
      throw error;
    }
    this.#source.check?.();
    this.#checkUnchanged(snapshot);
    return result;
  }

  /** The newest commit; the one at hand if there is no newer one. */
  refresh(): Snapshot {
    this.#outdated = false;
    const { meta } = this.#snapshot;
    if (this.#newestTxnId(meta.pageSize) === meta.txnId) return this.#snapshot;
    const snapshot = this.#takeSnapshot();
    if (snapshot.meta.txnId !== meta.txnId) this.#snapshot = snapshot;
    return this.#snapshot;
  }

  close(): void {
    this.#source.close();
  }

  #checkUnchanged({ meta }: Snapshot): void {
    const newest = this.#newestTxnId(meta.pageSize);
    if (isOverwritten(meta.txnId, newest)) throw new Overwritten(meta.txnId, newest);
  }

  #newestTxnId(pageSize: number): number {
    const first = u64(this.#source.readSync(TXN_ID, 8), 0);
    const second = u64(this.#source.readSync(pageSize + TXN_ID, 8), 0);
    return Math.max(first, second);
  }

  #takeSnapshot(): Snapshot {
    const meta = this.#readMeta();
    // After the meta: whatever it refers to is in the file by now.
    this.#source.refresh?.();
    return new Snapshot(this.path, meta, new SourcePages(this.#source));
  }

  #readMeta(): Meta {
    for (;;) {
      const first = this.#metaBytes(0);
      const { pageSize } = parseMeta(first, 0, this.path);
      const second = this.#metaBytes(pageSize);
      const meta = newestMeta(parseMeta(first, 0, this.path), parseMeta(second, 1, this.path), this.path);
      // A writer may have been halfway through one of them.
      if (sameBytes(first, this.#metaBytes(0)) && sameBytes(second, this.#metaBytes(pageSize))) return meta;
    }
  }

  #metaBytes(byteOffset: number): Uint8Array {
    const { byteLength } = this.#source;
    if (byteOffset + META_END > byteLength) throw tooShort(this.path, byteLength);
    return this.#source.readSync(byteOffset, META_END).slice();
  }
}

/** Another process may have written over the commit that was read. Becomes a retry, or an error for users. */
export class Overwritten {
  constructor(
    readonly txnId: number,
    readonly newestTxnId: number,
  ) {}

  toError(path: string): Error {
    return changedError(path, this.txnId, this.newestTxnId);
  }
}

class SourcePages implements Pages {
  readonly #source: SyncByteSource;
  readonly #cache: PageCache | null;

  constructor(source: SyncByteSource) {
    this.#source = source;
    this.#cache = source.resident ? null : new PageCache(CACHE_BYTES);
  }

  get byteLength(): number {
    return this.#source.byteLength;
  }

  read(firstPage: number, count: number, pageSize: number): Uint8Array {
    const byteLength = count * pageSize;
    const cached = this.#cache?.get(firstPage, byteLength);
    if (cached !== undefined) return cached;
    const bytes = this.#source.readSync(firstPage * pageSize, byteLength);
    if (this.#cache !== null && count === 1) {
      this.#cache.set(firstPage, bytes);
      this.#cache.trim();
    }
    return bytes;
  }
}

/** The data file of an environment: the path itself, or `data.mdb` in a folder. */
function dataFile(path: string): string {
  const isFolder = nodeFs().statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder ? nodePath().join(path, "data.mdb") : path;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i]);
}
