import { createHash } from "node:crypto";
import { bytesOf, isNdArray } from "@stowage/core";

/** Longer arrays are told by their hash: as text they would not fit a string. */
const LONG_BYTES = 2 ** 20;

/**
 * A copy in which every array is its dtype, shape and bytes as text, and the keys of objects are sorted: `toEqual` of
 * two such copies means equal to the last bit, and prints well where it fails.
 */
export function bits(value: unknown): unknown {
  if (isNdArray(value)) {
    return `${value.dtype}(${value.shape.join(",")}) ${text(bytesOf(value.data))}`;
  }
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    return `${value.constructor.name} ${text(new Uint8Array(buffer, byteOffset, byteLength))}`;
  }
  if (Array.isArray(value)) return value.map(bits);
  if (typeof value !== "object" || value === null) return value;
  // A list of pairs: keys such as "__proto__" and "1" must count too.
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, bits(item)]);
}

function text(bytes: Uint8Array): string {
  if (bytes.length <= LONG_BYTES)
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
  return `${bytes.length} bytes, ${createHash("sha256").update(bytes).digest("hex")}`;
}
