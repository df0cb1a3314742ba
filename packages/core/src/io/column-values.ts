import { blobBytes } from "../blob-value.js";
import type { TypedArray } from "../dtype.js";
import { elementAt, isNdArray, type NdArray, sizeOf } from "../nd-array.js";
import { type Column, plainValue, type Value } from "../row.js";
import type { Item } from "./row-types.js";

/**
 * The values of a column: a typed array of numbers, one array of shape (rows, …) where every row has an array of one
 * shape, else a list. Only a list can tell a value that is missing: `null`.
 */
export type ColumnValues = TypedArray | NdArray | Value[];

/** How a facade shows the values of rows. */
export interface Display {
  value(key: string, value: Value): Item;
  column(column: Column): ColumnValues | (Item | null)[];
  /** One value a row, `null` where it is missing. */
  list(column: Column): (Item | null)[];
}

/** Scalars as plain numbers, columns as arrays. */
export const plainDisplay: Display = {
  value: (_, value) => plainValue(value),
  column: columnValues,
  list: columnList,
};

/** Bytes as they are, in lists. */
export const bytesDisplay: Display = { value: blobBytes, column: bytesList, list: bytesList };

function bytesList(column: Column): (Uint8Array | null)[] {
  return columnPresent(column).map((value) => (value === undefined ? null : blobBytes(column.key, value)));
}

function columnValues({ values, missing }: Column): ColumnValues {
  if (missing === null && isNdArray(values)) {
    if (values.shape.length > 1 || values.dtype.startsWith("complex")) return values;
    return values.dtype === "bool" ? Array.from(values.data, Boolean) : values.data;
  }
  return columnList({ values, missing });
}

function columnList({ values, missing }: Pick<Column, "values" | "missing">): Value[] {
  const list = isNdArray(values) ? itemsOf(values) : values.map(plainValue);
  return missing === null ? list : list.map((value, i) => (missing[i] === 1 ? null : value));
}

/** The exact values of a column, `undefined` where it has none. */
export function columnPresent({ values, missing }: Column): (Value | undefined)[] {
  const list: (Value | undefined)[] = isNdArray(values) ? exactItems(values) : values;
  return missing === null ? list : list.map((value, i) => (missing[i] === 1 ? undefined : value));
}

/** Scalars other than float64 and bool keep their dtype. */
function exactItems(array: NdArray): Value[] {
  const plain = array.dtype === "float64" || array.dtype === "bool";
  return arraysOf(array).map((item) => (plain && item.shape.length === 0 ? elementAt(item) : item));
}

function itemsOf(array: NdArray): Value[] {
  return arraysOf(array).map(plainValue);
}

/** One array a row: views. */
function arraysOf(array: NdArray): NdArray[] {
  const [count = 0, ...shape] = array.shape;
  const { dtype, data } = array;
  const size = sizeOf(shape) * (dtype.startsWith("complex") ? 2 : 1);
  return Array.from(
    { length: count },
    (_, i) => ({ dtype, shape, data: data.subarray(i * size, (i + 1) * size) }) as NdArray,
  );
}
