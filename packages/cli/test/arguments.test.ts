import { describe, expect, test } from "vitest";
import { parseCount, parseInteger, parseKeys, parseRange, resolveRange } from "../src/arguments.js";

describe("arguments", () => {
  test("whole numbers are taken, anything else is refused", () => {
    expect([parseInteger("-1"), parseInteger("42"), parseCount("0")]).toEqual([-1, 42, 0]);
    for (const text of ["", "x", "1.5", "1e3", " 1", "99999999999999999999"]) {
      expect(() => parseInteger(text)).toThrow("whole number");
    }
    expect(() => parseCount("-1")).toThrow("0 or more");
  });
  test("keys are split at commas", () => {
    expect(parseKeys("calc.energy, pbc")).toEqual(["calc.energy", "pbc"]);
    expect(parseKeys("c", ["a", "b"])).toEqual(["a", "b", "c"]);
    expect(() => parseKeys("a,,b")).toThrow("Expected keys");
  });
  test.each([
    ["2:5", 2, 5],
    ["2:", 2, 10],
    [":3", 0, 3],
    [":", 0, 10],
    ["-3:", 7, 10],
    ["-5:-2", 5, 8],
    ["5:2", 5, 5],
    ["-100:100", 0, 10],
  ])("range %s of ten rows is %i to %i", (text, start, stop) => {
    expect(resolveRange(parseRange(text), 10)).toEqual({ start, stop });
  });
  test.each(["3", "a:b", "1:2:3", "1.5:2", ""])("range %j is refused", (text) => {
    expect(() => parseRange(text)).toThrow("Expected first:last");
  });
});
