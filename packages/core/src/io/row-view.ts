import type { Answer, Mode } from "../backend.js";
import { chain, type Maybe } from "./answer.js";
import { ColumnView, ColumnViewSync } from "./column-view.js";
import { ColumnsView, ColumnsViewSync } from "./columns-view.js";
import type { Item, KeyOf, PartOf, PatchOf, ValueOf } from "./row-types.js";
import type { Indices, Selection } from "./selection.js";
import type { Table } from "./table.js";
import { BATCH_ROWS, checkCount, checkSize } from "./view-checks.js";

/** A row view of a mode. */
export type Rows<M extends Mode, T> = M extends "sync" ? RowViewSync<T> : RowView<T>;
/** A view of one column, of a mode. */
export type OneColumn<M extends Mode, V extends Item> = M extends "sync" ? ColumnViewSync<V> : ColumnView<V>;
/** A view of several columns, of a mode. */
export type SomeColumns<M extends Mode, T> = M extends "sync"
  ? ColumnsViewSync<PartOf<T>>
  : ColumnsView<PartOf<T>>;

/** What the views of both modes have in common. */
export abstract class RowViewBase<M extends Mode, T> {
  /** @internal */
  readonly table: Table<M, T>;
  /** @internal */
  readonly selection: Selection;

  constructor(table: Table<M, T>, selection: Selection) {
    this.table = table;
    this.selection = selection;
  }

  protected abstract derive(selection: Selection): Rows<M, T>;

  /** Number of rows. */
  count(): Answer<M, number> {
    return this.table.run(() => chain(this.#indices(), ({ length }) => length));
  }

  /**
   * One row; the position may count from the end. `null` for a reserved place.
   *
   * @throws {StowageError} ERR_INDEX_RANGE
   */
  at(position: number): Answer<M, T | null> {
    const { table } = this;
    return table.run(() =>
      chain(table.indexAt(this.selection, position), (index) =>
        chain(table.read([index]), (rows) => rows[0]!),
      ),
    );
  }

  /** All rows, read together. */
  toArray(): Answer<M, (T | null)[]> {
    const { table } = this;
    return table.run(() => chain(this.#indices(), (indices) => table.read(indices.part(0, indices.length))));
  }

  /**
   * Narrower, as Python's slices: bounds may count from the end, and lie outside.
   *
   * @param stop  Exclusive. Default: to the end.
   * @throws {StowageError} ERR_OPTION for bounds that are no whole numbers.
   */
  slice(start?: number, stop?: number, step?: number): Rows<M, T> {
    return this.derive(this.selection.slice(start, stop, step));
  }

  /** The rows at these positions, in this order, repeated where they repeat; positions may count from the end. */
  pick(positions: ArrayLike<number>): Rows<M, T> {
    return this.derive(this.selection.pick(positions));
  }

  /** The values of one key. */
  abstract column<K extends KeyOf<T>>(key: K): OneColumn<M, ValueOf<T, K>>;

  /** The values of some keys. */
  abstract columns(keys: readonly KeyOf<T>[]): SomeColumns<M, T>;

  /**
   * Replaces the rows, one by one.
   *
   * @throws {StowageError} ERR_SHAPE if there are not as many; ERR_READ_ONLY, ERR_UNSUPPORTED
   */
  set(rows: readonly (T | null)[]): Answer<M, void> {
    return this.#write((table, indices) => {
      checkCount(rows.length, indices.length, table.name);
      return table.set(indices.part(0, indices.length), rows);
    });
  }

  /** Sets the keys of a patch in every row. */
  update(patch: PatchOf<T>): Answer<M, void> {
    return this.#write((table, indices) => table.update(indices.part(0, indices.length), patch));
  }

  /** Removes the rows. They need not lie together. */
  delete(): Answer<M, void> {
    return this.#write((table, indices) => table.delete(indices.part(0, indices.length)));
  }

  /** Removes keys from the rows. */
  drop(keys: readonly string[]): Answer<M, void> {
    return this.#write((table, indices) => table.drop(keys, indices.part(0, indices.length)));
  }

  #indices(): Maybe<Indices> {
    return this.table.resolve(this.selection);
  }

  #write(use: (table: Table<M, T>, indices: Indices) => Maybe<void>): Answer<M, void> {
    const { table } = this;
    return table.run(() => chain(this.#indices(), (indices) => use(table, indices)));
  }
}

/**
 * Some rows of a dataset, read when they are asked for.
 *
 * A view keeps positions, not rows: it shows what the dataset has there when it is used.
 */
export class RowView<T> extends RowViewBase<"async", T> {
  protected derive(selection: Selection): RowView<T> {
    return new RowView(this.table, selection);
  }

  column<K extends KeyOf<T>>(key: K): ColumnView<ValueOf<T, K>> {
    return new ColumnView(this.table, this.selection, key);
  }

  columns(keys: readonly KeyOf<T>[]): ColumnsView<PartOf<T>> {
    return new ColumnsView(this.table, this.selection, keys);
  }

  /** Lists of `size` rows, the last one shorter. The next one is read while the one before is in use. */
  async *chunked(size: number): AsyncGenerator<(T | null)[], void, undefined> {
    checkSize(size);
    const indices = await this.table.resolve(this.selection);
    const read = async (start: number) => this.table.read(indices.part(start, start + size));
    let next = read(0);
    for (let start = 0; start < indices.length; start += size) {
      const chunk = await next;
      if (start + size < indices.length) {
        next = read(start + size);
        // Whoever stops early never looks at it.
        next.catch(() => {});
      }
      yield chunk;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T | null, void, undefined> {
    for await (const chunk of this.chunked(BATCH_ROWS)) yield* chunk;
  }
}

/** As {@link RowView}, answering at once. */
export class RowViewSync<T> extends RowViewBase<"sync", T> {
  /** Number of rows. */
  get length(): number {
    return this.count();
  }

  protected derive(selection: Selection): RowViewSync<T> {
    return new RowViewSync(this.table, selection);
  }

  column<K extends KeyOf<T>>(key: K): ColumnViewSync<ValueOf<T, K>> {
    return new ColumnViewSync(this.table, this.selection, key);
  }

  columns(keys: readonly KeyOf<T>[]): ColumnsViewSync<PartOf<T>> {
    return new ColumnsViewSync(this.table, this.selection, keys);
  }

  /** Lists of `size` rows, the last one shorter. */
  *chunked(size: number): Generator<(T | null)[], void, undefined> {
    checkSize(size);
    const indices = this.table.resolve(this.selection) as Indices;
    for (let start = 0; start < indices.length; start += size) {
      yield this.table.read(indices.part(start, start + size)) as (T | null)[];
    }
  }

  *[Symbol.iterator](): Generator<T | null, void, undefined> {
    for (const chunk of this.chunked(BATCH_ROWS)) yield* chunk;
  }
}
