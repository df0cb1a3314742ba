import type { Answer, Mode } from "../backend.js";
import type { Column as ReadColumn, Value } from "../row.js";
import { chain, type Maybe } from "./answer.js";
import type { ColumnOf, Item } from "./row-types.js";
import type { Indices, Selection } from "./selection.js";
import type { Table } from "./table.js";
import { BATCH_ROWS, checkCount, checkSize } from "./view-checks.js";

/** A view of a mode. */
type Column<M extends Mode, V extends Item> = M extends "sync" ? ColumnViewSync<V> : ColumnView<V>;

/** What the views of both modes have in common. */
export abstract class ColumnViewBase<M extends Mode, V extends Item> {
  readonly key: string;
  protected readonly table: Table<M, unknown>;
  protected readonly selection: Selection;

  constructor(table: Table<M, unknown>, selection: Selection, key: string) {
    this.table = table;
    this.selection = selection;
    this.key = key;
  }

  protected abstract derive(selection: Selection): Column<M, V>;

  /** Number of rows, with and without the key. */
  count(): Answer<M, number> {
    return this.table.run(() => chain(this.#indices(), ({ length }) => length));
  }

  /**
   * The value in one row, `undefined` if it has none.
   *
   * @throws {StowageError} ERR_INDEX_RANGE
   */
  at(position: number): Answer<M, V | undefined> {
    const { table, key } = this;
    return table.run(() =>
      chain(table.indexAt(this.selection, position), (index) =>
        chain(table.readRows([index], [key]), ([row]) => {
          const value = Object.hasOwn(row!, key) ? row![key] : undefined;
          return value === undefined ? undefined : (table.display.value(key, value) as V);
        }),
      ),
    );
  }

  /**
   * The values of all rows: a typed array of numbers, one array where all rows have arrays of one shape, else a list.
   *
   * Where a row lacks the key it is a list too, with `null` there.
   *
   * @throws {StowageError} ERR_KEY_MISSING where no row of the dataset has the key.
   */
  toArray(): Answer<M, ColumnOf<V>> {
    const { table } = this;
    return table.run(() => chain(this.#read(), (column) => table.display.column(column) as ColumnOf<V>));
  }

  /** Narrower, as Python's slices. */
  slice(start?: number, stop?: number, step?: number): Column<M, V> {
    return this.derive(this.selection.slice(start, stop, step));
  }

  /** The values in these rows, in this order. */
  pick(positions: ArrayLike<number>): Column<M, V> {
    return this.derive(this.selection.pick(positions));
  }

  /**
   * Sets the key of each row to a value of its own.
   *
   * @throws {StowageError} ERR_SHAPE if there are not as many values as rows; ERR_READ_ONLY, ERR_UNSUPPORTED
   */
  set(values: ArrayLike<V>): Answer<M, void> {
    const { table, key } = this;
    return table.run(() =>
      chain(this.#indices(), (indices) => {
        checkCount(values.length, indices.length, table.name);
        const patches = Array.from(values, (value) => ({ [key]: value }));
        return table.updateEach(indices.part(0, indices.length), patches);
      }),
    );
  }

  #indices(): Maybe<Indices> {
    return this.table.resolve(this.selection);
  }

  #read(): Maybe<ReadColumn> {
    return chain(this.#indices(), (indices) => this.table.column(this.key, indices.part(0, indices.length)));
  }
}

/** The values of one key in some rows, read when they are asked for. */
export class ColumnView<V extends Item = Value> extends ColumnViewBase<"async", V> {
  protected derive(selection: Selection): ColumnView<V> {
    return new ColumnView(this.table, selection, this.key);
  }

  /** Values of `size` rows at a time. */
  async *chunked(size: number): AsyncGenerator<ColumnOf<V>, void, undefined> {
    checkSize(size);
    const indices = await this.table.resolve(this.selection);
    for (let start = 0; start < indices.length; start += size) {
      const read = await this.table.column(this.key, indices.part(start, start + size));
      yield this.table.display.column(read) as ColumnOf<V>;
    }
  }

  /** `null` where a row lacks the key. */
  async *[Symbol.asyncIterator](): AsyncGenerator<V | null, void, undefined> {
    const indices = await this.table.resolve(this.selection);
    for (let start = 0; start < indices.length; start += BATCH_ROWS) {
      const read = await this.table.column(this.key, indices.part(start, start + BATCH_ROWS));
      yield* this.table.display.list(read) as (V | null)[];
    }
  }
}

/** As {@link ColumnView}, answering at once. */
export class ColumnViewSync<V extends Item = Value> extends ColumnViewBase<"sync", V> {
  /** Number of rows, with and without the key. */
  get length(): number {
    return this.count();
  }

  protected derive(selection: Selection): ColumnViewSync<V> {
    return new ColumnViewSync(this.table, selection, this.key);
  }

  /** Values of `size` rows at a time. */
  *chunked(size: number): Generator<ColumnOf<V>, void, undefined> {
    checkSize(size);
    const indices = this.table.resolve(this.selection) as Indices;
    for (let start = 0; start < indices.length; start += size) {
      const read = this.table.column(this.key, indices.part(start, start + size)) as ReadColumn;
      yield this.table.display.column(read) as ColumnOf<V>;
    }
  }

  /** `null` where a row lacks the key. */
  *[Symbol.iterator](): Generator<V | null, void, undefined> {
    const indices = this.table.resolve(this.selection) as Indices;
    for (let start = 0; start < indices.length; start += BATCH_ROWS) {
      const read = this.table.column(this.key, indices.part(start, start + BATCH_ROWS)) as ReadColumn;
      yield* this.table.display.list(read) as (V | null)[];
    }
  }
}
