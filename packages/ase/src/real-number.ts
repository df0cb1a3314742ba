/**
 * Decimal numbers straight from bytes to float64, correctly rounded as Python's `float()` rounds them.
 *
 * A number is `mantissa / 10^k`, and 10^k is an exact double for k ≤ 22. Below 2^53 the mantissa is exact too, so that
 * one division rounds correctly (Clinger 1990). Up to 19 digits the mantissa is kept as an exact sum of two doubles;
 * the quotient and its remainder then give the result and a proof that it is the nearest double, which fails about
 * once in 2^40 numbers. Those, and all longer ones, are left to `Number()`, which is exact.
 */

import { asciiText, type TextBlock } from "./text-block.js";

const POWERS = Float64Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));
const INVERSES = POWERS.map((power) => 1 / power);
/** Veltkamp's constant: multiplying by it splits a double into two halves of 26 bits. */
const SPLITTER = 2 ** 27 + 1;
const MAX_EXACT = 2 ** 53;

const FOUR_SPACES = 0x20202020;

/** Where the last number ended, and whether it was written as an integer. One object: results cost no allocation. */
export const lastNumber: { end: number; integral: boolean } = { end: 0, integral: false };

/** Stands in `lastNumber.end` for anything but a plain ASCII number. */
export const NOT_A_NUMBER = -1;

/**
 * Reads one number that starts at `position` and ends before whitespace, a comma or a quote.
 *
 * One of these must follow somewhere in `bytes` (lines with their line end do): it stops every loop, so that none has
 * to compare with the length.
 *
 * `lastNumber` tells where it ended. It is {@link NOT_A_NUMBER} for everything unusual: `nan`, `inf`, underscores,
 * digits of other scripts, and what is no number at all.
 */
export function readNumber({ bytes, view }: TextBlock, position: number): number {
  let at = position;
  let byte = bytes[at]!;
  const negative = byte === 45; // -
  if (negative || byte === 43) byte = bytes[++at]!;
  // 32-bit integers hold nine digits, and are several times faster here than doubles. Longer runs overflow, which
  // the digit counts tell afterwards.
  const start = at;
  let whole = 0;
  for (; byte >= 48 && byte <= 57; byte = bytes[++at]!) whole = (Math.imul(whole, 10) + byte - 48) | 0;
  const wholeDigits = at - start;
  let upper = 0;
  let upperDigits = 0;
  let lower = 0;
  let lowerDigits = 0;
  let scale = 0;
  lastNumber.integral = true;
  if (byte === 46) {
    lastNumber.integral = false;
    const fraction = ++at;
    const lastChunk = bytes.length - 4;
    let chunk = at <= lastChunk ? fourDigits(view.getUint32(at, true)) : -1;
    if (chunk >= 0) {
      upper = chunk;
      at += 4;
      chunk = at <= lastChunk ? fourDigits(view.getUint32(at, true)) : -1;
      if (chunk >= 0) {
        upper = upper * 10_000 + chunk;
        at += 4;
      }
    }
    upperDigits = at - fraction;
    byte = bytes[at]!;
    if (byte >= 48 && byte <= 57) {
      const rest = at;
      chunk = at <= lastChunk ? fourDigits(view.getUint32(at, true)) : -1;
      if (chunk >= 0) {
        lower = chunk;
        at += 4;
        chunk = at <= lastChunk ? fourDigits(view.getUint32(at, true)) : -1;
        if (chunk >= 0) {
          lower = lower * 10_000 + chunk;
          at += 4;
        }
      }
      for (byte = bytes[at]!; byte >= 48 && byte <= 57; byte = bytes[++at]!) lower = lower * 10 + byte - 48;
      lowerDigits = at - rest;
    }
    scale = at - fraction;
  }
  let digits = wholeDigits + scale;
  if (byte === 101 || byte === 69) {
    lastNumber.integral = false;
    byte = bytes[++at]!;
    const negativePower = byte === 45;
    if (negativePower || byte === 43) byte = bytes[++at]!;
    const powerStart = at;
    let power = 0;
    for (; byte >= 48 && byte <= 57; byte = bytes[++at]!) power = Math.min(power * 10 + byte - 48, 9999);
    if (at === powerStart) digits = 0;
    scale += negativePower ? power : -power;
  }
  if (digits === 0 || !endsNumber(byte)) {
    lastNumber.end = NOT_A_NUMBER;
    return 0;
  }
  lastNumber.end = at;
  let value = -1;
  if (wholeDigits <= 9 && lowerDigits <= 11 && scale >= 0 && scale <= 22) {
    const mantissa = whole * POWERS[upperDigits]! + upper;
    if (mantissa < MAX_EXACT) {
      value = lowerDigits === 0 ? mantissa / POWERS[scale]! : divideWide(mantissa, lowerDigits, lower, scale);
    }
  }
  if (value < 0) value = Number(asciiText(bytes, start, at));
  return negative ? -value : value;
}

