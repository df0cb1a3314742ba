import { bytesOf, isNdArray } from "@stowage/core";

/**
 * A copy in which every array is its dtype, shape and bytes as text, and the keys of objects are sorted: `toEqual` of
 * two such copies means equal to the last bit, and prints well where it fails.
 */
export function bits(value: unknown): unknown {
  if (isNdArray(value)) {
    return `${value.dtype}(${value.shape.join(",")}) ${Buffer.from(bytesOf(value.data)).toString("hex")}`;
  }
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value;
    return `${value.constructor.name} ${Buffer.from(buffer, byteOffset, byteLength).toString("hex")}`;
  }
  if (Array.isArray(value)) return value.map(bits);
  if (typeof value !== "object" || value === null) return value;
  // A list of pairs: keys such as "__proto__" and "1" must count too.
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, bits(item)]);
}
