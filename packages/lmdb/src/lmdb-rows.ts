import { closed, fileError, nodeFs, nodePath, readOnly, type SyncByteSource } from "@stowage/core";
import { DEFAULT_GROUP, groupFile, groupFolder } from "./groups.js";
import { BLOB_ROWS, blobsTask, FIRST_FIELD, fieldTask, PackedReader, type RowMaker } from "./packed-rows.js";
import { RowDraft } from "./row-draft.js";
import { type BlobRow, columnTask, countTask, fieldsTask, rowKeysTask } from "./row-layout.js";
import { RowOrder } from "./row-order.js";
import { SyncEnvironment } from "./sync-environment.js";
import { WriteEnvironment } from "./write-environment.js";

export interface LmdbRowsOptions {
  /** Default `"default"`. */
  group?: string;
  /** `"r+"` writes, too, and makes a group that is missing. Default `"r"`. */
  mode?: "r" | "r+";
}

/**
 * The rows of an asebytes store in LMDB, as bytes: field name to value.
 *
 * Each call sees one commit: that of the opening or the last {@link refresh}, or a newer one if other processes have
 * written over that since. Each call that writes is one commit, which builds on the newest: several processes and
 * threads may write, one after the other. A commit that was made stays whatever happens to the process; `flush` and
 * `close` make it stay whatever happens to the machine.
 *
 * @example
 * ```ts
 * using rows = LmdbRows.open("water.lmdb", { group: "train" });
 * const energy = rows.at(-1)?.get("calc.energy"); // msgpack bytes
 * ```
 */
export class LmdbRows {
  readonly #environment: SyncEnvironment;
  readonly #reader: PackedReader | null;
  readonly #writer: WriteEnvironment | null;
  /** As this handle's last commit left it. */
  #order: RowOrder | null = null;
  #closed = false;

  private constructor(environment: SyncEnvironment, writer: WriteEnvironment | null = null) {
    this.#environment = environment;
    this.#reader = environment.kernel && new PackedReader(environment.kernel);
    this.#writer = writer;
  }

  /**
   * @param input  The folder that holds the groups; or the bytes of one group's `data.mdb`, which `close` closes.
   * @throws {StowageError} ERR_FILE_MISSING, also if there is no such group; ERR_LMDB_FORMAT, ERR_LMDB_VERSION,
   * ERR_LMDB_LAYOUT; for writing also ERR_NATIVE_REQUIRED, ERR_FILE_ACCESS, ERR_LMDB_WRITE
   */
  static open(input: string | SyncByteSource, options: LmdbRowsOptions = {}): LmdbRows {
    const { group = DEFAULT_GROUP, mode = "r" } = options;
    if (mode === "r")
      return new LmdbRows(openReader(typeof input === "string" ? groupFile(input, group) : input));
    if (typeof input !== "string") throw readOnly(input.name);
    const folder = groupFolder(input, group);
    const file = nodePath().join(folder, "data.mdb");
    // What holds no rows is refused before LMDB has touched it.
    if (!isNew(file)) openReader(file).close();
    const writer = new WriteEnvironment(folder);
    try {
      return new LmdbRows(openReader(file), writer);
    } catch (error) {
      writer.close();
      throw error;
    }
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
    return this.#isNewest ? this.#order!.count : this.#environment.run(countTask);
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
    return this.read(indices, keys, BLOB_ROWS);
  }

  /** What a maker makes of rows. @throws as {@link getMany} */
  read<T>(indices: ArrayLike<number>, keys: readonly string[] | undefined, maker: RowMaker<T>): T[] {
    const twin = blobsTask(indices, keys, maker);
    return this.#environment.run(this.#reader?.task(indices, keys, maker, twin) ?? twin);
  }

  /** What a maker makes of one field of rows. @throws as {@link getMany} */
  readField<T>(indices: ArrayLike<number>, key: string, maker: RowMaker<T>): T[] {
    const twin = fieldTask(indices, key, maker);
    return this.#environment.run(this.#reader?.task(indices, [key], maker, twin) ?? twin);
  }

