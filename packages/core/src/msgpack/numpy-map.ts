// How msgpack-numpy writes what msgpack has no type for: maps whose keys are bytes, in this order.
//
//   array    {"nd": true, "type": "<f8", "kind": b"", "shape": [2, 3], "data": b"…"}   row-major elements
//   records  the same with kind b"V"; the type is a list of [name, type] or [name, type, shape]
//   objects  the same with kind b"O"; the data is a Python pickle
//   scalar   {"nd": false, "type": "<f4", "data": b"…"}
//   complex  {"complex": true, "data": "(1.5-2j)"}                                     Python's repr

import { DTYPES, type DType, type DTypeInfo, parseDTypeCode, type TypedArray } from "../dtype.js";
import { StowageError } from "../errors.js";
import { isNdArray, type NdArray } from "../nd-array.js";
import { getKey, type Value } from "../row.js";
import { slabAllocateUnset } from "../slab.js";
import { MAX_DIMENSIONS, msgpackError, unsupportedValue } from "./msgpack-error.js";
import { parseComplex } from "./python-complex.js";
import { decodeTextArray, parseTextType } from "./text-array.js";

type MsgpackMap = { [key: string]: Value };

/** What a map with bytes for keys stands for. As in msgpack-numpy, one without the keys it needs is a plain map. */
export function decodeNumpyMap(map: MsgpackMap, byteOffset: number): Value {
  const data = getKey(map, "data");
  if (data === undefined) return map;
  const nd = getKey(map, "nd");
  if (nd === undefined) return decodeComplex(data, byteOffset);
  const type = getKey(map, "type");
  if (type === undefined) return map;
  const kind = textOf(getKey(map, "kind") ?? null);
  if (nd === true && kind === "O") {
    throw new StowageError(
      "ERR_PICKLE",
      "Cannot decode a NumPy array of Python objects: it is a pickle, and pickles are programs",
      { byteOffset },
      { hint: "store it from Python as an array of numbers or text, or as a list" },
    );
  }
  const bytes = isNdArray(data) && data.dtype === "uint8" ? (data.data as Uint8Array) : null;
  if (bytes === null) throw msgpackError(byteOffset, "bytes under the key data", "another type");
  const shapeValue = getKey(map, "shape");
  if (nd === true && shapeValue === undefined) return map;
  const shape = nd === true ? decodeShape(shapeValue!, byteOffset) : [];
  if (nd === true && kind === "V") {
    if (!Array.isArray(type))
      throw msgpackError(byteOffset, "a list of fields under the key type", "no list");
    return { nd, type: recordType(type), kind, shape: shapeValue!, data };
  }
  return decodeElements(textOf(type) ?? "", shape, bytes, byteOffset);
}

function decodeElements(code: string, shape: number[], bytes: Uint8Array, byteOffset: number): Value {
  const parsed = parseDTypeCode(code);
  const text = parsed === null ? parseTextType(code) : null;
  if (parsed === null && text === null) {
    throw unsupportedValue(`NumPy elements of the type ${JSON.stringify(code.slice(0, 40))}`);
  }
  const itemSize = parsed === null ? text!.width * (text!.wide ? 4 : 1) : DTYPES[parsed.dtype].itemSize;
  const size = checkedSize(shape, itemSize, bytes.length, byteOffset);
  if (parsed === null) return decodeTextArray(text!, shape, bytes, byteOffset);
  const info = DTYPES[parsed.dtype] as DTypeInfo;
  const native = parsed.bigEndian ? swapBytes(bytes, info.itemSize / info.lanes) : bytes;
  const array = { dtype: parsed.dtype, shape, data: placeElements(info, native, 0, size) };
  return shape.length === 0 && array.dtype === "float64" ? Number(array.data[0]) : array;
}

/** The number of elements of a shape that fills the bytes exactly. */
export function checkedSize(
  shape: readonly number[],
  itemSize: number,
  byteLength: number,
  byteOffset: number,
): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  // A product past 2^53, or of infinity and zero, equals no length.
  if (size * itemSize !== byteLength) {
    const expected = `${size * itemSize} bytes for the shape (${shape.join(", ")})`;
    throw msgpackError(byteOffset, expected, `${byteLength} bytes`);
  }
  return size;
}

/** Elements over the bytes where they are aligned, else a copy in shared memory (see slab.ts). */
export function placeElements(
  info: DTypeInfo,
  bytes: Uint8Array,
  at: number,
  size: number,
  copy = false,
): TypedArray {
  const { ctor, lanes, itemSize } = info;
  const start = bytes.byteOffset + at;
  if (!copy && start % ctor.BYTES_PER_ELEMENT === 0) return new ctor(bytes.buffer, start, size * lanes);
  const byteLength = size * itemSize;
  const place = slabAllocateUnset(byteLength);
  const { block, byteOffset } = place;
  if (byteLength > 64) block.set(bytes.subarray(at, at + byteLength), byteOffset);
  else for (let i = 0; i < byteLength; i++) block[byteOffset + i] = bytes[at + i]!;
  return new ctor(place.buffer, byteOffset, size * lanes);
}

function swapBytes(bytes: Uint8Array, width: number): Uint8Array {
  const swapped = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += width) {
    for (let i = 0; i < width; i++) swapped[at + i] = bytes[at + width - 1 - i]!;
  }
  return swapped;
}

function decodeShape(value: Value, byteOffset: number): number[] {
  if (!Array.isArray(value) || value.length > MAX_DIMENSIONS) {
    throw msgpackError(byteOffset, "a list of extents under the key shape", "something else");
  }
  return value.map((item) => {
    const extent = isNdArray(item) && item.shape.length === 0 ? Number(item.data[0]) : Number.NaN;
    if (Number.isSafeInteger(extent) && extent >= 0) return extent;
    throw msgpackError(byteOffset, "an extent of a shape", "something else");
  });
}

function decodeComplex(data: Value, byteOffset: number): NdArray {
  const text = textOf(data) ?? "";
  const parts = parseComplex(text);
  if (parts === null) {
    throw msgpackError(byteOffset, "a complex number as Python prints it", JSON.stringify(text.slice(0, 40)));
  }
  return { dtype: "complex128", shape: [], data: Float64Array.from(parts) };
}

/** Old writers put text into bytes; types and kinds are ASCII. */
function textOf(value: Value): string | null {
  if (typeof value === "string") return value;
  if (!isNdArray(value) || value.dtype !== "uint8" || value.data.length > 256) return null;
  return String.fromCharCode(...(value.data as Uint8Array));
}

function recordType(type: Value): Value {
  if (Array.isArray(type)) return type.map(recordType);
  return textOf(type) ?? type;
}

/**
 * A NumPy array of records, in the form in which it is decoded and encoded again: its map as an object.
 *
 * Rows have no type for records; kept like this they lose nothing.
 */
export function isRecordArray(value: MsgpackMap): boolean {
  const { nd, type, kind, shape, data } = value;
  if (nd !== true || kind !== "V" || !Array.isArray(type) || !Array.isArray(shape)) return false;
  return Object.keys(value).length === 5 && isNdArray(data!) && data.dtype === "uint8";
}

/** Little-endian dtypes by the characters of their codes, taken as a number. */
export const DTYPE_BY_CODE: ReadonlyMap<number, DTypeInfo> = new Map(
  (Object.keys(DTYPES) as DType[]).map((name) => {
    const info = DTYPES[name] as DTypeInfo;
    return [[...info.code].reduce((sum, char) => sum * 256 + char.charCodeAt(0), 0), info];
  }),
);