/** The number that four ASCII digits stand for, given as a little-endian word; -1 if one is no digit. */
function fourDigits(word: number): number {
  // A digit has 3 in its upper half byte, and still has when 6 is added.
  if ((((word & 0xf0f0f0f0) ^ 0x30303030) | (((word + 0x06060606) & 0xf0f0f0f0) ^ 0x30303030)) !== 0)
    return -1;
  const pairs = Math.imul(word & 0x0f0f0f0f, 10) + ((word & 0x0f0f0f0f) >>> 8);
  return Math.imul(pairs & 0xff, 100) + ((pairs >>> 16) & 0xff);
}

function endsNumber(byte: number): boolean {
  return byte === 32 || (byte <= 13 && byte >= 9) || byte === 44 || byte === 34;
}

/**
 * `(high * 10^shift + low) / 10^scale` if the nearest double is certain, else -1.
 *
 * `high` < 2^53, `shift` ≤ 11, `scale` ≤ 22. The numerator is an integer below 2^64, kept as `numerator + rest`, both
 * exact. A first quotient is corrected by what it leaves over; the products that takes are exact as Dekker (1971)
 * splits them, and the rounded steps together err by far less than the margin.
 */
function divideWide(high: number, shift: number, low: number, scale: number): number {
  const factor = POWERS[shift]!;
  const power = POWERS[scale]!;
  const shifted = high * factor;
  const numerator = shifted + low;
  if (numerator < MAX_EXACT) return numerator / power;
  if (numerator >= 1e19) return -1;
  const h = SPLITTER * high;
  const h1 = h - (h - high);
  // Ten to the 11th has 26 significant bits: its products with either half of `high` are exact.
  const rest = low - (numerator - shifted) + (h1 * factor - shifted + (high - h1) * factor);

  const inverse = INVERSES[scale]!;
  const quotient = numerator * inverse;
  const q = SPLITTER * quotient;
  const q1 = q - (q - quotient);
  const q2 = quotient - q1;
  const p = SPLITTER * power;
  const p1 = p - (p - power);
  const p2 = power - p1;
  const product = quotient * power;
  const error = q1 * p1 - product + q1 * p2 + q2 * p1 + q2 * p2;
  const correction = (numerator - product - error + rest) * inverse;
  const margin = quotient * 2 ** -90;
  const nearest = quotient + (correction - margin);
  return nearest === quotient + (correction + margin) ? nearest : -1;
}

/**
 * Reads `count` numbers of one line into `out`, from `index` on; as {@link readNumber}, it needs a line end.
 *
 * @returns Where the last number ended; {@link NOT_A_NUMBER} if the line needs the exact, slow reader.
 */
export function readNumbers(
  text: TextBlock,
  position: number,
  out: Float64Array,
  index: number,
  count: number,
): number {
  const { bytes, view } = text;
  const lastWord = bytes.length - 4;
  let at = position;
  for (let i = index; i < index + count; i++) {
    // Columns of fixed width have many spaces.
    if (at <= lastWord && view.getInt32(at, true) === FOUR_SPACES) at += 4;
    while (bytes[at] === 32 || bytes[at] === 9) at++;
    out[i] = readNumber(text, at);
    at = lastNumber.end;
    if (at < 0 || bytes[at]! > 32) return NOT_A_NUMBER;
  }
  return at;
}
