import {
  type ColumnValues,
  DTYPES,
  describeValue,
  elementAt,
  equalValues,
  getKey,
  isNdArray,
  isStowageError,
  type NdArray,
  quote,
  type Row,
  type Value,
} from "@stowage/core";
import { broken } from "./errors.js";

/** Fails unless a fact holds. */
export function expectThat(fact: boolean, what: string): void {
  if (!fact) throw broken(what, "it is not so", "it to be so");
}

/** Compares plain values: numbers, text, booleans, and lists of them. */
export function expectSame(what: string, found: unknown, expected: unknown): void {
  const [left, right] = [textOf(found), textOf(expected)];
  if (left !== right) throw broken(what, left, right);
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join(", ")}]`;
  if (Object.is(value, -0)) return "-0";
  return typeof value === "bigint" ? `${value}n` : quote(value, 200);
}

/** Compares rows to the last bit; the order of keys does not count, nor the integer type of atomic numbers. */
export function expectRows(what: string, found: readonly Row[], expected: readonly Row[]): void {
  expectSame(`${what}, number of rows`, found.length, expected.length);
  for (const [i, row] of expected.entries()) expectRow(`${what}, row ${i}`, found[i]!, row);
}

/** As {@link expectRows}. */
export function expectRow(what: string, found: Row, expected: Row): void {
  expectSame(`${what}, keys`, Object.keys(found).sort(), Object.keys(expected).sort());
  for (const [key, value] of Object.entries(expected)) {
    expectValue(`${what}, ${quote(key)}`, getKey(found, key)!, value, key);
  }
}

/** @param key  The row's key; atomic numbers may have any integer type. */
export function expectValue(what: string, found: Value, expected: Value, key = ""): void {
  const equal = key === "arrays.numbers" ? sameIntegers : equalValues;
  if (equal(found, expected)) return;
  const [left, right] = [describeValue(found), describeValue(expected)];
  if (left !== right || !isNdArray(found) || !isNdArray(expected)) {
    throw broken(what, detailOf(found, left, right), detailOf(expected, right, left));
  }
  const at = firstDifference(found, expected);
  throw broken(`${what}, element ${at} of ${left}`, textOf(found.data[at]), textOf(expected.data[at]));
}

/** Values whose short descriptions are the same are written out. */
function detailOf(value: Value, own: string, other: string): string {
  if (own !== other || isNdArray(value)) return own;
  return JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? `${item}n` : item));
}

function firstDifference(a: NdArray, b: NdArray): number {
  const at = Array.from(a.data as ArrayLike<unknown>).findIndex(
    (element, i) => !Object.is(element, b.data[i]),
  );
  return Math.max(0, at);
}

/** Each store keeps atomic numbers as its format does: as bytes, or as 64-bit integers. */
function sameIntegers(a: Value, b: Value): boolean {
  return isNdArray(a) && "iu".includes(DTYPES[a.dtype].kind) && sameNumbers(a, b);
}

/** Whether two values are the same numbers, whatever their types. */
export function sameNumbers(a: Value, b: Value): boolean {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  return (
    left !== null &&
    right !== null &&
    left.shape === right.shape &&
    left.elements.length === right.elements.length &&
    left.elements.every((element, i) => Object.is(element, right.elements[i]))
  );
}

function numbersOf(value: Value): { elements: (number | bigint)[]; shape: string } | null {
  if (typeof value === "bigint") return { elements: [value], shape: "" };
  if (typeof value === "number" || typeof value === "boolean")
    return { elements: [Number(value)], shape: "" };
  if (Array.isArray(value)) {
    if (!value.every((item) => typeof item === "number" || typeof item === "boolean")) return null;
    return { elements: value.map(Number), shape: String(value.length) };
  }
  if (!isNdArray(value)) return null;
  if (value.dtype.startsWith("complex")) {
    return { elements: Array.from(value.data as Float64Array), shape: `${value.shape} complex` };
  }
  const elements = Array.from({ length: value.data.length }, (_, i) => {
    const element = elementAt(value, i);
    return typeof element === "boolean" ? Number(element) : element;
  });
  return { elements, shape: String(value.shape) };
}

/**
 * Fails unless a call is refused with a `StowageError`.
 *
 * @param codes  Those that are right; none: any.
 * @returns The error's code.
 */
export async function expectRefusal(
  what: string,
  call: () => unknown,
  ...codes: readonly string[]
): Promise<string> {
  const expected = codes.length === 0 ? "a StowageError" : codes.join(" or ");
  try {
    await call();
  } catch (error) {
    if (isStowageError(error) && (codes.length === 0 || codes.includes(error.code))) return error.code;
    const found = isStowageError(error) ? `${error.code} (${error.message})` : String(error);
    throw broken(what, found, expected, error);
  }
  throw broken(what, "no error", expected);
}

/** The values of a column as a facade gives them, one a row. */
export function listOf(values: ColumnValues): readonly unknown[] {
  if (!isNdArray(values)) return Array.from(values as ArrayLike<unknown>);
  throw broken("a column of scalars", describeValue(values), "a list or a typed array");
}
