import { DTYPES } from "./dtype.js";
import { elementAt, isNdArray, type NdArray } from "./nd-array.js";
import type { Value } from "./row.js";

/** An integer, a float, or a boolean. */
type Leaf = bigint | number | boolean;

/**
 * Lists of numbers, however deep, as one array: what `np.asarray` makes of them.
 *
 * As in rows, a plain whole number within a list is an integer. Booleans alone are bool, integers (and booleans) int64,
 * everything else float64.
 *
 * @param dtype  Elements are of this type whatever they are.
 * @returns `null` for what is no rectangular list of numbers, and for integers of more than 64 bits.
 */
export function arrayOfList(list: Value[], dtype?: "float64"): NdArray | null {
  const shape: number[] = [];
  for (let item: Value | undefined = list; Array.isArray(item); item = item[0]) shape.push(item.length);
  const leaves: Leaf[] = [];
  if (!collect(list, shape, leaves)) return null;
  const kinds = new Set(leaves.map((leaf) => typeof leaf));
  if (dtype === "float64" || kinds.has("number") || kinds.size === 0) {
    return { dtype: "float64", shape, data: Float64Array.from(leaves, Number) };
  }
  if (!kinds.has("bigint")) return { dtype: "bool", shape, data: Uint8Array.from(leaves, Number) };
  const integers = leaves.map(BigInt);
  if (integers.some((integer) => BigInt.asIntN(64, integer) !== integer)) return null;
  return { dtype: "int64", shape, data: BigInt64Array.from(integers) };
}

/** Whether a list has this shape, and numbers at its ends. */
function collect(value: Value, shape: readonly number[], leaves: Leaf[], axis = 0): boolean {
  if (axis < shape.length) {
    return (
      Array.isArray(value) &&
      value.length === shape[axis] &&
      value.every((item) => collect(item, shape, leaves, axis + 1))
    );
  }
  const leaf = leafOf(value);
  if (leaf !== null) leaves.push(leaf);
  return leaf !== null;
}

function leafOf(value: Value): Leaf | null {
  if (typeof value === "number")
    return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value;
  if (typeof value === "bigint" || typeof value === "boolean") return value;
  if (!isNdArray(value) || value.shape.length > 0 || value.dtype.startsWith("complex")) return null;
  const element = elementAt(value);
  return typeof element === "number" && DTYPES[value.dtype].kind !== "f" ? BigInt(element) : element;
}
