import { type ByteSource, planReads } from "@stowage/core";
import { META_END, newestMeta, parseMeta, tooShort } from "./meta.js";
import { PageCache } from "./page-cache.js";
import { type PageRange, type Pages, PagesMissing, Snapshot } from "./snapshot.js";
import { Overwritten } from "./sync-environment.js";
import { isOverwritten, MAX_ATTEMPTS, type Task } from "./task.js";

const CACHE_BYTES = 8 << 20;
const CONCURRENT_READS = 16;
/** Both metas lie in it where pages have the usual size: one read opens a file. */
const HEAD_BYTES = 4096 + META_END;

export interface RemoteLmdbOptions {
  /**
   * Whether other processes write the source meanwhile. Costs a read more for each call. Default `false`: a Blob, or
   * an object in a store, keeps its bytes.
   */
  live?: boolean;
  signal?: AbortSignal;
}

/** A source that may know how to look again how long it is. */
type GrowingSource = ByteSource & { refresh?(): unknown };

/** An LMDB file behind a source that answers later. */
export class AsyncEnvironment {
  readonly path: string;
  readonly #source: GrowingSource;
  readonly #live: boolean;
  #snapshot: Snapshot<FetchedPages>;
  /** Calls under way, which need the pages that were fetched for them. */
  #running = 0;

  private constructor(source: ByteSource, live: boolean, snapshot: Snapshot<FetchedPages>) {
    this.path = source.name;
    this.#source = source;
    this.#live = live;
    this.#snapshot = snapshot;
  }

  /** Closes the source if it is no LMDB file. */
  static async open(source: ByteSource, options: RemoteLmdbOptions): Promise<AsyncEnvironment> {
    try {
      return new AsyncEnvironment(source, options.live === true, await takeSnapshot(source, options.signal));
    } catch (error) {
      source.close();
      throw error;
    }
  }

  get snapshot(): Snapshot<FetchedPages> {
    return this.#snapshot;
  }

  async run<T>(task: Task<T>, signal?: AbortSignal): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.runOn(this.#snapshot, task, signal);
      } catch (error) {
        if (!(error instanceof Overwritten)) throw error;
        if (attempt === MAX_ATTEMPTS) throw error.toError(this.path);
        await this.refresh(signal);
      }
    }
  }

  async runOn<T>(snapshot: Snapshot<FetchedPages>, task: Task<T>, signal?: AbortSignal): Promise<T> {
    this.#running++;
    try {
      const result = await this.#attempt(snapshot, task(snapshot), signal);
      await this.#checkUnchanged(snapshot, signal);
      return result;
    } finally {
      if (--this.#running === 0) snapshot.pages.cache.trim();
    }
  }

  async refresh(signal?: AbortSignal): Promise<Snapshot<FetchedPages>> {
    const snapshot = await takeSnapshot(this.#source, signal);
    if (snapshot.meta.txnId !== this.#snapshot.meta.txnId) this.#snapshot = snapshot;
    return this.#snapshot;
  }

  close(): void {
    this.#source.close();
  }

  async #attempt<T>(snapshot: Snapshot<FetchedPages>, work: () => T, signal?: AbortSignal): Promise<T> {
    for (;;) {
      try {
        return work();
      } catch (error) {
        if (!(error instanceof PagesMissing)) {
          await this.#checkUnchanged(snapshot, signal);
          throw error;
        }
        await snapshot.pages.fetch(error.ranges, snapshot.meta.pageSize, signal);
      }
    }
  }

  async #checkUnchanged({ meta }: Snapshot, signal?: AbortSignal): Promise<void> {
    if (!this.#live) return;
    const { txnId } = (await takeSnapshot(this.#source, signal)).meta;
    if (isOverwritten(meta.txnId, txnId)) throw new Overwritten(meta.txnId, txnId);
  }
}

async function takeSnapshot(source: GrowingSource, signal?: AbortSignal): Promise<Snapshot<FetchedPages>> {
  const { name, byteLength } = source;
  if (byteLength < META_END) throw tooShort(name, byteLength);
  const head = await source.read(0, Math.min(HEAD_BYTES, byteLength), { signal });
  const first = parseMeta(head.subarray(0, META_END), 0, name);
  const { pageSize } = first;
  const end = pageSize + META_END;
  if (end > byteLength) throw tooShort(name, byteLength);
  const bytes =
    end <= head.length ? head.subarray(pageSize, end) : await source.read(pageSize, META_END, { signal });
  const meta = newestMeta(first, parseMeta(bytes, 1, name), name);
  // After the meta: whatever it refers to is in the file by now.
  source.refresh?.();
  return new Snapshot(name, meta, new FetchedPages(source));
}

/** The pages that were fetched so far. */
export class FetchedPages implements Pages {
  readonly cache: PageCache = new PageCache(CACHE_BYTES);
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  get byteLength(): number {
    return this.#source.byteLength;
  }

  read(firstPage: number, count: number, pageSize: number): Uint8Array {
    const bytes = this.cache.get(firstPage, count * pageSize);
    if (bytes === undefined) throw new PagesMissing([{ firstPage, count }]);
    return bytes;
  }

  async fetch(ranges: readonly PageRange[], pageSize: number, signal?: AbortSignal): Promise<void> {
    const reads = planReads(
      ranges.map(({ firstPage }) => firstPage * pageSize),
      ranges.map(({ count }) => count * pageSize),
    );
    for (let i = 0; i < reads.length; i += CONCURRENT_READS) {
      const some = reads.slice(i, i + CONCURRENT_READS);
      const answers = await Promise.all(
        some.map(({ byteOffset, byteLength }) => this.#source.read(byteOffset, byteLength, { signal })),
      );
      for (const [j, { byteOffset, members }] of some.entries()) {
        for (const member of members) {
          const { firstPage, count } = ranges[member]!;
          const start = firstPage * pageSize - byteOffset;
          // A copy: a page that is kept must not keep all that was read with it.
          this.cache.set(firstPage, answers[j]!.slice(start, start + count * pageSize));
        }
      }
    }
  }
}
