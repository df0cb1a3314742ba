/**
 * Decimal numbers straight from bytes to float64, correctly rounded as Python's `float()` rounds them.
 *
 * Digits are read four at a time from 32-bit words. How many of the four there are is computed where it is random, as
 * in front of the point: there a branch would be guessed wrong every other time, which costs as much as ten digits.
 *
 * A number is `mantissa / 10^k`, and 10^k is an exact double for k ≤ 22. Below 2^53 the mantissa is exact too, so that
 * one division rounds correctly (Clinger 1990). Longer mantissas, as Python's `repr` writes them, are an exact sum of
 * two doubles; the quotient and its remainder then give the result and a proof that it is the nearest double, which
 * fails about once in 2^36 numbers. Those, and all rare forms, are left to `Number()`, which is exact.
 */

import { readSymbol } from "./species.js";
import { asciiText, nextLine, type TextBlock } from "./text-block.js";

const POWERS = Float64Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));
const INVERSES = POWERS.map((power) => 1 / power);
const SMALL_POWERS = Int32Array.from(POWERS.subarray(0, 5));
/** Veltkamp's constant: multiplying by it splits a double into two halves of 26 bits. */
const SPLITTER = 2 ** 27 + 1;
const UPPER_HALVES = POWERS.map((power) => SPLITTER * power - (SPLITTER * power - power));
const LOWER_HALVES = POWERS.map((power, k) => power - UPPER_HALVES[k]!);
/** Times 10^k, integers up to these are exact: 10^k adds the bits of 5^k, and zeros. */
const MAX_SHIFTED = POWERS.map((_, k) => Math.floor(2 ** 53 / 5 ** k));
/** Digits after the first eight of a fraction that are read in place: 10^22 is the largest exact power. */
const MAX_LOWER_DIGITS = 14;
/** Numbers of this many digits are below 2^53. */
const MAX_EXACT_DIGITS = 15;
/** What is read in place ends before this, so that it does not have to ask for the end of the bytes. */
const MARGIN = 48;

const FOUR_SPACES = 0x20202020;
const FOUR_ZEROS = 0x30303030;
const POINT = 46;

/** How many rows the last call read, and whether its last number was an integer. An object: it costs no allocation. */
export const lastRows: { count: number; integral: boolean } = { count: 0, integral: false };

/** In place of an end: there is anything but plain ASCII numbers. */
export const NOT_A_NUMBER = -1;

/**
 * Reads numbers of one line, each before whitespace, a comma or a quote, into `out`; see {@link readRows}.
 *
 * @returns Where the last one ended, or {@link NOT_A_NUMBER}.
 */
export function readNumbers(
  text: TextBlock,
  position: number,
  out: Float64Array,
  index: number,
  count: number,
): number {
  return readRows(text, position, text.bytes.length, null, 0, 1, out, index, count);
}

/**
 * Reads lines of numbers, each after an element symbol if `symbols` asks for it, until one is not of the usual form:
 * it has `nan`, `inf`, underscores, digits of other scripts, or what is no number at all. Text after the numbers is
 * passed over.
 *
 * @param end      Where no line begins any more. A line end must stand before it, which stops every loop: none has to
 * compare with the length.
 * @param symbols  Takes the atomic numbers, from `firstRow` on.
 * @param out      Takes the numbers row by row, from `index` on.
 * @returns Where the last number of the last row ended, before whitespace, a comma or a quote; {@link NOT_A_NUMBER} if
 * not even one row was read.
 */
