import type { Mode, RowStore } from "../backend.js";
import { type Column, getKey, type Row } from "../row.js";
import { columnFromValues } from "../row-column.js";
import { chain, type Maybe } from "./answer.js";

/** One column of a store of either mode, by its own method or by reading rows of one key. */
export function readColumn<M extends Mode>(
  store: RowStore<M>,
  key: string,
  indices: ArrayLike<number>,
): Maybe<Column> {
  if (store.column) return store.column(key, indices) as Maybe<Column>;
  return chain(store.getMany(indices, [key]) as Maybe<Row[]>, (rows) =>
    columnFromValues(
      key,
      rows.map((row) => getKey(row, key)),
    ),
  );
}
