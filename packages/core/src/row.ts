import type { DType } from "./dtype.js";
import { bytesOf, describeArray, elementAt, isNdArray, type NdArray } from "./nd-array.js";

/** Anything a row can hold under one key. */
export type Value = null | boolean | number | bigint | string | NdArray | Value[] | { [key: string]: Value };

/**
 * One structure or record as flat keys: `cell`, `pbc`, `arrays.positions`, `calc.energy`, `info.name`, …
 *
 * Rows are exact: a plain number is a float64, a plain boolean a bool; every other numeric scalar is an `NdArray`
 * of shape `[]`. `plainValue` turns such scalars into plain numbers for people.
 */
export type Row = Record<string, Value>;

/**
 * Sets a key that comes from data. On an ordinary object `record["__proto__"] = value` would change its prototype
 * and lose the key.
 */
export function setKey<T>(record: Record<string, T>, key: string, value: NoInfer<T>): void {
  if (key !== "__proto__") record[key] = value;
  else Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
}

/** The value of a key that comes from data, `undefined` if there is none: `record["constructor"]` would find one. */
export function getKey<T>(record: Record<string, T>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** Only these keys of a row; those it does not have are left out. */
export function pickKeys(row: Row, keys: readonly string[]): Row {
  const picked: Row = {};
  for (const key of keys) if (Object.hasOwn(row, key)) setKey(picked, key, row[key]!);
  return picked;
}

/** A row with each of its values converted. */
export function mapRow<T>(row: Row, convert: (key: string, value: Value) => T): Record<string, T> {
  const mapped: Record<string, T> = {};
  for (const key of Object.keys(row)) setKey<T>(mapped, key, convert(key, row[key]!));
  return mapped;
}

/** What is known of one key over a whole dataset. */
export interface Field {
  /** Element type, or what stands in its place: text, `null` in every row, or nested lists and objects. */
  readonly dtype: DType | "string" | "null" | "json";
  /**
   * Extents; `null` where rows differ. A field with one value an atom begins with `null` (the atom count). A lone `null`
   * also stands for arrays whose rank the format does not tell.
   */
  readonly shape: readonly (number | null)[];
  /** One value an atom. */
  readonly perAtom: boolean;
  /** Rows without this key; `undefined` where that has not been counted. */
  readonly missing?: number;
}

/** The keys of a dataset, in the order in which they were first seen. */
export type RowSchema = Record<string, Field>;

/** The values of one key in many rows. */
export interface Column {
  readonly key: string;
  /** One array over all rows (shape: rows first) where every value has the same dtype and shape, else a list. */
  readonly values: NdArray | Value[];
  /** 1 where a row has no such key, `null` if all have it. Absent numbers read 0, absent list entries `null`. */
  readonly missing: Uint8Array | null;
}

/** A value as people expect it: scalars of any dtype become numbers, booleans, or bigints past 2^53. */
export function plainValue(value: Value): Value {
  if (!isNdArray(value) || value.shape.length > 0) return value;
  return value.dtype.startsWith("complex") ? value : elementAt(value);
}

/** The field that describes one value. `perAtom` is the caller's knowledge: shapes alone cannot tell. */
export function fieldOf(value: Value, perAtom = false): Field {
  if (value === null) return { dtype: "null", shape: [], perAtom };
  if (isNdArray(value)) {
    return { dtype: value.dtype, shape: perAtom ? [null, ...value.shape.slice(1)] : value.shape, perAtom };
  }
  switch (typeof value) {
    case "number":
      return { dtype: "float64", shape: [], perAtom };
    case "boolean":
      return { dtype: "bool", shape: [], perAtom };
    case "bigint":
      return { dtype: "int64", shape: [], perAtom };
    case "string":
      return { dtype: "string", shape: [], perAtom };
    default:
      if (!perAtom || !Array.isArray(value)) return { dtype: "json", shape: [], perAtom };
      return { dtype: value.every(isString) ? "string" : "json", shape: [null], perAtom };
  }
}

function isString(value: Value): boolean {
  return typeof value === "string";
}

/** Widens a field so that it describes another value too; `null` where the two share no type. */
export function mergeFields(a: Field, b: Field): Field | null {
  if (a.dtype !== b.dtype || a.perAtom !== b.perAtom || a.shape.length !== b.shape.length) return null;
  const same = a.shape.every((extent, i) => extent === b.shape[i]);
  return same ? a : { ...a, shape: a.shape.map((extent, i) => (extent === b.shape[i] ? extent : null)) };
}

/**
 * Whether two values are equal to the last bit: same type, dtype, shape and bytes, so -0 is not 0 and NaN is NaN.
 * The order of an object's keys does not count.
 */
export function equalValues(a: Value, b: Value): boolean {
  if (isNdArray(a) || isNdArray(b)) {
    if (!isNdArray(a) || !isNdArray(b)) return false;
    return a.dtype === b.dtype && equalShapes(a.shape, b.shape) && equalBits(a, b);
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => equalValues(item, b[i]!));
  }
  if (typeof a === "object" && typeof b === "object" && a !== null && b !== null) {
    const keys = Object.keys(a);
    if (keys.length !== Object.keys(b).length) return false;
    return keys.every((key) => Object.hasOwn(b, key) && equalValues(a[key]!, b[key]!));
  }
  return Object.is(a, b);
}

function equalShapes(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}

function equalBits(a: NdArray, b: NdArray): boolean {
  const left = bytesOf(a.data);
  const right = bytesOf(b.data);
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}

/** A short text for people and messages: `12.5`, `"water"`, `float32 (3, 3)`. */
export function describeValue(value: Value): string {
  if (isNdArray(value)) {
    const plain = plainValue(value);
    return isNdArray(plain) ? describeArray(value) : `${value.dtype} ${String(plain)}`;
  }
  if (typeof value === "string")
    return value.length > 40 ? `${JSON.stringify(value.slice(0, 40))}…` : JSON.stringify(value);
  if (Array.isArray(value)) return `list of ${value.length}`;
  if (typeof value === "object" && value !== null) return `object of ${Object.keys(value).length}`;
  return String(value);
}
