import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePythonFloat, parsePythonInt } from "../src/python-number.js";
import { lastNumber, NOT_A_NUMBER, readNumber } from "../src/real-number.js";
import { textBlock } from "../src/text-block.js";
import { freshSeed } from "./seed.js";

function read(text: string): number {
  return readNumber(textBlock(new TextEncoder().encode(`${text}\n`)), 0);
}

const digits = (max: number) => fc.string({ unit: fc.constantFrom(..."0123456789"), maxLength: max });

describe("numbers from bytes", () => {
  const seed = freshSeed("numbers");

  it("are those that Number() makes of the text", () => {
    const decimal = fc
      .tuple(
        fc.constantFrom("", "-", "+"),
        digits(12),
        digits(24),
        fc.option(fc.integer({ min: -340, max: 310 })),
      )
      .filter(([, whole, fraction]) => whole + fraction !== "")
      .map(
        ([sign, whole, fraction, power]) => `${sign}${whole}.${fraction}${power === null ? "" : `e${power}`}`,
      );
    fc.assert(
      fc.property(decimal, (text) => {
        expect(read(text)).toBe(Number(text));
        expect(lastNumber).toEqual({ end: text.length, integral: false });
      }),
      { seed, numRuns: 20_000 },
    );
  });

  it("come back from their shortest text, and from 17 digits", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(read(String(value))).toBe(value === 0 ? 0 : value); // String(-0) is "0"
        expect(read(value.toPrecision(17))).toBe(Number(value.toPrecision(17)));
        expect(read(value.toFixed(8))).toBe(Number(value.toFixed(8)));
      }),
      { seed, numRuns: 10_000 },
    );
  });

  it("between two doubles are rounded to even", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 2n ** 52n, max: 2n ** 53n - 1n }),
        fc.integer({ min: 0, max: 9 }),
        (half, k) => {
          const between = (2n * half + 1n) << BigInt(k); // the middle of two doubles 2^(k+1) apart
          for (const value of [between * 2n, between * 2n + 1n, between * 2n - 1n, between]) {
            expect(read(String(value))).toBe(Number(value));
            const text = String(value);
            expect(read(`${text.slice(0, 3)}.${text.slice(3)}`)).toBe(
              Number(`${text.slice(0, 3)}.${text.slice(3)}`),
            );
          }
        },
      ),
      { seed, numRuns: 3000 },
    );
  });

  it.each(["", "-", ".", "e5", "1e", "1e+", "nan", "inf", "1_0", "0x1", "1.5x", "--1", "٥"])(
    "%j is left to the exact reader",
    (text) => {
      read(text);
      expect(lastNumber.end).toBe(NOT_A_NUMBER);
    },
  );

  it("end before white space, a comma or a quote", () => {
    for (const [text, end] of [
      ["15 ", 2],
      ["15,3", 2],
      ['15"', 2],
      ["15\t", 2],
      ["15\r", 2],
    ] as const) {
      expect([read(text), lastNumber.end]).toEqual([15, end]);
    }
  });
});

describe("Python's grammar", () => {
  it.each([
    ["5", 5n],
    [" +5\n", 5n],
    ["1_000", 1000n],
    ["-0", 0n],
    ["٣", 3n],
    ["𝟗", 9n],
    ["99999999999999999999", 99999999999999999999n],
    ["", undefined],
    ["1__0", undefined],
    ["_1", undefined],
    ["1.0", undefined],
    ["0x10", undefined],
    ["1".repeat(4301), undefined],
  ])("int(%j)", (text, expected) => {
    expect(parsePythonInt(text)).toBe(expected);
  });

  it.each([
    ["1_0.5_0e1_0", 10.5e10],
    [" .5 ", 0.5],
    ["5.", 5],
    ["iNfinity", Infinity],
    ["-inf", -Infinity],
    ["nan", NaN],
    ["1e400", Infinity],
    ["-0", -0],
    [".", undefined],
    ["1d5", undefined],
    ["1._5", undefined],
    ["in", undefined],
    ["1e5_", undefined],
  ])("float(%j)", (text, expected) => {
    expect(parsePythonFloat(text)).toBe(expected);
  });
});
