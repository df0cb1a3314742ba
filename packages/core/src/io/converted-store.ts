import type { Answer, Mode, RowStore } from "../backend.js";
import type { Column, Row, RowSchema, Value } from "../row.js";
import { columnFromValues } from "../row-column.js";
import { chain, type Maybe } from "./answer.js";
import { columnPresent } from "./column-values.js";
import { readColumn } from "./read-column.js";

/** What stands between the rows of a store and the rows that are shown. */
export interface Conversion<M extends Mode> {
  /** The key in the store, `null` for a key that it cannot have. */
  storedKey(key: string): string | null;
  /** A row of the store, with all keys or some, as it is shown. */
  read(row: Row, whole: boolean): Row;
  /** A row or patch as it is stored. */
  write(row: Row): Row;
  column(key: string, column: Column): Column;
  schema(store: RowStore<M>): Maybe<RowSchema>;
}

/** A column with each of its values converted; `undefined` for one that is missing then. */
export function mapColumn(key: string, column: Column, convert: (value: Value) => Value | undefined): Column {
  return columnFromValues(
    key,
    columnPresent(column).map((value) => (value === undefined ? undefined : convert(value))),
  );
}

/** A store with its rows converted on the way out and in; it can do what the store can. Closing it closes the store. */
export function convertedStore<M extends Mode>(store: RowStore<M>, conversion: Conversion<M>): RowStore<M> {
  const { types, append, insert, set, update, delete: remove, drop, clear, destroy, flush, discard } = store;
  const answer = <T>(value: Maybe<T>): Answer<M, T> => value as Answer<M, T>;
  const stored = (rows: readonly Row[]): Row[] => rows.map((row) => conversion.write(row));
  const storedKeys = (keys: readonly string[]): string[] =>
    keys.map((key) => conversion.storedKey(key)).filter((key) => key !== null);
  return {
    name: store.name,
    backend: store.backend,
    capabilities: store.capabilities,
    get warnings() {
      return store.warnings;
    },
    count: () => store.count(),
    getMany: (indices, keys) =>
      answer(
        chain(store.getMany(indices, keys && storedKeys(keys)) as Maybe<Row[]>, (rows) =>
          rows.map((row) => conversion.read(row, keys === undefined)),
        ),
      ),
    schema: () => answer(conversion.schema(store)),
    types: types && (() => answer(conversion.schema(withSchema(store, () => types.call(store))))),
    column: (key, indices) => {
      const name = conversion.storedKey(key);
      if (name !== null) {
        return answer(chain(readColumn(store, name, indices), (column) => conversion.column(key, column)));
      }
      return answer(
        chain(store.getMany(indices, []) as Maybe<Row[]>, (rows) =>
          columnFromValues(
            key,
            rows.map(() => undefined),
          ),
        ),
      );
    },
    append: append && ((rows) => append.call(store, stored(rows))),
    insert: insert && ((index, rows) => insert.call(store, index, stored(rows))),
    set: set && ((indices, rows) => set.call(store, indices, stored(rows))),
    update: update && ((indices, patches) => update.call(store, indices, stored(patches))),
    delete: remove && ((indices) => remove.call(store, indices)),
    drop: drop && ((keys, indices) => drop.call(store, storedKeys(keys), indices)),
    clear: clear && (() => clear.call(store)),
    destroy: destroy && (() => destroy.call(store)),
    flush: flush && (() => flush.call(store)),
    losses: () => store.losses?.() ?? [],
    discard: discard && (() => discard.call(store)),
    close: () => store.close(),
  };
}

function withSchema<M extends Mode>(store: RowStore<M>, schema: () => Answer<M, RowSchema>): RowStore<M> {
  return Object.assign(Object.create(store) as RowStore<M>, { schema });
}
