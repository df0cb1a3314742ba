import { ndarray, numberToFloat16, type Row, sizeOf } from "@stowage/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonRow, jsonValue } from "../src/render/json.js";

describe("jsonValue", () => {
  test("nests arrays by their shape", () => {
    expect(jsonValue(ndarray(Float64Array.of(1, 2, 3, 4, 5, 6), [2, 3]))).toBe("[[1,2,3],[4,5,6]]");
    expect(
      jsonValue(
        ndarray(
          Int32Array.from({ length: 8 }, (_, i) => i),
          [2, 2, 2],
        ),
      ),
    ).toBe("[[[0,1],[2,3]],[[4,5],[6,7]]]");
  });
  test("keeps empty extents", () => {
    expect(jsonValue(ndarray(new Float64Array(0), [0, 3]))).toBe("[]");
    expect(jsonValue(ndarray(new Float64Array(0), [2, 0]))).toBe("[[],[]]");
  });
  test("writes scalars of any dtype plain", () => {
    expect(jsonValue(ndarray(BigInt64Array.of(5n), []))).toBe("5");
    expect(jsonValue(ndarray(Uint8Array.of(1), [], "bool"))).toBe("true");
    expect(jsonValue(ndarray(Uint16Array.of(numberToFloat16(0.5)), [], "float16"))).toBe("0.5");
  });
  test("writes integers beyond 2^53 as strings of all their digits", () => {
    expect(jsonValue(ndarray(BigInt64Array.of(9007199254740991n, 9007199254740993n)))).toBe(
      '[9007199254740991,"9007199254740993"]',
    );
    expect(jsonValue(-9007199254740993n)).toBe('"-9007199254740993"');
  });
  test("names what JSON has no numbers for, and keeps minus zero", () => {
    const odd = Float64Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0);
    expect(jsonValue(ndarray(odd))).toBe('["NaN","Infinity","-Infinity",-0]');
    expect(Object.is(JSON.parse(jsonValue(-0)), -0)).toBe(true);
  });
  test("writes complex numbers as pairs", () => {
    expect(jsonValue(ndarray(Float32Array.of(1, -2, 0, 3), [2], "complex64"))).toBe("[[1,-2],[0,3]]");
  });
  test("writes float32 values by the double they are", () => {
    expect(jsonValue(ndarray(Float32Array.of(0.1)))).toBe(`[${Math.fround(0.1)}]`);
  });
  test("keeps lists, objects, texts and null", () => {
    expect(jsonValue([1, "a\n", null, { b: [true], c: {} }, []])).toBe(
      '[1,"a\\n",null,{"b":[true],"c":{}},[]]',
    );
  });
  test("reads back as the same numbers in the same nesting", () => {
    const array = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 }).chain((shape) =>
      fc
        .array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
          minLength: sizeOf(shape),
          maxLength: sizeOf(shape),
        })
        .map((numbers) => ndarray(Float64Array.from(numbers), shape)),
    );
    fc.assert(
      fc.property(array, (value) => {
        const parsed: unknown = JSON.parse(jsonValue(value));
        const flat = Array.isArray(parsed) ? parsed.flat(10) : [parsed];
        expect(flat).toEqual(Array.from(value.data as Float64Array));
        let depth = 0;
        for (let level = parsed; Array.isArray(level); level = level[0]) {
          expect(level.length).toBe(value.shape[depth++]);
        }
        expect(depth).toBe(value.shape.length);
      }),
      { seed: 20261121, numRuns: 300 },
    );
  });
});

describe("jsonRow", () => {
  test("gives one object with the keys in their order", () => {
    const row: Row = { pbc: ndarray(Uint8Array.of(1, 0, 1), [3], "bool"), "info.name": "water" };
    expect([...jsonRow(row)].join("")).toBe('{"pbc":[true,false,true],"info.name":"water"}');
    expect([...jsonRow({})].join("")).toBe("{}");
  });
  test("gives a large array in pieces", () => {
    const pieces = [...jsonRow({ "arrays.positions": ndarray(new Float64Array(300_000), [100_000, 3]) })];
    expect(pieces.length).toBeGreaterThan(30);
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(100_000);
    expect(JSON.parse(pieces.join(""))["arrays.positions"]).toHaveLength(100_000);
  });
});
