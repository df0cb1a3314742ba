import { type NdArray, ndarray, scalar } from "@stowage/core";
import { checkedArray, isWellFormed } from "./property.js";
import type { StoredValue } from "./record.js";
import type { BuiltinKey } from "./tags.js";

/** An array, or bare elements whose shape the field tells. */
export type Floats = NdArray | Float32Array | Float64Array;

export const FLOATS: readonly ["float32", "float64"] = ["float32", "float64"];

/**
 * The stored form of what a user gives for a field.
 *
 * @throws {StowageError} ERR_SHAPE, ERR_DTYPE
 */
export function fieldValue(key: BuiltinKey, value: unknown, nAtoms: number): StoredValue {
  switch (key) {
    case "energy":
      if (typeof value === "number") return scalar(value, "float64");
      return checkedArray(value as NdArray, key, FLOATS, []);
    case "name":
      if (typeof value !== "string")
        throw new TypeError(`Cannot use name: expected text, found ${typeof value}`);
      if (!isWellFormed(value)) throw new TypeError("Cannot use name: it holds half of a surrogate pair");
      return value;
    case "pbc": {
      if (!Array.isArray(value) || value.length !== 3)
        throw new TypeError("Cannot use pbc: expected three booleans");
      return ndarray(
        Uint8Array.from(value, (periodic) => (periodic ? 1 : 0)),
        [3],
        "bool",
      );
    }
    case "charges":
      return checkedArray(value as Floats, key, FLOATS, [nAtoms]);
    case "cell":
    case "stress":
      return checkedArray(value as Floats, key, FLOATS, [3, 3]);
    default:
      return checkedArray(value as Floats, key, FLOATS, [nAtoms, 3]);
  }
}
