import type { Answer, Mode } from "../backend.js";
import { mapRow, plainValue, type Row, setKey, type Value } from "../row.js";
import { chain, type Maybe } from "./answer.js";
import { type ColumnValues, columnValues } from "./column-values.js";
import type { Indices, Selection } from "./selection.js";
import type { Table } from "./table.js";
import { BATCH_ROWS, checkCount, checkSize } from "./view-checks.js";

/** A view of a mode. */
type Columns<M extends Mode> = M extends "sync" ? ColumnsViewSync : ColumnsView;

/** What the views of both modes have in common. */
export abstract class ColumnsViewBase<M extends Mode> {
  readonly keys: readonly string[];
  protected readonly table: Table<M, unknown>;
  protected readonly selection: Selection;

  constructor(table: Table<M, unknown>, selection: Selection, keys: readonly string[]) {
    this.table = table;
    this.selection = selection;
    this.keys = [...keys];
  }

  protected abstract derive(selection: Selection): Columns<M>;

  /** Number of rows. */
  count(): Answer<M, number> {
    return this.table.run(() => chain(this.#indices(), ({ length }) => length));
  }

  /**
   * The values of one row by key; those that it has not are left out.
   *
   * @throws {StowageError} ERR_INDEX_RANGE
   */
  at(position: number): Answer<M, Row> {
    return this.table.run(() =>
      chain(this.table.indexAt(this.selection, position), (index) =>
        chain(this.read([index]), (rows) => rows[0]!),
      ),
    );
  }

  /** One object a row; keys that a row has not are left out. */
  toArray(): Answer<M, Row[]> {
    return this.table.run(() =>
      chain(this.#indices(), (indices) => this.read(indices.part(0, indices.length))),
    );
  }

  /**
   * The values of each key, as `column(key).toArray()` gives them.
   *
   * @throws {StowageError} ERR_KEY_MISSING for a key that no row of the dataset has.
   */
  toColumns(): Answer<M, Record<string, ColumnValues>> {
    return this.table.run(() =>
      chain(this.#indices(), (indices) => {
        const wanted = indices.part(0, indices.length);
        return this.keys.reduce<Maybe<Record<string, ColumnValues>>>(
          (before, key) =>
            chain(before, (columns) =>
              chain(this.table.column(key, wanted), (column) => {
                setKey(columns, key, columnValues(column));
                return columns;
              }),
            ),
          {},
        );
      }),
    );
  }

  /** Narrower, as Python's slices. */
  slice(start?: number, stop?: number, step?: number): Columns<M> {
    return this.derive(this.selection.slice(start, stop, step));
  }

  /** The values in these rows, in this order. */
  pick(positions: ArrayLike<number>): Columns<M> {
    return this.derive(this.selection.pick(positions));
  }

  /**
   * Sets keys of each row to values of its own.
   *
   * @throws {StowageError} ERR_SHAPE if there are not as many; ERR_READ_ONLY, ERR_UNSUPPORTED
   */
  set(rows: readonly Record<string, Value>[]): Answer<M, void> {
    const { table } = this;
    return table.run(() =>
      chain(this.#indices(), (indices) => {
        checkCount(rows.length, indices.length, table.name);
        return table.updateEach(indices.part(0, indices.length), rows);
      }),
    );
  }

  /** @internal */
  protected read(indices: ArrayLike<number>): Maybe<Row[]> {
    return chain(this.table.readRows(indices, this.keys), (rows) => rows.map(plainRow));
  }

  #indices(): Maybe<Indices> {
    return this.table.resolve(this.selection);
  }
}

/** The values of some keys in some rows, read when they are asked for. */
export class ColumnsView extends ColumnsViewBase<"async"> {
  protected derive(selection: Selection): ColumnsView {
    return new ColumnsView(this.table, selection, this.keys);
  }

  /** Objects of `size` rows at a time. */
  async *chunked(size: number): AsyncGenerator<Row[], void, undefined> {
    checkSize(size);
    const indices = await this.table.resolve(this.selection);
    for (let start = 0; start < indices.length; start += size) {
      yield await this.read(indices.part(start, start + size));
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Row, void, undefined> {
    for await (const chunk of this.chunked(BATCH_ROWS)) yield* chunk;
  }
}

/** As {@link ColumnsView}, answering at once. */
export class ColumnsViewSync extends ColumnsViewBase<"sync"> {
  /** Number of rows. */
  get length(): number {
    return this.count();
  }

  protected derive(selection: Selection): ColumnsViewSync {
    return new ColumnsViewSync(this.table, selection, this.keys);
  }

  /** Objects of `size` rows at a time. */
  *chunked(size: number): Generator<Row[], void, undefined> {
    checkSize(size);
    const indices = this.table.resolve(this.selection) as Indices;
    for (let start = 0; start < indices.length; start += size) {
      yield this.read(indices.part(start, start + size)) as Row[];
    }
  }

  *[Symbol.iterator](): Generator<Row, void, undefined> {
    for (const chunk of this.chunked(BATCH_ROWS)) yield* chunk;
  }
}

/** A row with its scalars as plain numbers. */
export function plainRow(row: Row): Row {
  return mapRow(row, (_, value) => plainValue(value));
}