export function readRows(
  text: TextBlock,
  position: number,
  end: number,
  symbols: Uint8Array | null,
  firstRow: number,
  nRows: number,
  out: Float64Array,
  index: number,
  nColumns: number,
): number {
  // One function for all that is usual: a call for each line costs as much as one of its numbers.
  const { bytes, view } = text;
  const lastStart = bytes.length - MARGIN;
  let at = position;
  let rowEnd = NOT_A_NUMBER;
  let row = 0;
  for (let i = index; row < nRows; row++) {
    if (row > 0) {
      rowEnd = at;
      if (bytes[at]! > 32) break;
      at = nextLine(bytes, at);
      if (at >= end) break;
    }
    if (symbols !== null) {
      while (bytes[at] === 32 || bytes[at] === 9) at++;
      const symbol = readSymbol(bytes, at);
      if (symbol < 0) break;
      symbols[firstRow + row] = symbol >> 2;
      at += symbol & 3;
    }
    for (const rowStop = i + nColumns; i < rowStop; i++) {
      if (at <= lastStart) {
        // Columns of fixed width have many spaces.
        let others = view.getInt32(at, true) ^ FOUR_SPACES;
        for (; others === 0 && at < lastStart; others = view.getInt32(at, true) ^ FOUR_SPACES) at += 4;
        at += firstByte(others);
      }
      while (bytes[at] === 32 || bytes[at] === 9) at++;
      const start = at;
      if (start > lastStart) {
        at = readSlowly(bytes, start, out, i);
        if (at < 0) break;
        continue;
      }
      const negative = ((bytes[at]! ^ 45) - 1) >>> 31;
      at += negative;
      let word = view.getInt32(at, true) ^ FOUR_ZEROS;
      let nDigits = firstByte(otherBytes(word));
      const whole = leadingDigits(word, nDigits);
      at += nDigits;
      if (bytes[at] !== POINT) {
        at = readSlowly(bytes, start, out, i);
        if (at < 0) break;
        continue;
      }
      const fraction = ++at;
      word = view.getInt32(at, true) ^ FOUR_ZEROS;
      let upper: number;
      // Fractions of one file mostly have the same length: guesses are right here, and save waiting for the count.
      if (otherBytes(word) === 0) {
        upper = leadingDigits(word, 4);
        at += 4;
        word = view.getInt32(at, true) ^ FOUR_ZEROS;
        if (otherBytes(word) === 0) {
          upper = upper * 10_000 + leadingDigits(word, 4);
          at += 4;
        } else {
          nDigits = firstByte(otherBytes(word));
          upper = upper * SMALL_POWERS[nDigits]! + leadingDigits(word, nDigits);
          at += nDigits;
        }
      } else {
        nDigits = firstByte(otherBytes(word));
        upper = leadingDigits(word, nDigits);
        at += nDigits;
      }
      const byte = bytes[at]!;
      if ((byte === 32 || byte === 10 || byte === 13) && at > start + negative + 1) {
        const power = POWERS[at - fraction]!;
        out[i] = ((whole * power + upper) / power) * (1 - 2 * negative);
        lastRows.integral = false;
      } else {
        at = readLong(text, start, fraction, at, whole, upper, out, i);
        if (at < 0) break;
      }
    }
    if (at < 0) break;
  }
  lastRows.count = row;
  return row === nRows ? at : rowEnd;
}

/** The rest of a number with more than eight digits after the point, or an exponent, or a comma or quote behind it. */
function readLong(
  { bytes, view }: TextBlock,
  start: number,
  fraction: number,
  position: number,
  whole: number,
  upper: number,
  out: Float64Array,
  index: number,
): number {
  let at = position;
  const mantissa = whole * POWERS[at - fraction]! + upper;
  let lower = 0;
  let byte = bytes[at]!;
  if (byte <= 57) {
    const word = view.getInt32(at, true) ^ FOUR_ZEROS;
    const next = view.getInt32(at + 4, true) ^ FOUR_ZEROS;
    const count = firstByte(otherBytes(word));
    const nextCount = firstByte(otherBytes(next)) & -(count >> 2); // none unless the first word is full
    lower = leadingDigits(word, count) * SMALL_POWERS[nextCount]! + leadingDigits(next, nextCount);
    at += count + nextCount;
    for (byte = bytes[at]!; byte >= 48 && byte <= 57 && at - position < MAX_LOWER_DIGITS; byte = bytes[++at]!)
      lower = lower * 10 + byte - 48;
  }
  const lowerDigits = at - position;
  let scale = at - fraction;
  if (byte === 101 || byte === 69) {
    byte = bytes[++at]!;
    const negativePower = byte === 45;
    if (negativePower || byte === 43) byte = bytes[++at]!;
    const powerStart = at;
    let power = 0;
    for (; byte >= 48 && byte <= 57 && at - powerStart < 3; byte = bytes[++at]!)
      power = power * 10 + byte - 48;
    scale += negativePower ? power : -power;
    if (at === powerStart) scale = -1;
  }
  const isShort = scale >= 0 && scale <= 22 && mantissa <= MAX_SHIFTED[lowerDigits]!;
  if (isShort && endsNumber(byte) && position > fraction) {
    const value = divide(mantissa * POWERS[lowerDigits]!, lower, scale);
    if (value >= 0) {
      const negative = ((bytes[start]! ^ 45) - 1) >>> 31;
      out[index] = value * (1 - 2 * negative);
      lastRows.integral = false;
      return at;
    }
  }
  return readSlowly(bytes, start, out, index);
}

