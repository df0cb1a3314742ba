import { DTYPES, type DType } from "./dtype.js";
import { elementAt, isNdArray, scalar } from "./nd-array.js";
import type { Value } from "./row.js";

/**
 * A scalar as rows hold it. A plain number has the dtype that is noted for it; without one a whole number under `info.`
 * is an int64, any other a float64. Scalars that say float64 or bool are plain. Other values stay what they are.
 *
 * @throws {StowageError} ERR_DTYPE for a bigint of more than 64 bits.
 */
export function exactScalar(key: string, value: Value, noted: DType | undefined): Value {
  if (isNdArray(value) && value.shape.length === 0) {
    return value.dtype === "float64" || value.dtype === "bool" ? elementAt(value) : value;
  }
  if (typeof value !== "number" && typeof value !== "bigint") return value;
  const dtype = scalarType(key, value, noted);
  return dtype === "float64" ? value : scalar(value, dtype);
}

/** The noted dtype, unless the value has outgrown it (it was edited since); a bigint is never made a float. */
function scalarType(key: string, value: number | bigint, noted: DType | undefined): DType {
  if (noted !== undefined && fitsDType(noted, value)) return noted;
  const integral = noted === undefined ? key.startsWith("info.") : DTYPES[noted].kind !== "f";
  return typeof value === "bigint" || (integral && fitsDType("int64", value)) ? "int64" : "float64";
}

/** Whether a value fits a dtype: integers exactly, floats rounded but not overflowing. */
export function fitsDType(dtype: DType, value: number | bigint): boolean {
  const { kind, itemSize } = DTYPES[dtype];
  if (kind === "f") {
    if (typeof value === "bigint") return false;
    return !Number.isFinite(value) || Number.isFinite(elementAt(scalar(value, dtype)));
  }
  const whole = typeof value === "bigint" || (Number.isInteger(value) && !Object.is(value, -0));
  const limit = 2 ** (8 * itemSize - (kind === "i" ? 1 : 0));
  return whole && value < limit && value >= (kind === "i" ? -limit : 0);
}
