import { ndarray, numberToFloat16 } from "@stowage/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatElement,
  formatFloat,
  formatPlural,
  formatRatio,
  formatShare,
} from "../src/render/number.js";

describe("numbers for people", () => {
  test("counts have thousands separators", () => {
    expect(formatCount(1234567)).toBe("1,234,567");
  });
  test("one is not a plural", () => {
    expect([formatPlural(0, "row"), formatPlural(1, "row"), formatPlural(1200, "row")]).toEqual([
      "0 rows",
      "1 row",
      "1,200 rows",
    ]);
    expect(formatPlural(2, "mismatch", "mismatches")).toBe("2 mismatches");
  });
  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [92_328, "92.3 kB"],
    [999_949, "999.9 kB"],
    [999_960, "1.0 MB"],
    [1e12, "1.0 TB"],
  ])("%i bytes read %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
  test("a small share is not nothing", () => {
    expect([formatShare(0.5123), formatShare(0), formatShare(0.0001)]).toEqual(["51.2 %", "0.0 %", "<0.1 %"]);
  });
  test.each([
    [12.4, "12 ms"],
    [850, "850 ms"],
    [12_340, "12.3 s"],
    [59_990, "1 min 00 s"],
    [245_000, "4 min 05 s"],
    [7_800_000, "2 h 10 min"],
  ])("%f ms read %s", (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
  test("ratios say which is smaller", () => {
    expect([formatRatio(100, 25), formatRatio(25, 100), formatRatio(100, 100), formatRatio(0, 1)]).toEqual([
      "4.00 × smaller",
      "4.00 × larger",
      "same size",
      "",
    ]);
  });
});

describe("formatFloat", () => {
  test("float32 values read as they were written", () => {
    expect(formatFloat(Math.fround(0.1), "float32")).toBe("0.1");
    expect(formatFloat(Math.fround(16777217.3), "float32")).toBe("16777218");
  });
  test("float16 values read as they were written", () => {
    expect(formatElement(ndarray(Uint16Array.of(numberToFloat16(0.1)), [], "float16"), 0, false)).toBe("0.1");
  });
  test("float64 values read in full", () => {
    expect(formatFloat(0.1 + 0.2, "float64")).toBe("0.30000000000000004");
  });
  test("minus zero and what is no number keep their names", () => {
    expect([-0, Number.NaN, Number.NEGATIVE_INFINITY].map((value) => formatFloat(value, "float32"))).toEqual([
      "-0",
      "NaN",
      "-Infinity",
    ]);
  });
  test("the text of a float32 reads back as the same float32", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (value) => {
        expect(Math.fround(Number(formatFloat(value, "float32")))).toBe(value);
      }),
      { seed: 20261121, numRuns: 500 },
    );
  });
});

describe("formatElement", () => {
  test("gives six digits where it has to be brief", () => {
    expect(formatElement(ndarray(Float64Array.of(-1.0611482828038676)), 0, true)).toBe("-1.06115");
  });
  test("gives integers in full, beyond 2^53 too", () => {
    expect(formatElement(ndarray(BigInt64Array.of(9007199254740993n)), 0, true)).toBe("9007199254740993");
  });
  test("gives complex numbers by their two parts", () => {
    expect(formatElement(ndarray(Float64Array.of(1.5, -2), [1], "complex128"), 0, false)).toBe("1.5-2i");
  });
});
