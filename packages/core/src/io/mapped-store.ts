import type { Mode, RowStore } from "../backend.js";
import { StowageError } from "../errors.js";
import { isNdArray } from "../nd-array.js";
import { type Column, type Field, type Row, type RowSchema, setKey } from "../row.js";
import { isPerAtomKey } from "../row-schema.js";
import { chain, type Maybe } from "./answer.js";
import type { ColumnMapping } from "./column-mapping.js";
import { convertedStore, mapColumn } from "./converted-store.js";

/**
 * A store whose columns have other names, by our keys: for reading and writing.
 *
 * @throws {StowageError} where rows are read: ERR_KEY_MISSING for a row without the columns of positions or numbers
 * that the mapping names; where they are written: ERR_ROW for a key that has no column.
 */
export function mappedStore<M extends Mode>(store: RowStore<M>, mapping: ColumnMapping): RowStore<M> {
  return convertedStore(store, {
    storedKey: (key) => mapping.columnOf(key),
    read: (row, whole) => {
      if (whole) checkStructure(row, mapping, store.name);
      return mapping.apply(row);
    },
    write: (row) => mapping.revert(row),
    column: (key, column) => mappedColumn(key, column, mapping),
    schema: () =>
      chain(store.schema() as Maybe<RowSchema>, (schema) => {
        const fields: RowSchema = {};
        for (const [column, field] of Object.entries(schema)) {
          const key = mapping.keyOf(column);
          if (key !== null) setKey(fields, key, mappedField(key, field));
        }
        return fields;
      }),
  });
}

/** What is known of rows to come, by the columns that they will have. */
export function storedSchema(schema: RowSchema, mapping: ColumnMapping): RowSchema {
  const fields: RowSchema = {};
  for (const [key, field] of Object.entries(schema)) {
    const column = mapping.columnOf(key);
    // What is written in another form has another type.
    if (column !== null && key !== "pbc" && key !== "arrays.numbers") setKey(fields, column, field);
  }
  return fields;
}

function checkStructure(row: Row, mapping: ColumnMapping, name: string): void {
  const columns = Object.keys(row);
  const missing = columns.length === 0 ? null : mapping.missingColumn(row);
  if (missing === null) return;
  throw new StowageError(
    "ERR_KEY_MISSING",
    `Cannot read a row of ${name}: it has no column "${missing}", which the mapping names`,
    { path: name, key: missing },
    { hint: `its columns: ${columns.slice(0, 20).join(", ")}` },
  );
}

/** Arrays stay what they are: they are not looked at value by value. */
function mappedColumn(key: string, column: Column, mapping: ColumnMapping): Column {
  const { values, missing } = column;
  if (isNdArray(values) && key !== "pbc") return { key, values, missing };
  return mapColumn(key, column, (value) => mapping.read(key, value));
}

/** The field of a column under its key. Lists become arrays, whose extents only the values tell. */
function mappedField(key: string, field: Field): Field {
  const { dtype, shape, missing } = field;
  const text = dtype === "json" || dtype === "string";
  if (key === "arrays.numbers")
    return { dtype: text ? "uint8" : dtype, shape: [null], perAtom: true, missing };
  if (key === "arrays.positions")
    return { dtype: text ? "float64" : dtype, shape: [null, 3], perAtom: true, missing };
  if (key === "cell") return { dtype: text ? "float64" : dtype, shape: [3, 3], perAtom: false, missing };
  if (key === "pbc") return { dtype: "bool", shape: [3], perAtom: false, missing };
  if (!isPerAtomKey(key) || shape.length === 0) return field;
  return { dtype, shape: [null, ...shape.slice(1)], perAtom: true, missing };
}
