import { BlobSource, type ByteSource } from "@stowage/core";
import { AsyncEnvironment, type RemoteLmdbOptions } from "./async-environment.js";
import type { LmdbStat } from "./lmdb-reader.js";
import {
  checkCount,
  isEverything,
  type LmdbEntry,
  type LmdbKey,
  type LmdbRange,
  partTask,
  rangeTask,
  toKey,
  valuesTask,
  valueTask,
} from "./range.js";
import { Overwritten } from "./sync-environment.js";

interface CallOptions {
  signal?: AbortSignal;
}

/** An LMDB environment behind something that answers later: what {@link LmdbReader} does at once. */
export class RemoteLmdb {
  readonly #environment: AsyncEnvironment;

  /** @internal Made by {@link openLmdb}. */
  constructor(environment: AsyncEnvironment) {
    this.#environment = environment;
  }

  get path(): string {
    return this.#environment.path;
  }

  /** Number of key/value pairs in the commit that is read. */
  get entries(): number {
    return this.#environment.snapshot.meta.main.entries;
  }

  get txnId(): number {
    return this.#environment.snapshot.meta.txnId;
  }

  get stat(): LmdbStat {
    const { main, pageSize, mapSize, lastPage, txnId } = this.#environment.snapshot.meta;
    return { ...main, pageSize, mapSize, lastPage, txnId };
  }

  /** The value of a key, or `undefined`: a read for each level of the tree that is not in memory yet. */
  async get(key: LmdbKey, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    return this.#environment.run(valueTask(toKey(key)), options.signal);
  }

  /** The values of some keys: what they need is read together, level by level. */
  async getMany(keys: readonly LmdbKey[], options: CallOptions = {}): Promise<(Uint8Array | undefined)[]> {
    return this.#environment.run(valuesTask(keys.map(toKey)), options.signal);
  }

  /** The entries of a range in the order of their keys. */
  async range(range: LmdbRange = {}, options: CallOptions = {}): Promise<LmdbEntry[]> {
    return this.#environment.run(rangeTask(range), options.signal);
  }

  /** The same one after the other, for more than fits into memory. */
  async *iterate(
    range: LmdbRange = {},
    options: CallOptions = {},
  ): AsyncGenerator<LmdbEntry, void, undefined> {
    const environment = this.#environment;
    const { snapshot } = environment;
    let after: Uint8Array | undefined;
    let count = 0;
    for (;;) {
      const rest = { ...range, limit: (range.limit ?? Infinity) - count };
      const { entries, ended } = await environment
        .runOn(snapshot, partTask(rest, after), options.signal)
        .catch((error: unknown) => {
          throw error instanceof Overwritten ? error.toError(environment.path) : error;
        });
      yield* entries;
      count += entries.length;
      if (ended) break;
      after = entries.at(-1)![0];
    }
    if (isEverything(range)) checkCount(snapshot, count);
  }

  /** Takes up what has been committed since. @returns Whether there was anything. */
  async refresh(options: CallOptions = {}): Promise<boolean> {
    const before = this.txnId;
    return (await this.#environment.refresh(options.signal)).meta.txnId !== before;
  }

  close(): void {
    this.#environment.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Opens an LMDB data file that is not on this machine's disk.
 *
 * @param input  A Blob or File, or bytes from anywhere; `close` closes them.
 * @throws {StowageError} ERR_LMDB_FORMAT, ERR_LMDB_VERSION, or what the source throws.
 *
 * @example
 * ```ts
 * using lmdb = await openLmdb(file);
 * console.log(await lmdb.get("__meta__count"));
 * ```
 */
export async function openLmdb(
  input: Blob | ByteSource,
  options: RemoteLmdbOptions = {},
): Promise<RemoteLmdb> {
  const source = input instanceof Blob ? new BlobSource(input) : input;
  return new RemoteLmdb(await AsyncEnvironment.open(source, options));
}
