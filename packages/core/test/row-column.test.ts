import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  allocate,
  bytesOf,
  columnFromValues,
  DTYPES,
  type DType,
  float64,
  int64,
  isNdArray,
  type NdArray,
  ndarray,
  scalar,
  setElements,
  sizeOf,
  type Value,
} from "../src/index.js";

describe("columnFromValues", () => {
  it("packs numbers as float64 and booleans as bool, with zeros and a mask where they are absent", () => {
    expect(columnFromValues("calc.energy", [1.5, undefined, -0])).toEqual({
      key: "calc.energy",
      values: ndarray(Float64Array.of(1.5, 0, -0)),
      missing: Uint8Array.of(0, 1, 0),
    });
    expect(columnFromValues("info.ok", [undefined, true, false])).toEqual({
      key: "info.ok",
      values: ndarray(Uint8Array.of(0, 1, 0), [3], "bool"),
      missing: Uint8Array.of(1, 0, 0),
    });
  });

  it("has no mask where every row has the key", () => {
    expect(columnFromValues("a", [1, 2]).missing).toBeNull();
    expect(columnFromValues("a", []).missing).toBeNull();
  });

  it("keeps the dtype of scalars", () => {
    const column = columnFromValues("info.step", [int64(2n ** 60n), undefined, int64(3)]);
    expect(column.values).toEqual(ndarray(BigInt64Array.of(2n ** 60n, 0n, 3n)));
  });

  it("takes plain values for what rows mean by them: float64 and bool", () => {
    expect(columnFromValues("a", [float64(1), 2.5]).values).toEqual(ndarray(Float64Array.of(1, 2.5)));
    expect(columnFromValues("a", [true, scalar(false, "bool")]).values).toEqual(
      ndarray(Uint8Array.of(1, 0), [2], "bool"),
    );
  });

  it("stacks arrays of one dtype and shape, rows first", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(DTYPES) as DType[])),
        fc.array(fc.nat(3), { maxLength: 3 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
        (dtype, shape, present) => {
          fc.pre(present.includes(true));
          const rows = present.map((there, row): NdArray | undefined => {
            if (!there) return undefined;
            const array = { dtype, shape, data: allocate(dtype, sizeOf(shape)) };
            bytesOf(array.data).fill(row + 1);
            return array;
          });
          const { values, missing } = columnFromValues("key", rows);
          expect(values).toMatchObject({ dtype, shape: [rows.length, ...shape] });
          const bytes = bytesOf((values as NdArray).data);
          const step = bytes.length / rows.length;
          const expected = present.flatMap((there, row) => new Array(step).fill(there ? row + 1 : 0));
          expect([...bytes]).toEqual(expected);
          expect(missing === null ? present.map(() => 0) : [...missing]).toEqual(
            present.map((there) => (there ? 0 : 1)),
          );
        },
      ),
    );
  });

  it.each([
    ["text", ["a", "b"]],
    ["numbers and text", [1, "b"]],
    ["numbers of two dtypes", [1, int64(1)]],
    ["a number and a boolean", [1, true]],
    ["a boolean and a number", [true, 1]],
    ["shapes that differ", [ndarray(new Float64Array(2)), ndarray(new Float64Array(3))]],
    ["an array and a number", [ndarray(new Float64Array(1)), 1]],
    ["a number and an array", [1, ndarray(new Float64Array(1))]],
    ["null among numbers", [1, null]],
    ["null alone", [null, null]],
    ["bigints", [1n, 2n]],
    ["lists and objects", [[1], { a: 1 }]],
  ] as [string, Value[]][])("lists %s as they are", (_, values) => {
    const column = columnFromValues("key", values);
    expect(isNdArray(column.values)).toBe(false);
    expect(column.values).toEqual(values);
    expect(column.missing).toBeNull();
  });

  it("tells null from absent in a list by the mask", () => {
    expect(columnFromValues("key", ["a", undefined, null])).toEqual({
      key: "key",
      values: ["a", null, null],
      missing: Uint8Array.of(0, 1, 0),
    });
    expect(columnFromValues("key", [undefined, undefined])).toEqual({
      key: "key",
      values: [null, null],
      missing: Uint8Array.of(1, 1),
    });
  });
});

describe("setElements", () => {
  it("copies elements of any one dtype", () => {
    const target = new BigInt64Array(3);
    setElements(target, BigInt64Array.of(7n, 8n), 1);
    expect([...target]).toEqual([0n, 7n, 8n]);
  });
});
