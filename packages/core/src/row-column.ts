import { allocate, DTYPES, type DType, type DTypeInfo, type TypedArray } from "./dtype.js";
import { isNdArray, sizeOf } from "./nd-array.js";
import type { Column, Value } from "./row.js";

/**
 * Gathers the values of one key into a column: one array where all present values share dtype and shape, else a list.
 *
 * A plain number counts as a float64, a plain boolean as a bool.
 *
 * @param values  One a row, `undefined` where the row has no such key.
 */
export function columnFromValues(key: string, values: readonly (Value | undefined)[]): Column {
  const missing = values.includes(undefined)
    ? Uint8Array.from(values, (v) => (v === undefined ? 1 : 0))
    : null;
  const type = elementType(values.find((value) => value !== undefined));
  if (type === null || !values.every((value) => value === undefined || hasType(value, type))) {
    return { key, missing, values: values.map((value) => value ?? null) };
  }
  const step = sizeOf(type.shape) * (DTYPES[type.dtype] as DTypeInfo).lanes;
  const data = allocate(type.dtype, values.length * sizeOf(type.shape));
  values.forEach((value, i) => {
    if (isNdArray(value)) setElements(data, value.data, i * step);
    else if (value !== undefined) data[i] = Number(value);
  });
  return { key, missing, values: { dtype: type.dtype, shape: [values.length, ...type.shape], data } };
}

interface ElementType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** `null` for what does not fit in an array. */
function elementType(value: Value | undefined): ElementType | null {
  if (typeof value === "number") return { dtype: "float64", shape: [] };
  if (typeof value === "boolean") return { dtype: "bool", shape: [] };
  return isNdArray(value) ? value : null;
}

function hasType(value: Value, { dtype, shape }: ElementType): boolean {
  if (typeof value === "number") return dtype === "float64" && shape.length === 0;
  if (typeof value === "boolean") return dtype === "bool" && shape.length === 0;
  return (
    isNdArray(value) &&
    value.dtype === dtype &&
    value.shape.length === shape.length &&
    value.shape.every((extent, i) => extent === shape[i])
  );
}

/** `target.set(source, offset)` for two arrays of the same dtype, which the type system cannot pair. */
export function setElements(target: TypedArray, source: TypedArray, offset: number): void {
  (target as Float64Array).set(source as Float64Array, offset);
}
