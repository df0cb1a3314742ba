import type { SyncByteSource } from "@stowage/core";
import type { DatabaseStat } from "./meta.js";
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
import { Overwritten, SyncEnvironment } from "./sync-environment.js";

/** What `stat` of a reader tells. */
export interface LmdbStat extends DatabaseStat {
  readonly pageSize: number;
  /** Bytes that writers may let the file grow to. */
  readonly mapSize: number;
  /** Number of the last page in use. */
  readonly lastPage: number;
  /** The commit that is read. */
  readonly txnId: number;
}

/**
 * The main database of an LMDB environment (data format v1), read without LMDB: no native library, no lock file.
 *
 * Each call sees one commit: that of the opening or the last {@link refresh}, or a newer one if other processes have
 * written over that since. Values are copies.
 *
 * @example
 * ```ts
 * using reader = LmdbReader.open("water.lmdb/default");
 * console.log(reader.entries, reader.get("__meta__count"));
 * ```
 */
export class LmdbReader {
  readonly #environment: SyncEnvironment;

  private constructor(environment: SyncEnvironment) {
    this.#environment = environment;
  }

  /**
   * @param input  The path of a data file, or of the folder that holds `data.mdb`; or bytes, which `close` closes.
   * @throws {StowageError} ERR_FILE_MISSING, ERR_FILE_ACCESS, ERR_LMDB_FORMAT; ERR_LMDB_VERSION for a file of another
   * data format or kind of machine.
   */
  static open(input: string | SyncByteSource): LmdbReader {
    return new LmdbReader(new SyncEnvironment(input));
  }

  /** The data file. */
  get path(): string {
    return this.#environment.path;
  }

  /** Number of key/value pairs in the commit that is read. */
  get entries(): number {
    return this.#environment.snapshot.meta.main.entries;
  }

  /** Id of the commit that is read. */
  get txnId(): number {
    return this.#environment.snapshot.meta.txnId;
  }

  get stat(): LmdbStat {
    const { main, pageSize, mapSize, lastPage, txnId } = this.#environment.snapshot.meta;
    return { ...main, pageSize, mapSize, lastPage, txnId };
  }

  /** The value of a key, or `undefined`. @throws {StowageError} ERR_LMDB_FORMAT, ERR_LMDB_CHANGED */
  get(key: LmdbKey): Uint8Array | undefined {
    return this.#environment.run(valueTask(toKey(key)));
  }

  /** The values of some keys, all of one commit. @throws {StowageError} ERR_LMDB_FORMAT, ERR_LMDB_CHANGED */
  getMany(keys: readonly LmdbKey[]): (Uint8Array | undefined)[] {
    return this.#environment.run(valuesTask(keys.map(toKey)));
  }

  /** The entries of a range in the order of their keys, all of one commit. @throws as {@link getMany} */
  range(range: LmdbRange = {}): LmdbEntry[] {
    return this.#environment.run(rangeTask(range));
  }

  /**
   * The same one after the other, for more than fits into memory.
   *
   * @throws {StowageError} ERR_LMDB_FORMAT; ERR_LMDB_CHANGED if other processes write over the commit meanwhile.
   */
  *iterate(range: LmdbRange = {}): Generator<LmdbEntry, void, undefined> {
    const environment = this.#environment;
    const { snapshot } = environment;
    let after: Uint8Array | undefined;
    let count = 0;
    for (;;) {
      const rest = { ...range, limit: (range.limit ?? Infinity) - count };
      const { entries, ended } = asError(environment.path, () =>
        environment.runOn(snapshot, partTask(rest, after)),
      );
      yield* entries;
      count += entries.length;
      if (ended) break;
      after = entries.at(-1)![0];
    }
    if (isEverything(range)) checkCount(snapshot, count);
  }

  /** Takes up what other processes have committed. @returns Whether there was anything. */
  refresh(): boolean {
    const before = this.txnId;
    return this.#environment.refresh().meta.txnId !== before;
  }

  close(): void {
    this.#environment.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function asError<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof Overwritten ? error.toError(path) : error;
  }
}
