import { encodeValue, isNdArray, type Value } from "@stowage/core";

/** The bytes in which a page posts a value: exact, with integers of any size as text, which msgpack has no room for. */
export function posted(value: Value): Uint8Array {
  return encodeValue(withTextIntegers(value));
}

function withTextIntegers(value: Value): Value {
  if (typeof value === "bigint") return { bigint: String(value) };
  if (Array.isArray(value)) return value.map(withTextIntegers);
  if (typeof value !== "object" || value === null || isNdArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withTextIntegers(item)]));
}
