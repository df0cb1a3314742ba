import type { Answer, Mode, RowStore } from "../backend.js";
import type { RowSchema } from "../row.js";
import { resolveIndex } from "../task.js";
import { chain, type Maybe } from "./answer.js";
import type { CacheCounts } from "./cached-store.js";
import type { KeyOf, PartOf, PatchOf, ValueOf } from "./row-types.js";
import { type OneColumn, type Rows, RowView, RowViewSync, type SomeColumns } from "./row-view.js";
import { Selection } from "./selection.js";
import { type RowCodec, Table } from "./table.js";

/** What facades of all tiers and both modes have in common. */
export abstract class Facade<M extends Mode, T> {
  /** @internal */
  readonly table: Table<M, T>;

  /** How often `cacheTo` had what was asked for; `null` without it. */
  readonly cache: CacheCounts | null;

  /** @internal */
  constructor(table: Table<M, T>, cache: CacheCounts | null = null) {
    this.table = table;
    this.cache = cache;
  }

  /** All rows. */
  protected abstract readonly all: Rows<M, T>;

  /** The path or URL it was opened with. */
  get name(): string {
    return this.table.name;
  }

  /** What the reader had to repair or ignore when it opened the dataset. */
  get warnings(): readonly string[] {
    return this.table.store.warnings;
  }

  /** The rows as backends see them, for tools. */
  get store(): RowStore<M> {
    return this.table.store;
  }

  /** Number of rows. */
  count(): Answer<M, number> {
    return this.table.run(() => this.table.count());
  }

  /**
   * One row; the index may count from the end. `null` for a reserved place.
   *
   * @throws {StowageError} ERR_INDEX_RANGE
   */
  at(index: number): Answer<M, T | null> {
    return this.all.at(index) as Answer<M, T | null>;
  }

