import { ndarray } from "@stowage/core";
import { describe, expect, test } from "vitest";
import { describeRow, formatShape, kindOf, renderValue } from "../src/render/value.js";
import { displayWidth } from "../src/render/width.js";

describe("kindOf", () => {
  test("names dtype and shape", () => {
    expect(kindOf(ndarray(new Float64Array(15), [5, 3]))).toBe("float64 (5, 3)");
    expect(kindOf(ndarray(BigInt64Array.of(1n), []))).toBe("int64");
    expect([1.5, true, "a", null, [1, 2], { a: 1 }, 1n].map(kindOf)).toEqual([
      "float64",
      "bool",
      "string",
      "null",
      "list (2)",
      "object",
      "int64",
    ]);
  });
});

describe("formatShape", () => {
  test("calls the atoms n, and other extents that differ ?", () => {
    expect([formatShape([null, 3], true), formatShape([null], false), formatShape([])]).toEqual([
      "(n, 3)",
      "(?)",
      "",
    ]);
  });
});

describe("renderValue", () => {
  const positions = ndarray(Float64Array.of(0, 0.123456789, -1, 10, 20, 30), [2, 3]);

  test("shows a whole array where it fits", () => {
    expect(renderValue(positions, 60)).toBe("[[0 0.123457 -1] [10 20 30]]");
  });
  test("stops before a number that does not fit", () => {
    expect(renderValue(positions, 21)).toBe("[[0 0.123457 -1] …");
    expect(renderValue(positions, 2)).toBe("…");
  });
  test("shows scalars in full", () => {
    expect(renderValue(-40.47893123456789, 60)).toBe("-40.47893123456789");
    expect(renderValue(ndarray(BigInt64Array.of(9007199254740993n), []), 60)).toBe("9007199254740993");
  });
  test("quotes text and shows control characters", () => {
    expect(renderValue("a\x1b[2Jb", 60)).toBe('"a\\x1b[2Jb"');
  });
  test("shows empty arrays and nested values", () => {
    expect(renderValue(ndarray(new Float64Array(0), [0, 3]), 60)).toBe("[]");
    expect(renderValue([{ name: "FixAtoms", kwargs: { indices: [0, 1] } }], 80)).toBe(
      '[{ name: "FixAtoms", kwargs: { indices: [0, 1] } }]',
    );
  });
  test("never takes more columns than it may", () => {
    const values = [positions, "水".repeat(100), ["x".repeat(500)], { a: positions }, 1 / 3, null];
    for (const value of values) {
      for (const columns of [24, 31, 40]) {
        expect(displayWidth(renderValue(value, columns))).toBeLessThanOrEqual(columns);
      }
    }
  });
  test("does not read a large value to its end", () => {
    const huge = { dtype: "float64", shape: [1e9], data: new Float64Array(1e4) } as const;
    expect(renderValue(huge, 30)).toBe("[0 0 0 0 0 0 0 0 0 0 0 0 0 0 …");
  });
});

describe("describeRow", () => {
  test("gives the formula and the number of atoms", () => {
    expect(describeRow({ "arrays.numbers": ndarray(Uint8Array.of(8, 1, 1)) })).toBe("H2O, 3 atoms");
  });
  test("says nothing of rows without atoms", () => {
    expect(describeRow({ x: 1 })).toBe("");
  });
  test("counts atoms whose numbers are no elements", () => {
    expect(describeRow({ "arrays.numbers": ndarray(Int32Array.of(-1, 4000)) })).toBe("2 atoms");
  });
});
