import { strip, toAsciiDigits } from "./python-text.js";

const INTEGER = /^[+-]?\d+(?:_\d+)*$/;
const DECIMAL = /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?$/i;
const NON_FINITE = /^([+-]?)(?:(nan)|inf(?:inity)?)$/i;

/** `sys.get_int_max_str_digits()`: longer integers are refused by `int()`. */
const MAX_INTEGER_DIGITS = 4300;

/**
 * `int(text)`: `"5"`, `"+5"`, `" 1_000 "`, digits of any script.
 *
 * @returns `undefined` where Python raises ValueError.
 */
export function parsePythonInt(text: string): bigint | undefined {
  const plain = toAsciiDigits(strip(text));
  if (plain.length > MAX_INTEGER_DIGITS || !INTEGER.test(plain)) return undefined;
  return BigInt(plain.replaceAll("_", ""));
}

/**
 * `float(text)`, correctly rounded: `".5"`, `"1_0e5"`, `"-inf"`, `"Infinity"`, `"nan"`.
 *
 * @returns `undefined` where Python raises ValueError.
 */
export function parsePythonFloat(text: string): number | undefined {
  const plain = toAsciiDigits(strip(text));
  if (DECIMAL.test(plain)) return Number(plain.replaceAll("_", ""));
  const word = NON_FINITE.exec(plain);
  if (word === null) return undefined;
  if (word[2] !== undefined) return Number.NaN;
  return word[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** Stores `float(text)`; the sign of `-nan`, which a JavaScript number does not carry, is kept too. */
export function storePythonFloat(target: Float64Array, index: number, text: string): boolean {
  const value = parsePythonFloat(text);
  if (value === undefined) return false;
  target[index] = value;
  if (Number.isNaN(value)) storeNaN(target, index, strip(text).startsWith("-"));
  return true;
}

const QUIET_NAN = 0x7ff80000;

/** Writes the NaN that C and NumPy call `nan` or `-nan`, bit by bit. */
export function storeNaN(target: Float64Array, index: number, negative: boolean): void {
  const words = new Uint32Array(target.buffer, target.byteOffset + index * 8, 2);
  words[0] = 0;
  words[1] = negative ? QUIET_NAN | 0x80000000 : QUIET_NAN;
}

/** Whether the NaN at this place has its sign bit set. */
export function isNegativeNaN(source: Float64Array, index: number): boolean {
  const words = new Uint32Array(source.buffer, source.byteOffset + index * 8, 2);
  return words[1]! >>> 31 === 1;
}