/** How many of the four bytes of a little-endian word, from the lowest on, have no bit set. */
function firstByte(word: number): number {
  return (32 - Math.clz32((word & -word) - 1)) >> 3;
}

/** The upper bit of each byte that was no digit before "0" was taken off; not exact above the first of them. */
function otherBytes(word: number): number {
  return ((word + 0x76767676) | word) & 0x80808080;
}

/** The number that the first `count` digits of such a word stand for. */
function leadingDigits(word: number, count: number): number {
  const shift = 16 - 4 * count; // twice: a shift by 32 is none
  const digits = (word << shift) << shift;
  const pairs = (Math.imul(digits, 2561) >>> 8) & 0x00ff00ff; // 10 · 2^8 + 1
  return Math.imul(pairs, 6553601) >>> 16; // 100 · 2^16 + 1
}

function endsNumber(byte: number): boolean {
  return byte === 32 || (byte <= 13 && byte >= 9) || byte === 44 || byte === 34;
}

/**
 * `(high + low) / 10^scale` if the nearest double is certain, else -1.
 *
 * `high` and `low` are integers, `high` is 0 or larger than `low`, and `scale` ≤ 22. A first quotient is corrected by
 * what it leaves over; the products that takes are exact as Dekker (1971) splits them, and the rounded steps together
 * err by far less than the margin.
 */
function divide(high: number, low: number, scale: number): number {
  const power = POWERS[scale]!;
  const inverse = INVERSES[scale]!;
  const numerator = high + low;
  const rest = low - (numerator - high);
  const quotient = numerator * inverse;
  const q = SPLITTER * quotient;
  const q1 = q - (q - quotient);
  const q2 = quotient - q1;
  const p1 = UPPER_HALVES[scale]!;
  const p2 = LOWER_HALVES[scale]!;
  const product = quotient * power;
  const error = q1 * p1 - product + q1 * p2 + q2 * p1 + q2 * p2;
  const correction = (numerator - product - error + rest) * inverse;
  const margin = quotient * 2 ** -90;
  const nearest = quotient + (correction - margin);
  return nearest === quotient + (correction + margin) ? nearest : -1;
}

/** Reads a number of any length, digit by digit; integers too. */
function readSlowly(bytes: Uint8Array, start: number, out: Float64Array, index: number): number {
  const negative = bytes[start] === 45;
  let at = negative || bytes[start] === 43 ? start + 1 : start;
  const firstDigit = at;
  let mantissa = 0;
  let byte = bytes[at]!;
  for (; byte >= 48 && byte <= 57; byte = bytes[++at]!) mantissa = mantissa * 10 + byte - 48;
  let nDigits = at - firstDigit;
  let scale = 0;
  lastRows.integral = byte !== POINT;
  if (byte === POINT) {
    const fraction = at + 1;
    for (byte = bytes[++at]!; byte >= 48 && byte <= 57; byte = bytes[++at]!)
      mantissa = mantissa * 10 + byte - 48;
    scale = at - fraction;
    nDigits += scale;
  }
  let isShort = nDigits <= MAX_EXACT_DIGITS;
  if (byte === 101 || byte === 69) {
    lastRows.integral = false;
    isShort = false;
    byte = bytes[++at]!;
    if (byte === 45 || byte === 43) byte = bytes[++at]!;
    const power = at;
    while (byte >= 48 && byte <= 57) byte = bytes[++at]!;
    if (at === power) return NOT_A_NUMBER;
  }
  if (nDigits === 0 || !endsNumber(byte)) return NOT_A_NUMBER;
  if (isShort) {
    const value = mantissa / POWERS[scale]!;
    out[index] = negative ? -value : value;
  } else {
    out[index] = Number(asciiText(bytes, start, at));
  }
  return at;
}
