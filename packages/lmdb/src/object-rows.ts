import { decodeValue, elementAt, isNdArray, ndarray, type Row, setKey, type Value } from "@stowage/core";
import type { BlobRow } from "./row-layout.js";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** A row of msgpack values; an empty slot has no keys. */
export function objectRow(blobs: BlobRow | null): Row {
  const row: Row = {};
  if (blobs !== null) for (const [name, bytes] of blobs) setKey(row, keyOf(name), objectValue(bytes));
  return row;
}

/** Has memory of its own: pages may be written over, and go with the file. */
export function objectValue(bytes: Uint8Array): Value {
  const value = decodeValue(bytes, { copy: true });
  return isNested(value) ? nestedValue(value) : value;
}

/**
 * A nested value as rows of all formats hold it: in lists and objects a whole number is an integer (a bigint past
 * 2^53), and a float that happens to be whole is marked as one by an array of shape []. Msgpack has it the other way.
 */
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

/** The text of a name whose bytes are characters; one that is no UTF-8 stays as it is. */
export function keyOf(name: string): string {
  if (isAscii(name)) return name;
  try {
    return utf8.decode(Uint8Array.from(name, (char) => char.charCodeAt(0)));
  } catch {
    return name;
  }
}

/** The other way round. */
export function nameOf(key: string): string {
  return isAscii(key) ? key : String.fromCharCode(...encoder.encode(key));
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
