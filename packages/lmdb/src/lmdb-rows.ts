import type { SyncByteSource } from "@stowage/core";
import { DEFAULT_GROUP, groupFile } from "./groups.js";
import { type BlobRow, columnTask, countTask, fieldsTask, rowKeysTask, rowsTask } from "./row-layout.js";
import { SyncEnvironment } from "./sync-environment.js";

export interface LmdbRowsOptions {
  /** Default `"default"`. */
  group?: string;
}

/**
 * The rows of an asebytes store in LMDB, as bytes: field name to value.
 *
 * Each call sees one commit: that of the opening or the last {@link refresh}, or a newer one if other processes have
 * written over that since.
 *
 * @example
 * ```ts
 * using rows = LmdbRows.open("water.lmdb", { group: "train" });
 * const energy = rows.at(-1)?.get("calc.energy"); // msgpack bytes
 * ```
 */
export class LmdbRows {
  readonly #environment: SyncEnvironment;

  private constructor(environment: SyncEnvironment) {
    this.#environment = environment;
  }

  /**
   * @param input  The folder that holds the groups; or the bytes of one group's `data.mdb`, which `close` closes.
   * @throws {StowageError} ERR_FILE_MISSING, also if there is no such group; ERR_LMDB_FORMAT, ERR_LMDB_VERSION,
   * ERR_LMDB_LAYOUT
   */
  static open(input: string | SyncByteSource, options: LmdbRowsOptions = {}): LmdbRows {
    const { group = DEFAULT_GROUP } = options;
    const environment = new SyncEnvironment(typeof input === "string" ? groupFile(input, group) : input);
    try {
      environment.run(countTask);
    } catch (error) {
      environment.close();
      throw error;
    }
    return new LmdbRows(environment);
  }

  /** The data file. */
  get path(): string {
    return this.#environment.path;
  }

  /** Id of the commit that is read. */
  get txnId(): number {
    return this.#environment.snapshot.meta.txnId;
  }

  /** Number of rows, empty slots included. */
  get length(): number {
    return this.#environment.run(countTask);
  }

  /** Names of all fields ever written, in the order of their bytes; rows may lack some. */
  get fields(): string[] {
    return this.#environment.run(fieldsTask);
  }

  /** One row; `null` for an empty slot. A negative index counts from the end. @throws as {@link getMany} */
  at(index: number, keys?: readonly string[]): BlobRow | null {
    return this.getMany([index], keys)[0]!;
  }

  /**
   * Rows of one commit, in this order.
   *
   * @param keys  Only these fields; a row leaves out those that it lacks.
   * @throws {StowageError} ERR_INDEX_RANGE, ERR_LMDB_FORMAT, ERR_LMDB_LAYOUT, ERR_LMDB_CHANGED
   */
  getMany(indices: ArrayLike<number>, keys?: readonly string[]): (BlobRow | null)[] {
    return this.#environment.run(rowsTask(indices, keys));
  }

  /** One field of rows, by default of all; `null` where a row lacks it. @throws as {@link getMany} */
  column(key: string, indices?: ArrayLike<number>): (Uint8Array | null)[] {
    return this.#environment.run(columnTask(key, indices));
  }

  /** The names of a row's fields, in the order of their bytes. @throws as {@link getMany} */
  keys(index: number): string[] {
    return this.#environment.run(rowKeysTask([index]))[0]!;
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
