import { int64, ndarray, numberToFloat16, scalar, type Value } from "@stowage/core";
import { describe, expect, test } from "vitest";
import { ValueComparison } from "../src/value-comparison.js";

function compare(
  a: Value,
  b: Value,
  tolerance: { absolute?: number; relative?: number; anyDtype?: boolean } = {},
) {
  const comparison = new ValueComparison({ absolute: 0, relative: 0, anyDtype: false, ...tolerance });
  comparison.compare(a, b);
  const { differs, maxAbsolute, maxRelative } = comparison;
  return { differs, maxAbsolute, maxRelative };
}
const same = { differs: null, maxAbsolute: 0, maxRelative: 0 };
const float32 = (...numbers: number[]) => ndarray(Float32Array.from(numbers), [numbers.length]);

describe("two values", () => {
  test.each<[string, Value, Value]>([
    ["NaN and NaN", Number.NaN, Number.NaN],
    ["zeros of two signs", 0, -0],
    ["infinities", float32(Number.POSITIVE_INFINITY, 1), float32(Number.POSITIVE_INFINITY, 1)],
    ["texts", "water", "water"],
    ["nulls", null, null],
    ["lists and objects", [1, { a: "x", b: float32(1) }], [1, { b: float32(1), a: "x" }]],
  ])("are equal: %s", (_, a, b) => expect(compare(a, b)).toEqual(same));

  test.each<[string, Value, Value, string]>([
    ["numbers", 1, 2, "value"],
    ["NaN and a number", Number.NaN, 2, "value"],
    ["a number and an infinity", 2, Number.NEGATIVE_INFINITY, "value"],
    ["texts", "a", "b", "value"],
    ["booleans", true, false, "value"],
    ["text and number", "1", 1, "type"],
    ["null and number", null, 1, "type"],
    ["list and object", [], {}, "type"],
    ["dtypes", float32(1), ndarray(Float64Array.of(1)), "type"],
    ["shapes", float32(1), float32(1, 2), "shape"],
    ["ranks", ndarray(new Float32Array(2), [2, 1]), float32(0, 0), "shape"],
    ["lists of two lengths", [1], [1, 2], "shape"],
    ["objects with other keys", { a: 1 }, { b: 1 }, "shape"],
    ["numbers deep inside", [{ a: [1] }], [{ a: [2] }], "value"],
  ])("differ: %s", (_, a, b, differs) => expect(compare(a, b)).toMatchObject({ differs }));

  test("are equal within a tolerance, and say how far apart they are", () => {
    expect(compare(100, 101, { absolute: 1 })).toEqual({
      differs: null,
      maxAbsolute: 1,
      maxRelative: 1 / 101,
    });
    expect(compare(100, 101, { relative: 0.01 }).differs).toBe(null);
    expect(compare(100, 101, { relative: 0.0099 }).differs).toBe("value");
    expect(compare(0, Number.POSITIVE_INFINITY, { relative: 1 }).differs).toBe("value");
    expect(compare(float32(1, 5, 2), float32(1, 4, 2)).maxAbsolute).toBe(1);
  });
  test("of two dtypes are equal only on demand", () => {
    expect(compare(scalar(3, "int32"), 3)).toMatchObject({ differs: "type", maxAbsolute: 0 });
    expect(compare(scalar(3, "int32"), 3, { anyDtype: true })).toEqual(same);
    expect(compare(int64(3), 3.5, { anyDtype: true })).toMatchObject({ differs: "value", maxAbsolute: 0.5 });
    expect(
      compare(ndarray(new Float64Array(2), [1], "complex128"), ndarray(new Float64Array(1)), {
        anyDtype: true,
      }),
    ).toMatchObject({ differs: "type" });
  });
  test("of 64 bits are subtracted exactly", () => {
    const [a, b] = [2n ** 60n, 2n ** 60n + 1n];
    expect(compare(int64(a), int64(b))).toMatchObject({ differs: "value", maxAbsolute: 1 });
    expect(compare(int64(a), 2 ** 60, { anyDtype: true })).toEqual(same);
  });
  test("of 16 bits are compared as numbers, complex ones by their parts", () => {
    const half = (value: number) => ndarray(Uint16Array.of(numberToFloat16(value)), [1], "float16");
    expect(compare(half(1), half(1.5))).toMatchObject({ maxAbsolute: 0.5 });
    expect(compare(half(Number.NaN), half(Number.NaN))).toEqual(same);
    const complex = (im: number) => ndarray(Float64Array.of(1, im), [1], "complex128");
    expect(compare(complex(2), complex(5))).toMatchObject({ differs: "value", maxAbsolute: 3 });
  });
});