  /** A field that is a float64 in each of these rows; `null` if it is not, or to be read otherwise. @throws as {@link getMany} */
  readFloats(indices: ArrayLike<number>, key: string): Float64Array | null {
    return this.#reader && this.#environment.run(this.#reader.floatsTask(indices, key));
  }

  /** One field of rows, by default of all; `null` where a row lacks it. @throws as {@link getMany} */
  column(key: string, indices?: ArrayLike<number>): (Uint8Array | null)[] {
    if (indices === undefined) return this.#environment.run(columnTask(key));
    return this.readField(indices, key, FIRST_FIELD);
  }

  /** The names of a row's fields, in the order of their bytes. @throws as {@link getMany} */
  keys(index: number): string[] {
    return this.#environment.run(rowKeysTask([index]))[0]!;
  }

  /** Takes up what other processes have committed. @returns Whether there was anything. */
  refresh(): boolean {
    if (this.#isNewest) return false;
    const before = this.txnId;
    return this.#environment.refresh().meta.txnId !== before;
  }

  /** Adds rows at the end. @throws {StowageError} ERR_READ_ONLY, ERR_LOSS for a name that does not fit, ERR_LMDB_WRITE */
  append(rows: readonly BlobRow[]): void {
    this.#write((draft) => draft.insert(draft.count, rows));
  }

  /** Puts rows before the one at `index`, which may be the number of rows. @throws as {@link append}, ERR_INDEX_RANGE */
  insert(index: number, rows: readonly BlobRow[]): void {
    this.#write((draft) => draft.insert(index, rows));
  }

  /** Replaces whole rows. A row without fields is an empty slot. @throws as {@link insert} */
  set(indices: ArrayLike<number>, rows: readonly BlobRow[]): void {
    this.#write((draft) => draft.set(indices, rows));
  }

  /** Sets the fields of each patch in its row; others stay. @throws as {@link insert} */
  update(indices: ArrayLike<number>, patches: readonly BlobRow[]): void {
    this.#write((draft) => draft.update(indices, patches));
  }

  /** Removes rows; `indices` ascend. @throws as {@link insert} */
  delete(indices: ArrayLike<number>): void {
    this.#write((draft) => draft.delete(indices));
  }

  /** Removes fields from rows. @throws as {@link insert} */
  drop(names: readonly string[], indices: ArrayLike<number>): void {
    this.#write((draft) => draft.drop(names, indices));
  }

  /** Removes all rows. @throws as {@link append} */
  clear(): void {
    this.#write((draft) => draft.clear());
  }

  /** Makes durable what was written. @throws {StowageError} ERR_CLOSED, ERR_FILE_ACCESS */
  flush(): void {
    if (this.#closed) throw closed(this.path);
    this.#writer?.flush();
  }

  /** Flushes, and lets the files go. Does nothing when closed already. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#writer?.flush();
    } finally {
      this.#writer?.close();
      this.#environment.close();
    }
  }

  /** Whether the newest commit is this handle's own. */
  get #isNewest(): boolean {
    return this.#order !== null && this.#writer?.ownTxnId === this.#environment.newestTxnId;
  }

  #write(change: (draft: RowDraft) => void): void {
    if (this.#closed) throw closed(this.path);
    if (this.#writer === null) throw readOnly(this.path);
    const environment = this.#environment;
    const own = this.#order;
    let order: RowOrder | null = null;
    // Until it is committed nobody knows.
    this.#order = null;
    this.#writer.write(environment, (isOwn) => {
      const draft = new RowDraft((isOwn ? own : null) ?? RowOrder.of(() => environment.snapshot));
      change(draft);
      const operations = draft.finish();
      order = draft.after();
      return operations;
    });
    this.#order = order;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Whether there is no such file, or an empty one. */
function isNew(file: string): boolean {
  try {
    return (nodeFs().statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0;
  } catch (error) {
    throw fileError(error, "write", file);
  }
}

/** An environment that holds rows, or nothing yet. */
function openReader(input: string | SyncByteSource): SyncEnvironment {
  const environment = new SyncEnvironment(input);
  try {
    environment.run(countTask);
  } catch (error) {
    environment.close();
    throw error;
  }
  return environment;
}
