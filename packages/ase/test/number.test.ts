import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePythonFloat, parsePythonInt } from "../src/python-number.js";
import { lastRows, NOT_A_NUMBER, readNumbers, readRows } from "../src/real-number.js";
import { textBlock } from "../src/text-block.js";
import { freshSeed } from "./seed.js";

/** Behind a number, so that it is not among the last ones of its block, which are read digit by digit. */
const FOLLOWING = " ".repeat(64);
const encoder = new TextEncoder();
const out = new Float64Array(1);

/** Reads a number in the middle of a block and at its end, which must not differ. */
function read(text: string): { value: number; end: number; integral: boolean } {
  const [first, second] = ["", FOLLOWING].map((following) => {
    out[0] = 0.125;
    const end = readNumbers(textBlock(encoder.encode(`${text}${following}\n`)), 0, out, 0, 1);
    return { value: out[0]!, end, integral: lastRows.integral };
  });
  if (second!.end !== NOT_A_NUMBER) expect(first).toEqual(second);
  else expect(first!.end).toBe(NOT_A_NUMBER);
  return second!;
}

/** Compares bits: -0 is not 0. */
function expectRead(text: string): void {
  const { value, end } = read(text);
  if (Object.is(value, Number(text)) && end === text.length) return;
  expect([text, value, end]).toEqual([text, Number(text), text.length]);
}

const digits = (max: number) => fc.string({ unit: fc.constantFrom(..."0123456789"), maxLength: max });

describe("numbers from bytes", () => {
  const seed = freshSeed("numbers");

  it("are those that Number() makes of the text", () => {
    const decimal = fc
      .tuple(
        fc.constantFrom("", "-", "+"),
        digits(12),
        fc.option(digits(24)),
        fc.option(fc.tuple(fc.constantFrom("e", "E", "e+"), fc.integer({ min: -340, max: 310 }))),
      )
      .filter(([, whole, fraction]) => whole + (fraction ?? "") !== "")
      .map(([sign, whole, fraction, power]) => {
        const exponent = power === null ? "" : power[1] < 0 ? `e${power[1]}` : power.join("");
        return `${sign}${whole}${fraction === null ? "" : `.${fraction}`}${exponent}`;
      });
    fc.assert(
      fc.property(decimal, (text) => {
        expectRead(text);
        expect(lastRows.integral).toBe(/^[+-]?\d+$/.test(text));
      }),
      { seed, numRuns: 20_000 },
    );
  });

  it("come back from their shortest text, and from 17 digits", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expectRead(String(value));
        expectRead(value.toPrecision(17));
        expectRead(value.toFixed(8));
      }),
      { seed, numRuns: 10_000 },
    );
  });

  it("of every length and size that files have are exact, a million of them", () => {
    // Many at once: a row of text, read in one call.
    let state = seed | 1;
    const next = (): number => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) / 2 ** 32;
    };
    const forms: readonly ((value: number) => string)[] = [
      String,
      (value) => value.toFixed(8),
      (value) => value.toFixed(Math.floor(next() * 20)),
      (value) => value.toPrecision(15 + Math.floor(next() * 5)),
      (value) => value.toExponential(Math.floor(next() * 20)),
    ];
    const values = new Float64Array(100);
    for (let row = 0; row < 10_000; row++) {
      const texts = Array.from(values, () => {
        const value = (next() - 0.5 + next() * 2 ** -32) * 10 ** Math.floor(next() * 14 - 7);
        return forms[Math.floor(next() * forms.length)]!(value);
      });
      const block = textBlock(encoder.encode(`${texts.join(" ")}\n`));
      const end = readNumbers(block, 0, values, 0, values.length);
      const wrong = texts.filter((text, i) => !Object.is(values[i], Number(text)));
      if (wrong.length > 0 || end !== block.bytes.length - 1)
        expect([wrong, end]).toEqual([[], "the line end"]);
    }
    expect(values).toHaveLength(100);
  });

  it("between two doubles are rounded to even", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 2n ** 52n, max: 2n ** 53n - 1n }),
        fc.integer({ min: 0, max: 9 }),
        (half, k) => {
          const between = (2n * half + 1n) << BigInt(k); // the middle of two doubles 2^(k+1) apart
          for (const value of [between * 2n, between * 2n + 1n, between * 2n - 1n, between]) {
            expectRead(String(value));
            expectRead(`${String(value).slice(0, 3)}.${String(value).slice(3)}`);
          }
        },
      ),
      { seed, numRuns: 3000 },
    );
  });

  it.each([
    `0.${"3".repeat(400)}`,
    `${"7".repeat(300)}.5`,
    `0.${"0".repeat(400)}1`,
    `1.${"0".repeat(400)}1e-5`,
    "9007199254740993",
    "9007199254740992.99999999999999999999",
    "1.5e0000000005",
    "1.5e1234567890",
    "1.5e-1234567890",
    "0.00e1234567890",
    "179769313486231580793.0e288",
    "4.9406564584124654e-324",
    "2.4703282292062327e-324",
    "2.2250738585072011e-308",
    "-0",
    "-0.0",
    "-.0e5",
    "+.5",
    "5.",
    "-5.",
    "00012.50",
    "0.1000000000000000055511151231257827021181583404541015625",
  ])("%j is what Number() says", (text) => {
    expectRead(text);
  });

  it.each(
    "| - + . -. +. e5 .e5 1e 1e+ 1.e- 1.5e 1.5e+ nan inf -inf 1_0 1_0.5 1.5_0 0x1 1.5x 1.5.5 --1 -+1 1.5-3 1.5D+03 1.5d3 1e5e5 ٥ 1٥ 1.5\u00a0 1/2 1:2 1.5: ;"
      .split(" ")
      .map((word) => (word === "|" ? "" : word)),
  )("%j is left to the exact reader", (text) => {
    expect(read(text).end).toBe(NOT_A_NUMBER);
  });

  it.each(["15", "1.5", "-12345.5", "1.123456789012345", "2.5e-3"])(
    "end before white space, a comma or a quote: %s",
    (text) => {
      for (const after of [" ", ",", '"', "\t", "\r", "\v", "\f", ",3", "\n"]) {
        const { value, end } = read(text + after);
        expect([value, end]).toEqual([Number(text), text.length]);
      }
    },
  );
});

