import type { Answer, Mode } from "../backend.js";
import { type Row, setKey } from "../row.js";
import { chain, type Maybe } from "./answer.js";
import type { ColumnOf, Item } from "./row-types.js";
import type { Indices, Selection } from "./selection.js";
import type { Table } from "./table.js";
import { BATCH_ROWS, checkCount, checkSize } from "./view-checks.js";

/** A view of a mode. */
type Columns<M extends Mode, R extends Items> = M extends "sync" ? ColumnsViewSync<R> : ColumnsView<R>;
/** Some keys of a row. */
type Items = Record<string, Item>;

/** What the views of both modes have in common. */
export abstract class ColumnsViewBase<M extends Mode, R extends Items> {
  readonly keys: readonly string[];
  protected readonly table: Table<M, unknown>;
  protected readonly selection: Selection;

  constructor(table: Table<M, unknown>, selection: Selection, keys: readonly string[]) {
    this.table = table;
    this.selection = selection;
    this.keys = [...keys];
  }

  protected abstract derive(selection: Selection): Columns<M, R>;

  /** Number of rows. */
  count(): Answer<M, number> {
    return this.table.run(() => chain(this.#indices(), ({ length }) => length));
  }

  /**
   * The values of one row by key; those that it has not are left out.
   *
   * @throws {StowageError} ERR_INDEX_RANGE
   */
  at(position: number): Answer<M, R> {
    return this.table.run(() =>
      chain(this.table.indexAt(this.selection, position), (index) =>
        chain(this.read([index]), (rows) => rows[0]!),
      ),
    );
  }

  /** One object a row; keys that a row has not are left out. */
  toArray(): Answer<M, R[]> {
    return this.table.run(() =>
      chain(this.#indices(), (indices) => this.read(indices.part(0, indices.length))),
    );
  }

  /**
   * The values of each key, as `column(key).toArray()` gives them.
   *
   * @throws {StowageError} ERR_KEY_MISSING for a key that no row of the dataset has.
   */
  toColumns(): Answer<M, Record<string, ColumnOf<R[string]>>> {
    return this.table.run(() =>
      chain(this.#indices(), (indices) => {
        const wanted = indices.part(0, indices.length);
        return this.keys.reduce<Maybe<Record<string, ColumnOf<R[string]>>>>(
          (before, key) =>
            chain(before, (columns) =>
              chain(this.table.column(key, wanted), (column) => {
                setKey(columns, key, this.table.display.column(column) as ColumnOf<R[string]>);
                return columns;
              }),
            ),
          {},
        );
      }),
    );
  }

  /** Narrower, as Python's slices. */
  slice(start?: number, stop?: number, step?: number): Columns<M, R> {
    return this.derive(this.selection.slice(start, stop, step));
  }

  /** The values in these rows, in this order. */
  pick(positions: ArrayLike<number>): Columns<M, R> {
    return this.derive(this.selection.pick(positions));
  }

  /**
   * Sets keys of each row to values of its own.
   *
   * @throws {StowageError} ERR_SHAPE if there are not as many; ERR_READ_ONLY, ERR_UNSUPPORTED
   */
  set(rows: readonly R[]): Answer<M, void> {
    const { table } = this;
    return table.run(() =>
      chain(this.#indices(), (indices) => {
        checkCount(rows.length, indices.length, table.name);
        return table.updateEach(indices.part(0, indices.length), rows);
      }),
    );
  }

  /** @internal */
  protected read(indices: ArrayLike<number>): Maybe<R[]> {
    const { table } = this;
    return chain(table.readRows(indices, this.keys), (rows) => rows.map((row) => table.show(row) as R));
  }

  #indices(): Maybe<Indices> {
    return this.table.resolve(this.selection);
  }
}

/** The values of some keys in some rows, read when they are asked for. */
export class ColumnsView<R extends Items = Row> extends ColumnsViewBase<"async", R> {
  protected derive(selection: Selection): ColumnsView<R> {
    return new ColumnsView(this.table, selection, this.keys);
  }

  /** Objects of `size` rows at a time. */
  async *chunked(size: number): AsyncGenerator<R[], void, undefined> {
    checkSize(size);
    const indices = await this.table.resolve(this.selection);
    for (let start = 0; start < indices.length; start += size) {
      yield await this.read(indices.part(start, start + size));
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<R, void, undefined> {
    for await (const chunk of this.chunked(BATCH_ROWS)) yield* chunk;
  }
}

/** As {@link ColumnsView}, answering at once. */
export class ColumnsViewSync<R extends Items = Row> extends ColumnsViewBase<"sync", R> {
  /** Number of rows. */
  get length(): number {
    return this.count();
  }

  protected derive(selection: Selection): ColumnsViewSync<R> {
    return new ColumnsViewSync(this.table, selection, this.keys);
  }

  /** Objects of `size` rows at a time. */
  *chunked(size: number): Generator<R[], void, undefined> {
    checkSize(size);
    const indices = this.table.resolve(this.selection) as Indices;
    for (let start = 0; start < indices.length; start += size) {
      yield this.read(indices.part(start, start + size)) as R[];
    }
  }

  *[Symbol.iterator](): Generator<R, void, undefined> {
    for (const chunk of this.chunked(BATCH_ROWS)) yield* chunk;
  }
}
