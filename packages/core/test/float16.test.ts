import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { float16ToNumber, numberToFloat16 } from "../src/index.js";

/** The finite float16 values in ascending order, built from the definition and not from the code under test. */
const POSITIVE: number[] = [];
for (let exponent = 0; exponent < 31; exponent++) {
  for (let fraction = 0; fraction < 1024; fraction++) {
    POSITIVE.push(exponent === 0 ? fraction / 2 ** 24 : ((1024 + fraction) / 1024) * 2 ** (exponent - 15));
  }
}

/** Nearest by comparison with the midpoint of the two neighbours, which a double holds exactly. */
function nearestBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  let low = 0;
  let high = POSITIVE.length; // one past the end stands for 2^16, which rounds to infinity
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (POSITIVE[middle]! <= magnitude) low = middle;
    else high = middle;
  }
  const midpoint = (POSITIVE[low]! + (POSITIVE[high] ?? 2 ** 16)) / 2;
  if (magnitude < midpoint) return sign | low;
  if (magnitude > midpoint) return sign | high;
  return sign | (low % 2 === 0 ? low : high);
}

describe("float16", () => {
  it("reads all 65536 bit patterns as the definition says", () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 0x10000; bits++) {
      const magnitude = bits & 0x7fff;
      const sign = bits & 0x8000 ? -1 : 1;
      const expected =
        magnitude > 0x7c00 ? Number.NaN : magnitude === 0x7c00 ? sign / 0 : sign * POSITIVE[magnitude]!;
      if (!Object.is(float16ToNumber(bits), expected)) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  it("gives every pattern back from its number, NaN as one quiet NaN", () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 0x10000; bits++) {
      const nan = (bits & 0x7fff) > 0x7c00;
      if (numberToFloat16(float16ToNumber(bits)) !== (nan ? 0x7e00 : bits)) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  it("rounds ties between any two neighbours to even, and either side of a tie to its neighbour", () => {
    const wrong: number[] = [];
    for (let low = 0; low < POSITIVE.length; low++) {
      const high = low + 1;
      const tie = (POSITIVE[low]! + (POSITIVE[high] ?? 2 ** 16)) / 2;
      const ulp = tie * Number.EPSILON;
      if (numberToFloat16(tie) !== (low % 2 === 0 ? low : high)) wrong.push(tie);
      // A double next to the tie: rounding through float32 first would make it the tie itself.
      if (numberToFloat16(tie - ulp / 2) !== low) wrong.push(tie - ulp / 2);
      if (numberToFloat16(tie + ulp) !== high) wrong.push(tie + ulp);
    }
    expect(wrong).toEqual([]);
  });

  it.each([
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000], // half of the smallest: a tie, to even
    [2 ** -25 * (1 + 2 ** -52), 0x0001],
    [-(2 ** -25), 0x8000],
    [Number.MIN_VALUE, 0x0000],
    [2 ** -14 - 2 ** -24, 0x03ff], // the largest subnormal
    [2 ** -14 - 2 ** -25, 0x0400], // rounds up to the smallest normal
    [1 + 2 ** -11, 0x3c00],
    [1 + 2 ** -11 + 2 ** -40, 0x3c01], // float32 in between would lose 2^-40
    [65504, 0x7bff],
    [65519.99, 0x7bff],
    [65519.999999999993, 0x7bff],
    [65520, 0x7c00],
    [-65520, 0xfc00],
    [Number.MAX_VALUE, 0x7c00],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [Number.NEGATIVE_INFINITY, 0xfc00],
    [Number.NaN, 0x7e00],
  ])("rounds %d to the pattern %i", (value, bits) => {
    expect(numberToFloat16(value)).toBe(bits);
  });

  it("rounds any double to the nearest", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.double({ noNaN: true }), fc.double({ noNaN: true, min: -70000, max: 70000 })),
        (value) => {
          const bits =
            Math.abs(value) === Number.POSITIVE_INFINITY || Math.abs(value) >= 2 ** 16
              ? value < 0
                ? 0xfc00
                : 0x7c00
              : nearestBits(value);
          expect(numberToFloat16(value)).toBe(bits);
        },
      ),
      { numRuns: 20_000 },
    );
  });
});
