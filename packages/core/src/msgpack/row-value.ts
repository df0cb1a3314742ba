// Values of rows as asebytes keeps them in its stores: msgpack bytes under each key.
//
// Rows of all formats have it this way: under a key of its own a plain number is a float64, and within lists and objects
// a whole number is an integer, unless an array of shape [] says float64. Msgpack tells the two apart everywhere.

import { elementAt, isNdArray, type NdArray, ndarray } from "../nd-array.js";
import { setKey, type Value } from "../row.js";
import { type DecodeOptions, decodeValue } from "./decode.js";
import { type EncodeOptions, encodeValue, type ValueEncoder } from "./encode.js";

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
const ROW_VALUE: EncodeOptions = { nestedIntegers: true };
const PER_ATOM_VALUE: EncodeOptions = { nestedIntegers: true, textArrays: true };

/**
 * The bytes that asebytes stores for a value of a row.
 *
 * As there, text in `arrays.*` is an array of text, and `arrays.numbers` are int64.
 *
 * @throws {StowageError} as `encodeValue`
 */
export function encodeRowValue(key: string, value: Value): Uint8Array {
  return encodeValue(storedValue(key, value), optionsOf(key));
}

/** As {@link encodeRowValue}, behind the values that an encoder has already. @returns The byte offset of its beginning. */
export function appendRowValue(encoder: ValueEncoder, key: string, value: Value): number {
  return encoder.append(storedValue(key, value), optionsOf(key));
}

/**
 * The value of a row that asebytes stored as these bytes.
 *
 * @throws {StowageError} as `decodeValue`
 */
export function decodeRowValue(bytes: Uint8Array, options?: DecodeOptions): Value {
  const value = decodeValue(bytes, options);
  return isNested(value) ? nestedValue(value) : value;
}

function optionsOf(key: string): EncodeOptions {
  return key.startsWith("arrays.") ? PER_ATOM_VALUE : ROW_VALUE;
}

/** Structures here hold atomic numbers as uint8, NumPy's as int64. */
function storedValue(key: string, value: Value): Value {
  if (key !== "arrays.numbers" || !isNdArray(value) || value.dtype !== "uint8") return value;
  const { data, shape } = value as NdArray<"uint8">;
  const numbers = new BigInt64Array(data.length);
  // By bytes: a bigint for each atom would take longer than all the rest of a row.
  const bytes = new Uint8Array(numbers.buffer);
  const lowest = isLittleEndian ? 0 : 7;
  for (let i = 0; i < data.length; i++) bytes[8 * i + lowest] = data[i]!;
  return { dtype: "int64", shape, data: numbers };
}

function nestedValue(value: Value): Value {
  if (typeof value === "number") {
    const ambiguous = Number.isInteger(value) && !Object.is(value, -0);
    return ambiguous ? ndarray(Float64Array.of(value), []) : value;
  }
  if (isNdArray(value)) {
    const integer = value.shape.length === 0 && (value.dtype === "int64" || value.dtype === "uint64");
    return integer ? elementAt(value) : value;
  }
  if (Array.isArray(value)) return value.map(nestedValue);
  if (!isNested(value)) return value;
  const nested: { [key: string]: Value } = {};
  for (const [key, item] of Object.entries(value)) setKey(nested, key, nestedValue(item));
  return nested;
}

function isNested(value: Value): value is Value[] | { [key: string]: Value } {
  return typeof value === "object" && value !== null && !isNdArray(value);
}
