import { allocate, DTYPES, type DTypeInfo, type TypedArray } from "./dtype.js";
import { isNdArray, type NdArray, sizeOf } from "./nd-array.js";
import type { Column, Value } from "./row.js";

/**
 * Gathers the values of one key into a column: one array where all present values share dtype and shape, else a list.
 *
 * @param values  One a row, `undefined` where the row has no such key.
 */
export function columnFromValues(key: string, values: readonly (Value | undefined)[]): Column {
  const missing = missingMask(values);
  const first = values.find((value) => value !== undefined);
  if (
    typeof first === "number" &&
    values.every((value) => value === undefined || typeof value === "number")
  ) {
    return { key, missing, values: packNumbers(values as (number | undefined)[]) };
  }
  if (
    typeof first === "boolean" &&
    values.every((value) => value === undefined || typeof value === "boolean")
  ) {
    const data = Uint8Array.from(values, (value) => (value ? 1 : 0));
    return { key, missing, values: { dtype: "bool", shape: [values.length], data } };
  }
  if (isNdArray(first) && values.every((value) => value === undefined || sameType(value, first))) {
    return { key, missing, values: packArrays(values as (NdArray | undefined)[], first) };
  }
  return { key, missing, values: values.map((value) => value ?? null) };
}

function missingMask(values: readonly (Value | undefined)[]): Uint8Array | null {
  return values.includes(undefined)
    ? Uint8Array.from(values, (value) => (value === undefined ? 1 : 0))
    : null;
}

function packNumbers(values: readonly (number | undefined)[]): NdArray<"float64"> {
  return { dtype: "float64", shape: [values.length], data: Float64Array.from(values, (value) => value ?? 0) };
}

function sameType(value: Value, like: NdArray): boolean {
  return (
    isNdArray(value) &&
    value.dtype === like.dtype &&
    value.shape.length === like.shape.length &&
    value.shape.every((extent, i) => extent === like.shape[i])
  );
}

function packArrays(values: readonly (NdArray | undefined)[], like: NdArray): NdArray {
  const step = sizeOf(like.shape) * (DTYPES[like.dtype] as DTypeInfo).lanes;
  const data = allocate(like.dtype, values.length * sizeOf(like.shape));
  values.forEach((value, i) => {
    if (value !== undefined) setElements(data, value.data, i * step);
  });
  return { dtype: like.dtype, shape: [values.length, ...like.shape], data };
}

/** `target.set(source, offset)` for two arrays of the same dtype, which the type system cannot pair. */
export function setElements(target: TypedArray, source: TypedArray, offset: number): void {
  (target as Float64Array).set(source as Float64Array, offset);
}
