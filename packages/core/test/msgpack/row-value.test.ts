import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  appendRowValue,
  decodeRowValue,
  decodeValue,
  encodeRowValue,
  encodeValue,
  equalValues,
  float64,
  int64,
  ndarray,
  type Value,
  ValueEncoder,
} from "../../src/index.js";
import { array, scalarArray } from "./arbitrary-value.js";

const seed = Number(process.env.STOWAGE_SEED ?? Date.now() % 2 ** 31);
console.log(`values of rows: seed ${seed}`);

const back = (key: string, value: Value): Value => decodeRowValue(encodeRowValue(key, value));

/** What stands within lists and objects of rows: integers as plain numbers, whole floats marked. */
const nestedScalar: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
  fc.double().map((value) => (Number.isInteger(value) && !Object.is(value, -0) ? float64(value) : value)),
  fc.string({ unit: "binary", maxLength: 20 }),
  array,
);
const nested: fc.Arbitrary<Value> = fc.letrec<{ nested: Value }>((tie) => ({
  nested: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    nestedScalar,
    fc.array(tie("nested"), { maxLength: 8 }),
    fc.dictionary(fc.string({ unit: "binary", maxLength: 8 }), tie("nested"), { maxKeys: 8 }),
  ),
})).nested;
const rowValue: fc.Arbitrary<Value> = fc.oneof(
  fc.double(),
  scalarArray,
  fc.array(nested, { maxLength: 8 }),
  fc.dictionary(fc.string({ unit: "binary", maxLength: 8 }), nested, { maxKeys: 8 }),
);

describe("values of rows as msgpack", () => {
  it("are numbers of one meaning under a key, and of another in lists and objects", () => {
    expect(encodeRowValue("info.x", 5)).toEqual(encodeValue(5));
    expect(encodeRowValue("info.x", int64(5))).toEqual(Uint8Array.of(5));
    expect(encodeRowValue("info.x", [5, 2.5, float64(5), -0])).toEqual(
      encodeValue([int64(5), 2.5, float64(5), -0]),
    );
    expect(encodeRowValue("info.x", { a: { b: [1e300, 2 ** 53, 2n ** 60n] } })).toEqual(
      encodeValue({ a: { b: [1e300, 2 ** 53, 2n ** 60n] } }),
    );
    expect(decodeRowValue(encodeValue({ n: int64(5), x: 5, big: int64(2n ** 60n) }))).toEqual({
      n: 5,
      x: float64(5),
      big: 2n ** 60n,
    });
    expect(decodeRowValue(encodeValue(int64(5)))).toEqual(int64(5));
  });

  it("are text arrays and int64 numbers where Python's structures have them", () => {
    expect(encodeRowValue("arrays.labels", ["ab", "c"])).toEqual(
      encodeValue(["ab", "c"], { textArrays: true }),
    );
    expect(encodeRowValue("info.labels", ["ab", "c"])).toEqual(encodeValue(["ab", "c"]));
    const numbers = Uint8Array.of(8, 1, 1);
    expect(back("arrays.numbers", ndarray(numbers))).toEqual(ndarray(BigInt64Array.of(8n, 1n, 1n)));
    expect(back("arrays.tags", ndarray(numbers))).toEqual(ndarray(numbers));
    expect(back("arrays.numbers", ndarray(Int32Array.of(8)))).toEqual(ndarray(Int32Array.of(8)));
  });

  it("come back as they were", () => {
    fc.assert(
      fc.property(rowValue, (value) => {
        expect(equalValues(back("info.x", value), value)).toBe(true);
      }),
      { seed, numRuns: 500 },
    );
  });

  it("follow each other in one encoder", () => {
    const encoder = new ValueEncoder();
    encoder.append([5]);
    const byteOffset = appendRowValue(encoder, "info.x", [5]);
    expect(decodeValue(encoder.bytes(), { byteOffset })).toEqual([int64(5)]);
    const plain = encoder.append([5]);
    expect(decodeValue(encoder.bytes(), { byteOffset: plain })).toEqual([5]);
  });
});
