import { StowageError } from "./errors.js";
import { isNdArray, type NdArray } from "./nd-array.js";
import { describeValue, type Value } from "./row.js";

/** Bytes as a value of a row: a uint8 array of shape [n] over the same memory. */
export function blobValue(bytes: Uint8Array): NdArray<"uint8"> {
  return { dtype: "uint8", shape: [bytes.length], data: bytes };
}

/**
 * The bytes of such a value.
 *
 * @throws {StowageError} ERR_ROW for any other value.
 */
export function blobBytes(key: string, value: Value): Uint8Array {
  if (isNdArray(value) && value.dtype === "uint8" && value.shape.length === 1)
    return value.data as Uint8Array;
  throw new StowageError(
    "ERR_ROW",
    `Cannot use "${key}" of a row as bytes: it is ${describeValue(value)}, expected uint8 of shape [n]`,
    { key },
  );
}
