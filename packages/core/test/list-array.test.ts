import { describe, expect, it } from "vitest";
import { float64, int64, ndarray, scalar, type Value } from "../src/index.js";
import { arrayOfList } from "../src/list-array.js";

describe("lists of numbers as arrays", () => {
  it.each<[string, Value[], unknown]>([
    [
      "integers",
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      ndarray(BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n), [2, 3]),
    ],
    ["one float among integers", [1, 2.5], ndarray(Float64Array.of(1, 2.5))],
    ["a float that is whole", [1, float64(2)], ndarray(Float64Array.of(1, 2))],
    ["minus zero", [-0], ndarray(Float64Array.of(-0))],
    ["no number", [Number.NaN], ndarray(Float64Array.of(Number.NaN))],
    ["booleans", [true, false], ndarray(Uint8Array.of(1, 0), [2], "bool")],
    ["booleans and integers", [true, 2], ndarray(BigInt64Array.of(1n, 2n))],
    ["large integers", [2n ** 60n, int64(1)], ndarray(BigInt64Array.of(2n ** 60n, 1n))],
    ["scalars of other types", [scalar(1, "int8"), scalar(0.5, "float32")], ndarray(Float64Array.of(1, 0.5))],
    ["nothing", [], ndarray(new Float64Array(0))],
    ["empty lists", [[], []], ndarray(new Float64Array(0), [2, 0])],
  ])("%s", (_, list, expected) => {
    expect(arrayOfList(list)).toEqual(expected);
  });

  it("are of the type that is asked for", () => {
    expect(arrayOfList([[0, 0, 1]], "float64")).toEqual(ndarray(Float64Array.of(0, 0, 1), [1, 3]));
  });

  it.each<[string, Value[]]>([
    ["unequal lists", [[1, 2], [3]]],
    ["lists beside numbers", [[1], 2]],
    ["numbers beside lists", [1, [2]]],
    ["text", ["1", "2"]],
    ["nothing among numbers", [1, null]],
    ["objects", [{ a: 1 }]],
    ["arrays", [ndarray(Float64Array.of(1)), ndarray(Float64Array.of(1))]],
    ["complex numbers", [ndarray(Float64Array.of(1, 2), [], "complex128")]],
    ["more than 64 bits", [2n ** 63n]],
  ])("not of %s", (_, list) => {
    expect(arrayOfList(list)).toBeNull();
  });
});