  /**
   * Some keys of one row, with scalars as plain numbers; keys that it has not are left out.
   *
   * @param options.keys  Default: all.
   * @throws {StowageError} ERR_INDEX_RANGE
   */
  get(index: number, options: { keys?: readonly string[] } = {}): Answer<M, PartOf<T>> {
    return this.#atIndex(index, (at) =>
      chain(this.table.readRows([at], options.keys), (rows) => this.table.show(rows[0]!) as PartOf<T>),
    );
  }

  /** The keys of one row. */
  keys(index: number): Answer<M, string[]> {
    return this.#atIndex(index, (at) => chain(this.table.readRows([at]), (rows) => Object.keys(rows[0]!)));
  }

  /** All keys with their types. */
  schema(): Answer<M, RowSchema> {
    return this.table.run(() => this.table.store.schema() as Maybe<RowSchema>);
  }

  /** A part of the rows, as Python's slices: bounds may count from the end, and lie outside. */
  slice(start?: number, stop?: number, step?: number): Rows<M, T> {
    return this.all.slice(start, stop, step) as Rows<M, T>;
  }

  /** The rows at these indices, in this order. */
  pick(indices: ArrayLike<number>): Rows<M, T> {
    return this.all.pick(indices) as Rows<M, T>;
  }

  /** The values of one key in all rows. */
  column<K extends KeyOf<T>>(key: K): OneColumn<M, ValueOf<T, K>> {
    return this.all.column(key) as OneColumn<M, ValueOf<T, K>>;
  }

  /** The values of some keys in all rows. */
  columns(keys: readonly KeyOf<T>[]): SomeColumns<M, T> {
    return this.all.columns(keys) as SomeColumns<M, T>;
  }

  /** All rows, read together. */
  toArray(): Answer<M, (T | null)[]> {
    return this.all.toArray() as Answer<M, (T | null)[]>;
  }

  /**
   * Adds rows at the end, all or none.
   *
   * @returns The number of rows then.
   * @throws {StowageError} ERR_READ_ONLY, ERR_UNSUPPORTED
   */
  extend(rows: readonly (T | null)[]): Answer<M, number> {
    const { table } = this;
    return table.run(() => chain(table.extend(rows), () => table.count()));
  }

  /** Adds one row at the end. */
  append(row: T | null): Answer<M, number> {
    return this.extend([row]);
  }

  /**
   * Puts a row before the one at `index`, which may count from the end, or be the number of rows.
   *
   * @throws {StowageError} ERR_INDEX_RANGE, ERR_READ_ONLY, ERR_UNSUPPORTED
   */
  insert(index: number, row: T | null): Answer<M, void> {
    const { table } = this;
    return table.run(() =>
      chain(table.count(), (count) => {
        const at = index === count ? count : resolveIndex(index, count, table.name);
        return table.insert(at, [row]);
      }),
    );
  }

  /** Replaces one row; `null` makes its place a reserved one. */
  set(index: number, row: T | null): Answer<M, void> {
    return this.#atIndex(index, (at) => this.table.set([at], [row]));
  }

  /** Sets the keys of a patch in one row. */
  update(index: number, patch: PatchOf<T>): Answer<M, void> {
    return this.#atIndex(index, (at) => this.table.update([at], patch));
  }

  /** Removes one row. */
  delete(index: number): Answer<M, void> {
    return this.#atIndex(index, (at) => this.table.delete([at]));
  }

  /** Removes keys from all rows. */
  drop(keys: readonly string[]): Answer<M, void> {
    return this.all.drop(keys) as Answer<M, void>;
  }

  /** Adds places at the end, which read `null` until they are set. */
  reserve(count: number): Answer<M, number> {
    return this.extend(new Array<null>(count).fill(null));
  }

  /** Removes all rows. */
  clear(): Answer<M, void> {
    return this.table.run(() => this.table.clear());
  }

  /** Removes the dataset itself, and closes it. */
  destroy(): Answer<M, void> {
    return this.table.run(() => this.table.destroy());
  }

  /** Makes durable what was written. */
  flush(): Answer<M, void> {
    return this.table.run(() => this.table.flush());
  }

  /** Flushes what was written and lets the files go. Does nothing when closed already. */
  close(): Answer<M, void> {
    return this.table.run(() => this.table.store.close());
  }

  #atIndex<U>(index: number, use: (at: number) => Maybe<U>): Answer<M, U> {
    const { table } = this;
    return table.run(() => chain(table.indexAt(Selection.all, index), use));
  }
}

/** A facade that answers by promise. */
export abstract class AsyncFacade<T> extends Facade<"async", T> {
  protected readonly all: RowView<T>;

  /** @internal */
  constructor(table: Table<"async", T>, cache: CacheCounts | null = null) {
    super(table, cache);
    this.all = new RowView(table, Selection.all);
  }

  /** Lists of `size` rows, the last one shorter. */
  chunked(size: number): AsyncGenerator<(T | null)[], void, undefined> {
    return this.all.chunked(size);
  }

  [Symbol.asyncIterator](): AsyncGenerator<T | null, void, undefined> {
    return this.all[Symbol.asyncIterator]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A facade that answers at once. */
export abstract class SyncFacade<T> extends Facade<"sync", T> {
  protected readonly all: RowViewSync<T>;

  /** @internal */
  constructor(table: Table<"sync", T>, cache: CacheCounts | null = null) {
    super(table, cache);
    this.all = new RowViewSync(table, Selection.all);
  }

  /** Number of rows. */
  get length(): number {
    return this.count();
  }

  /** Lists of `size` rows, the last one shorter. */
  chunked(size: number): Generator<(T | null)[], void, undefined> {
    return this.all.chunked(size);
  }

  [Symbol.iterator](): Generator<T | null, void, undefined> {
    return this.all[Symbol.iterator]();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** A table over an open store. */
export function asyncTable<T>(store: RowStore, codec: RowCodec<T>, writable: boolean): Table<"async", T> {
  return new Table(store, codec, false, writable);
}

/** A table over an open store. */
export function syncTable<T>(
  store: RowStore<"sync">,
  codec: RowCodec<T>,
  writable: boolean,
): Table<"sync", T> {
  return new Table(store, codec, true, writable);
}