describe("rows", () => {
  const rows = (
    text: string,
    nRows = 3,
  ): { end: number; count: number; numbers: Float64Array; symbols: Uint8Array } => {
    const numbers = new Float64Array(2 * nRows);
    const symbols = new Uint8Array(nRows);
    const block = textBlock(encoder.encode(text));
    const end = readRows(block, 0, block.bytes.length, symbols, 0, nRows, numbers, 0, 2);
    return { end, count: lastRows.count, numbers, symbols };
  };

  it.each(["\n", "\r\n", "\r", " \n", "\t\r\n", " further 5 text\n"])("end with %j", (end) => {
    const line = (text: string): string => `${text}${end}`;
    const found = rows(line("H 1.5 -2.25") + line("  cl\t3 4.125e1") + line("Og 5 .5"));
    expect(found.count).toBe(3);
    expect(found.numbers).toEqual(Float64Array.of(1.5, -2.25, 3, 41.25, 5, 0.5));
    expect([...found.symbols]).toEqual([1, 17, 118]);
  });

  it.each(["Qq 1 2", "H 1 nan", "H 1", "H", "", "H 1,2 3", "H 1 x2"])("before %j are read", (line) => {
    const found = rows(`H 1.5 2\n${line}\nH 3 4\n`);
    expect([found.count, found.end]).toEqual([1, 7]);
    expect(found.numbers.subarray(0, 2)).toEqual(Float64Array.of(1.5, 2));
    expect(rows(`${line}\nH 3 4\n`)).toMatchObject({ count: 0, end: NOT_A_NUMBER });
  });

  it("end where the lines do", () => {
    expect(rows("H 1.5 2\nH 1.5 2\n", 5).count).toBe(2);
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
