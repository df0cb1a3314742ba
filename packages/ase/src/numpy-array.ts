import { describeValue, isNdArray, type NdArray, sizeOf, type Value } from "@stowage/core";
import { TextProblem } from "./errors.js";
import type { Json } from "./python-json.js";
import { parsePythonFloat } from "./python-number.js";

const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);
const MAX_UINT64 = 2n ** 64n - 1n;

/** NumPy's limit of dimensions. */
const MAX_DIMENSIONS = 64;

/** Whether an integer is one that NumPy holds as int64. */
export function fitsInt64(value: bigint): boolean {
  return value >= MIN_INT64 && value <= MAX_INT64;
}

/**
 * What ASE makes of a `_JSON` value: `np.array(value)` where that has integers, floats or booleans, else the value.
 *
 * Single numbers and booleans come as row scalars: a plain number is a float64.
 *
 * @throws {TextProblem} for lists that NumPy refuses: ragged ones, and more than 64 dimensions.
 */
export function fromJson(json: Json): Value {
  const shape = shapeOf(json);
  const leaves: Json[] = [];
  collectLeaves(json, leaves);
  switch (commonKind(leaves)) {
    case "bool":
      if (shape.length === 0) return json as boolean;
      return { dtype: "bool", shape, data: Uint8Array.from(leaves, Number) };
    case "int64":
      return { dtype: "int64", shape, data: BigInt64Array.from(leaves, (leaf) => BigInt(leaf as bigint)) };
    case "float64":
      if (shape.length === 0) return json as number;
      return { dtype: "float64", shape, data: Float64Array.from(leaves, Number) };
    default:
      return nestedValue(json);
  }
}

/** The dtype that NumPy finds for these elements; `"other"` for text, objects and integers beyond 64 bits. */
function commonKind(leaves: readonly Json[]): "bool" | "int64" | "float64" | "other" {
  let bools = 0;
  let floats = leaves.length === 0 ? 1 : 0;
  let wide = 0;
  for (const leaf of leaves) {
    if (typeof leaf === "boolean") bools++;
    else if (typeof leaf === "number") floats++;
    else if (typeof leaf !== "bigint") return "other";
    else if (leaf > MAX_UINT64 || leaf < MIN_INT64) return "other";
    else if (leaf > MAX_INT64) wide++;
  }
  if (floats > 0) return "float64";
  if (bools === leaves.length) return "bool";
  // Integers of 64 unsigned bits alone give uint64, which ASE leaves as Python integers; beside int64, float64.
  if (wide === 0) return "int64";
  return wide + bools === leaves.length ? "other" : "float64";
}

/** Extents of nested lists. Objects and texts are elements. */
function shapeOf(json: Json, depth = 0): number[] {
  if (!Array.isArray(json)) return [];
  if (depth >= MAX_DIMENSIONS)
    throw new TextProblem("lists in lists in lists", `at most ${MAX_DIMENSIONS} dimensions`);
  if (json.length === 0) return [0];
  const inner = shapeOf(json[0]!, depth + 1);
  for (let i = 1; i < json.length; i++) {
    const other = shapeOf(json[i]!, depth + 1);
    if (other.length !== inner.length || other.some((extent, axis) => extent !== inner[axis])) {
      throw new TextProblem("a list of unequal lists", "lists of one length, as NumPy does");
    }
  }
  return [json.length, ...inner];
}

function collectLeaves(json: Json, leaves: Json[]): void {
  if (!Array.isArray(json)) leaves.push(json);
  else for (const item of json) collectLeaves(item, leaves);
}

/**
 * A nested value as rows hold it. As in JSON, a whole number is an integer (a bigint past 2^53) and any other a
 * float; a float that happens to be whole is marked as one by a 0-d float64 array.
 */
function nestedValue(json: Json): Value {
  if (typeof json === "bigint") {
    const number = Number(json);
    return Number.isSafeInteger(number) ? number : json;
  }
  if (typeof json === "number") {
    const ambiguous = Number.isInteger(json) && !Object.is(json, -0);
    return ambiguous ? { dtype: "float64", shape: [], data: Float64Array.of(json) } : json;
  }
  if (Array.isArray(json)) return json.map(nestedValue);
  if (typeof json === "object" && json !== null) {
    const entries = Object.entries(json).map(([key, item]): [string, Value] => [key, nestedValue(item)]);
    return Object.fromEntries(entries);
  }
  return json;
}

/**
 * `np.array(value, float)`: what ASE's calculator does to all results but energies and the total magnetic moment.
 *
 * @throws {TextProblem} for what NumPy cannot turn into floats.
 */
export function toFloatArray(value: Value): Value {
  if (isNdArray(value)) {
    if (value.shape.length === 0) return Number(value.data[0]);
    return {
      dtype: "float64",
      shape: value.shape,
      data: Float64Array.from(value.data as ArrayLike<number>, Number),
    };
  }
  if (!Array.isArray(value)) return toFloat(value);
  const shape = listShape(value);
  const data = new Float64Array(sizeOf(shape));
  let index = 0;
  const fill = (item: Value): void => {
    if (Array.isArray(item)) for (const inner of item) fill(inner);
    else data[index++] = toFloat(item);
  };
  fill(value);
  return { dtype: "float64", shape, data };
}

function listShape(value: Value): number[] {
  // Arrays never lie inside lists here: `fromJson` makes arrays of whole values only.
  return shapeOf(value as Json);
}

function toFloat(value: Value): number {
  if (value === null) return Number.NaN;
  if (isNdArray(value)) return Number((value as NdArray).data[0]);
  if (typeof value === "string") {
    const number = parsePythonFloat(value);
    if (number !== undefined) return number;
  } else if (typeof value !== "object") {
    return Number(value);
  }
  throw new TextProblem(`the result ${describeValue(value)}`, "numbers");
}
