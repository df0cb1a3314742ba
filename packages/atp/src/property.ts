import {
  bytesOf,
  type DType,
  describeArray,
  elementAt,
  int64,
  isNdArray,
  type NdArray,
  ndarray,
  quote,
  StowageError,
  scalar,
  type TypedArray,
  type Value,
} from "@stowage/core";
import type { StoredValue } from "./record.js";

/**
 * A custom property as a molecule holds it: what the format stores, or a plain number whose dtype (int64 or float64)
 * is settled by the file it is written to.
 */
export type PropertyValue = StoredValue | number;

/** Types the format lacks, and the one that holds all their values. */
const WIDER: Partial<Record<DType, DType>> = {
  bool: "int32",
  int8: "int32",
  int16: "int32",
  uint8: "int32",
  uint16: "int32",
  uint32: "int64",
  uint64: "int64",
  float16: "float32",
};

/**
 * The stored form of a value, and what type it was widened from.
 *
 * @returns `null` if the format cannot hold it: lists, objects, complex numbers, integers beyond int64, text with
 * lone surrogates.
 */
export function toStored(value: Value | TypedArray): { value: PropertyValue; widened: string | null } | null {
  if (value === null || typeof value === "number") return { value, widened: null };
  if (typeof value === "string") return isWellFormed(value) ? { value, widened: null } : null;
  if (typeof value === "boolean") return { value: int64(value ? 1 : 0), widened: "boolean kept as int64" };
  if (typeof value === "bigint") return isInt64(value) ? { value: int64(value), widened: null } : null;
  if (ArrayBuffer.isView(value)) return toStoredArray(ndarray(value as TypedArray));
  return isNdArray(value) ? toStoredArray(value) : null;
}

function toStoredArray(array: NdArray): { value: NdArray; widened: string | null } | null {
  if (array.dtype.startsWith("complex")) return null;
  if (array.shape.length === 0) return toStoredScalar(array);
  const dtype = WIDER[array.dtype];
  if (dtype === undefined) return { value: array, widened: null };
  const data = Array.from(array.data as Float64Array, (_, i) => {
    const element = elementAt(array, i);
    return dtype === "int64" ? BigInt(element) : Number(element);
  });
  const widened = `${array.dtype} array kept as ${dtype}`;
  if (dtype !== "int64") {
    return {
      value: ndarray(
        dtype === "int32" ? Int32Array.from(data as number[]) : Float32Array.from(data as number[]),
        array.shape,
      ),
      widened,
    };
  }
  if (!(data as bigint[]).every(isInt64)) return null;
  return { value: ndarray(BigInt64Array.from(data as bigint[]), array.shape), widened };
}

function toStoredScalar(array: NdArray): { value: NdArray; widened: string | null } | null {
  const { dtype } = array;
  if (dtype === "float64" || dtype === "int64") return { value: array, widened: null };
  const element = elementAt(array);
  const wide = dtype === "float32" || dtype === "float16" ? "float64" : "int64";
  if (typeof element === "bigint" && !isInt64(element)) return null;
  return { value: scalar(element, wide), widened: `${dtype} kept as ${wide}` };
}

function isInt64(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value;
}

const MAX_KEY_BYTES = 255;
const encoder = new TextEncoder();

/** Why a property cannot have this key; `null` if it can. */
export function reasonToRefuseKey(key: string): string | null {
  if (key === "stress") return "stress is a field of the molecule itself";
  if (!isWellFormed(key)) return "the key holds half of a surrogate pair";
  const { length } = encoder.encode(key);
  return length > MAX_KEY_BYTES ? `the key has ${length} bytes, the format ends at ${MAX_KEY_BYTES}` : null;
}

export function propertyError(
  verb: string,
  key: string,
  reason: string,
  hint?: string,
): StowageError<"ERR_PROPERTY"> {
  return new StowageError(
    "ERR_PROPERTY",
    `Cannot ${verb} property ${quote(key)}: ${reason}`,
    { key },
    { hint },
  );
}

/** Whether text survives UTF-8: no half of a surrogate pair stands alone. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** A property as users get it: scalars as plain numbers (bigint past 2^53). */
export function toPlain(value: PropertyValue): Value {
  return isNdArray(value) && value.shape.length === 0 ? elementAt(value) : value;
}

/** An array of the given dtypes and shape, or an error that names the field. */
export function checkedArray(
  value: NdArray | TypedArray,
  name: string,
  dtypes: readonly DType[],
  shape: readonly number[],
): NdArray {
  const array = isNdArray(value) ? value : ndarray(value, shape);
  if (!dtypes.includes(array.dtype)) {
    throw new StowageError(
      "ERR_DTYPE",
      `Cannot use ${name} of ${describeArray(array)}: its type must be ${dtypes.join(" or ")}`,
      { expected: dtypes.join(" or "), found: array.dtype },
    );
  }
  if (array.shape.length === shape.length && array.shape.every((extent, i) => extent === shape[i]))
    return array;
  throw new StowageError(
    "ERR_SHAPE",
    `Cannot use ${name} of ${describeArray(array)}: its shape must be (${shape.join(", ")})`,
    { expected: `(${shape.join(", ")})`, found: `(${array.shape.join(", ")})` },
  );
}

/** The same elements as float32; an array that is float32 already is returned as it is. */
export function toFloat32(array: NdArray): NdArray {
  if (array.dtype === "float32") return array;
  return ndarray(Float32Array.from(array.data as Float64Array), array.shape);
}

/** Payload bytes of an array. */
export function payloadOf(array: NdArray): Uint8Array {
  return bytesOf(array.data);
}
