import { allocate, bytesOf, DTYPES, type DType, isDType, type NdArray, quote, sizeOf } from "@stowage/core";
import { TextProblem } from "../errors.js";
import type { Json } from "../python-json.js";

/** An array that lies in the file. */
export interface UlmArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly bigEndian: boolean;
}

/** Where the arrays of an item can be: behind the item before it, and before its own text. */
export interface ArrayBounds {
  readonly start: number;
  readonly end: number;
}

/** NumPy's limit of dimensions. */
const MAX_DIMENSIONS = 64;
/** A longer array would not fit in one read of every runtime. */
const MAX_ARRAY_BYTES = 2 ** 31;

/**
 * Reads `[[2, 3], "float64", 56]`.
 *
 * @throws {TextProblem} for what is no such reference, or leads out of the item.
 */
export function parseArrayReference(
  name: string,
  json: Json,
  bigEndian: boolean,
  bounds: ArrayBounds,
): UlmArray {
  const [extents, dtype, place] = Array.isArray(json) && json.length === 3 ? json : [];
  if (typeof dtype !== "string" || typeof place !== "bigint")
    throw new TextProblem(`array ${quote(name)} that is not described`, "shape, dtype and place");
  if (!isDType(dtype))
    throw new TextProblem(`dtype ${quote(dtype)} of ${quote(name)}`, "a NumPy number type");
  const shape = parseShape(extents ?? null);
  const byteOffset = Number(place);
  const byteLength = sizeOf(shape) * DTYPES[dtype].itemSize;
  if (byteLength > MAX_ARRAY_BYTES)
    throw new TextProblem(`${byteLength} bytes of ${quote(name)}`, `at most ${MAX_ARRAY_BYTES}`);
  if (byteLength > 0 && !(byteOffset >= bounds.start && byteOffset + byteLength <= bounds.end)) {
    throw new TextProblem(
      `${quote(name)} in bytes ${byteOffset} to ${byteOffset + byteLength}`,
      `an array within bytes ${bounds.start} to ${bounds.end}`,
    );
  }
  return { dtype, shape, byteOffset, byteLength, bigEndian };
}

/** @throws {TextProblem} for what is no list of extents */
export function parseShape(json: Json): number[] {
  const extents = Array.isArray(json) ? json.map(Number) : null;
  const isShape =
    Array.isArray(json) &&
    json.length <= MAX_DIMENSIONS &&
    json.every((extent) => typeof extent === "bigint") &&
    extents!.every((extent) => Number.isSafeInteger(extent) && extent >= 0);
  if (!isShape) throw new TextProblem("a shape that is no list of extents", "whole numbers, 0 or more");
  return extents!;
}

/** The elements as an array with its own memory. @param bytes  Exactly those of the array. */
export function decodeUlmArray({ dtype, shape, bigEndian }: UlmArray, bytes: Uint8Array): NdArray {
  const data = allocate(dtype, sizeOf(shape));
  const target = bytesOf(data);
  target.set(bytes);
  if (dtype === "bool") for (let i = 0; i < target.length; i++) target[i] = target[i] === 0 ? 0 : 1;
  if (bigEndian) swapBytes(target, data.BYTES_PER_ELEMENT);
  return { dtype, shape: [...shape], data };
}

function swapBytes(bytes: Uint8Array, width: number): void {
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
}
