import {
  DTYPES,
  type DTypeInfo,
  elementAt,
  getKey,
  isNdArray,
  type NdArray,
  type Value,
} from "@stowage/core";
import { asArray } from "./expected-row.js";

/** How far two numbers may be apart and still count as equal: `absolute + relative × |b|`, as in NumPy. */
export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
  /** Whether numbers of two dtypes may be equal. */
  readonly anyDtype: boolean;
}

/** What two values differ in; `"value"` is beyond the tolerance. */
export type DifferenceKind = "type" | "shape" | "value";

/**
 * Compares two values, and remembers how far numbers were apart at most, also within the tolerance.
 *
 * NaN equals NaN and -0 equals 0. Complex numbers are compared by their parts. Integers are subtracted exactly.
 */
export class ValueComparison {
  /** The first kind of difference found. */
  differs: DifferenceKind | null = null;
  maxAbsolute = 0;
  maxRelative = 0;
  readonly #tolerance: Tolerance;

  constructor(tolerance: Tolerance) {
    this.#tolerance = tolerance;
  }

  compare(a: Value, b: Value): void {
    const [left, right] = [asArray(a), asArray(b)];
    if (left !== null && right !== null) this.#compareArrays(left, right);
    else if (Array.isArray(a) && Array.isArray(b)) this.#compareLists(a, b);
    else if (isObject(a) && isObject(b)) this.#compareObjects(a, b);
    else if (typeof a !== typeof b || a === null || b === null || typeof a === "object") {
      if (a !== b) this.#note("type");
    } else if (a !== b) this.#note("value");
  }

  #note(kind: DifferenceKind): void {
    this.differs ??= kind;
  }

  #compareArrays(a: NdArray, b: NdArray): void {
    const [left, right] = [DTYPES[a.dtype] as DTypeInfo, DTYPES[b.dtype] as DTypeInfo];
    if (a.dtype !== b.dtype && (!this.#tolerance.anyDtype || left.lanes !== right.lanes)) this.#note("type");
    if (a.shape.length !== b.shape.length || a.shape.some((extent, i) => extent !== b.shape[i])) {
      this.#note("shape");
    } else if (left.lanes === right.lanes) {
      const [x, y] = [elementsOf(a), elementsOf(b)];
      for (let i = 0; i < a.data.length; i++) this.#compareNumbers(x(i), y(i));
    }
  }

  #compareNumbers(x: number | bigint, y: number | bigint): void {
    const distance = distanceOf(x, y);
    if (distance === 0) return;
    const size = Math.abs(Number(y));
    const relative = Number.isFinite(distance)
      ? distance / Math.max(size, Math.abs(Number(x)))
      : Number.POSITIVE_INFINITY;
    if (distance > this.maxAbsolute) this.maxAbsolute = distance;
    if (relative > this.maxRelative) this.maxRelative = relative;
    const allowed = this.#tolerance.absolute + this.#tolerance.relative * size;
    if (!Number.isFinite(distance) || distance > allowed) this.#note("value");
  }

  #compareLists(a: readonly Value[], b: readonly Value[]): void {
    if (a.length !== b.length) this.#note("shape");
    else for (const [i, item] of a.entries()) this.compare(item, b[i]!);
  }

  #compareObjects(a: Record<string, Value>, b: Record<string, Value>): void {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const [left, right] = [getKey(a, key), getKey(b, key)];
      if (left === undefined || right === undefined) this.#note("shape");
      else this.compare(left, right);
    }
  }
}

function isObject(value: Value): value is Record<string, Value> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isNdArray(value);
}

/** The numbers of an array by place, as fast as its dtype allows. */
function elementsOf(array: NdArray): (i: number) => number | bigint {
  const { data, dtype } = array;
  if (dtype === "float16") return (i) => elementAt(array, i) as number;
  return (i) => data[i]!;
}

/** How far two numbers are apart: 0 for two NaN, infinite where only one is a number. */
function distanceOf(x: number | bigint, y: number | bigint): number {
  if (typeof x === "number" && typeof y === "number") {
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return 0;
    const distance = Math.abs(x - y);
    return Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance;
  }
  if (isWhole(x) && isWhole(y)) {
    const distance = BigInt(x) - BigInt(y);
    return Math.abs(Number(distance));
  }
  return distanceOf(Number(x), Number(y));
}

function isWhole(x: number | bigint): boolean {
  return typeof x === "bigint" || Number.isInteger(x);
}
