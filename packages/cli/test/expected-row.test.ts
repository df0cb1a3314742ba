import { equalValues, int64, type LossNote, ndarray, type Row, type RowSchema, scalar } from "@stowage/core";
import { describe, expect, test } from "vitest";
import { compareRows, expandVoigt, expectedRow, widen } from "../src/expected-row.js";
import { molecule } from "./run-cli.js";

const none = { losses: [] as LossNote[], schema: {} as RowSchema };

describe("widen", () => {
  test("keeps the numbers and changes the dtype", () => {
    expect(widen(true, "int64")).toEqual(int64(1));
    expect(widen(scalar(7, "int32"), "int64")).toEqual(int64(7));
    expect(widen(scalar(0.1, "float32"), "float64")).toBe(Math.fround(0.1));
    expect(widen(ndarray(Uint8Array.of(1, 2)), "int64")).toEqual(ndarray(BigInt64Array.of(1n, 2n)));
  });
  test("keeps -0 and NaN", () => {
    const wide = widen(ndarray(Float32Array.of(-0, Number.NaN)), "float64");
    expect(equalValues(wide, ndarray(Float64Array.of(-0, Number.NaN)))).toBe(true);
  });
  test("leaves alone what would change a number", () => {
    const value = ndarray(Float64Array.of(0.1));
    expect(widen(value, "float32")).toBe(value);
    expect(widen(1.5, "int64")).toBe(1.5);
    expect(widen(-0, "int64")).toBe(-0);
    const big = int64(9007199254740993n);
    expect(widen(big, "float64")).toBe(big);
  });
  test("leaves text alone", () => {
    expect(widen("water", "int64")).toBe("water");
  });
});

describe("expandVoigt", () => {
  test("puts xx, yy, zz, yz, xz, xy where they belong", () => {
    expect(expandVoigt(ndarray(Float64Array.of(1, 2, 3, 4, 5, 6)))).toEqual(
      ndarray(Float64Array.of(1, 6, 5, 6, 2, 4, 5, 4, 3), [3, 3]),
    );
  });
  test("leaves a matrix alone", () => {
    const stress = ndarray(new Float32Array(9), [3, 3]);
    expect(expandVoigt(stress)).toBe(stress);
  });
});

describe("compareRows", () => {
  const row = molecule(1);

  test("finds nothing in equal rows", () => {
    expect(compareRows(row, { ...row }, 0, none)).toEqual([]);
  });
  test("finds a changed, a missing and an added value", () => {
    const copy: Row = { ...row, "calc.energy": -1, "info.extra": "x" };
    delete copy["info.name"];
    expect(compareRows(row, copy, 7, none)).toEqual([
      { row: 7, key: "calc.energy", source: row["calc.energy"], target: -1 },
      { row: 7, key: "info.name", source: "molecule 1", target: undefined },
      { row: 7, key: "info.extra", source: undefined, target: "x" },
    ]);
  });
  test("finds a change of dtype that was not announced", () => {
    const copy = { ...row, "calc.energy": scalar(row["calc.energy"] as number, "float32") };
    expect(compareRows(row, copy, 0, none).map(({ key }) => key)).toEqual(["calc.energy"]);
  });
  test("finds -0 in place of 0", () => {
    expect(compareRows({ "info.x": 0 }, { "info.x": -0 }, 0, none)).toHaveLength(1);
  });
  test("takes an announced change, and only the right value of it", () => {
    const rules = {
      losses: [{ key: "info.spin", kind: "widened", reason: "int32 kept as int64" }] as LossNote[],
      schema: { "info.spin": { dtype: "int64", shape: [], perAtom: false } } as RowSchema,
    };
    const source: Row = { "info.spin": scalar(3, "int32") };
    expect(compareRows(source, { "info.spin": int64(3) }, 0, rules)).toEqual([]);
    expect(compareRows(source, { "info.spin": int64(4) }, 0, rules)).toHaveLength(1);
    expect(compareRows(source, { "info.spin": scalar(3, "int32") }, 0, rules)).toHaveLength(1);
  });
  test("takes a dropped key that is gone, or that was kept after all", () => {
    const rules = { ...none, losses: [{ key: "constraints", kind: "dropped", reason: "" }] as LossNote[] };
    expect(compareRows({ constraints: [] }, {}, 0, rules)).toEqual([]);
    expect(compareRows({ constraints: ["x"] }, { constraints: ["x"] }, 0, rules)).toEqual([]);
    expect(compareRows({ constraints: ["x"] }, { constraints: ["y"] }, 0, rules)).toHaveLength(1);
  });
  test("takes atomic numbers in the target's own dtype", () => {
    const schema: RowSchema = { "arrays.numbers": { dtype: "uint8", shape: [null], perAtom: true } };
    const source: Row = { "arrays.numbers": ndarray(BigInt64Array.of(8n, 1n)) };
    expect(
      compareRows(source, { "arrays.numbers": ndarray(Uint8Array.of(8, 1)) }, 0, { losses: [], schema }),
    ).toEqual([]);
  });
  test("takes a cell of zeros for no cell where the target always has one", () => {
    const schema: RowSchema = { cell: { dtype: "float64", shape: [3, 3], perAtom: false } };
    const source: Row = { "arrays.numbers": ndarray(Uint8Array.of(1)) };
    const target = { ...source, cell: ndarray(new Float64Array(9), [3, 3]) };
    expect(compareRows(source, target, 0, { losses: [], schema })).toEqual([]);
    expect(compareRows(source, target, 0, none)).toHaveLength(1);
  });
  test("is not misled by keys that every object has", () => {
    expect(compareRows({}, { constructor: 1, toString: "x" }, 0, none)).toHaveLength(2);
    expect(expectedRow(JSON.parse('{"__proto__": 1}') as Row, none)).toHaveProperty(["__proto__"], 1);
  });
});
