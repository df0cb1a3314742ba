import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  describeValue,
  equalValues,
  type Field,
  fieldOf,
  float64,
  getKey,
  int64,
  mergeFields,
  ndarray,
  plainValue,
  type Row,
  scalar,
  setKey,
  type Value,
} from "../src/index.js";

describe("keys that come from data", () => {
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "info.name"];

  it("are set as keys, whatever they are called", () => {
    const record: Row = {};
    for (const name of names) setKey(record, name, name);
    expect(Object.entries(record)).toEqual(names.map((name) => [name, name]));
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).name).toBeUndefined();
    expect(Object.entries({ ...record })).toHaveLength(names.length);
  });

  it("never become the prototype, not even with an object as value", () => {
    const record: Row = {};
    setKey(record, "__proto__", { polluted: true });
    expect((record as { polluted?: unknown }).polluted).toBeUndefined();
    expect(getKey(record, "__proto__")).toEqual({ polluted: true });
    setKey(record, "__proto__", 5);
    expect(getKey(record, "__proto__")).toBe(5);
  });

  it("are found only where they were set", () => {
    for (const name of names) expect(getKey({} as Row, name)).toBeUndefined();
    expect(getKey({ constructor: 1 } as unknown as Row, "constructor")).toBe(1);
  });
});

describe("plainValue", () => {
  it("unwraps scalars and leaves everything else", () => {
    expect(plainValue(int64(5))).toBe(5);
    expect(plainValue(int64(2n ** 60n))).toBe(2n ** 60n);
    expect(plainValue(scalar(true, "bool"))).toBe(true);
    expect(plainValue(scalar(0.5, "float16"))).toBe(0.5);
    const others: Value[] = [
      null,
      "x",
      [1],
      { a: 1 },
      ndarray(new Float64Array(1)),
      ndarray(new Float64Array(2), [], "complex128"),
    ];
    for (const value of others) expect(plainValue(value)).toBe(value);
  });
});

describe("fieldOf", () => {
  const fields: [Value, Field["dtype"], number[]][] = [
    [null, "null", []],
    [true, "bool", []],
    [1.5, "float64", []],
    [1n, "int64", []],
    ["x", "string", []],
    [[1, 2], "json", []],
    [{ dtype: "float64" }, "json", []],
    [int64(1), "int64", []],
    [ndarray(new Float32Array(6), [2, 3]), "float32", [2, 3]],
  ];

  it.each(fields.map((field) => [describeValue(field[0]), field] as const))(
    "gives %s its dtype and shape",
    (_, [value, dtype, shape]) => {
      expect(fieldOf(value)).toEqual({ dtype, shape, perAtom: false });
    },
  );

  it("leaves the number of atoms open", () => {
    const forces = ndarray(new Float32Array(6), [2, 3]);
    expect(fieldOf(forces, true)).toEqual({ dtype: "float32", shape: [null, 3], perAtom: true });
    expect(fieldOf(["a", "b"], true)).toEqual({ dtype: "string", shape: [null], perAtom: true });
    expect(fieldOf(["a", 1], true)).toEqual({ dtype: "json", shape: [null], perAtom: true });
  });
});

describe("mergeFields", () => {
  const field = (dtype: Field["dtype"], shape: (number | null)[], perAtom = false): Field => ({
    dtype,
    shape,
    perAtom,
  });

  it("opens the extents that differ", () => {
    expect(mergeFields(field("float32", [2, 3]), field("float32", [5, 3]))).toEqual(
      field("float32", [null, 3]),
    );
    expect(mergeFields(field("float32", [null, 3]), field("float32", [5, 3]))).toEqual(
      field("float32", [null, 3]),
    );
    const same = field("int64", []);
    expect(mergeFields(same, field("int64", []))).toBe(same);
  });

  it("is null where dtype, number of dimensions or scope differ", () => {
    expect(mergeFields(field("float32", [3]), field("float64", [3]))).toBeNull();
    expect(mergeFields(field("float32", [3]), field("float32", [3, 1]))).toBeNull();
    expect(mergeFields(field("float32", [3]), field("float32", [3], true))).toBeNull();
    expect(mergeFields(field("null", []), field("float64", []))).toBeNull();
  });

  it("gives the same field in either order", () => {
    const any = fc.record({
      dtype: fc.constantFrom("float32", "float64", "string", "json" as const),
      shape: fc.array(fc.constantFrom(null, 1, 2, 3), { maxLength: 3 }),
      perAtom: fc.boolean(),
    }) as fc.Arbitrary<Field>;
    fc.assert(
      fc.property(any, any, (a, b) => {
        expect(mergeFields(a, b)).toEqual(mergeFields(b, a));
        expect(mergeFields(a, a)).toEqual(a);
      }),
    );
  });
});

describe("equalValues", () => {
  const nan = (bits: number) =>
    ndarray(new Float64Array(BigUint64Array.of(BigInt(bits) + 0x7ff8000000000000n).buffer));

  it.each([
    ["numbers to the last bit", 0.1, 0.1],
    ["NaN", Number.NaN, Number.NaN],
    ["arrays with NaN of the same bits", nan(1), nan(1)],
    [
      "arrays in different buffers",
      float64(1),
      ndarray(new Float64Array(new ArrayBuffer(16), 8).fill(1), []),
    ],
    ["objects whatever the order of their keys", { a: 1, b: [null, "x"] }, { b: [null, "x"], a: 1 }],
    ["objects whatever their prototype", { a: 1 }, Object.assign(Object.create(null), { a: 1 }) as Value],
    ["empty objects", {}, {}],
    ["null", null, null],
    [
      "own keys with inherited names",
      JSON.parse('{"__proto__":1}') as Value,
      JSON.parse('{"__proto__":1}') as Value,
    ],
  ] as [string, Value, Value][])("holds for %s", (_, a, b) => {
    expect(equalValues(a, b)).toBe(true);
    expect(equalValues([a], [b])).toBe(true);
  });

  it.each([
    ["-0 and 0", -0, 0],
    ["-0 and 0 in arrays", float64(-0), float64(0)],
    ["NaN of different bits in arrays", nan(1), nan(2)],
    ["dtypes of the same bytes", scalar(1, "int32"), scalar(1, "uint32")],
    ["bool and uint8", scalar(true, "bool"), scalar(1, "uint8")],
    ["shapes of the same size", ndarray(new Float64Array(6), [2, 3]), ndarray(new Float64Array(6), [3, 2])],
    ["a scalar and an array of one", float64(1), ndarray(Float64Array.of(1))],
    ["a scalar array and a plain number", float64(1), 1],
    ["a number and a bigint", 1, 1n],
    ["a number and a boolean", 1, true],
    ["null and an object", null, {}],
    ["a list and an object", [], {}],
    ["a list and a longer one", [1], [1, 2]],
    ["a list in another order", [1, 2], [2, 1]],
    ["an object and one with more keys", { a: 1 }, { a: 1, b: 1 }],
    ["objects with other keys", { a: 1 }, { b: 1 }],
    ["a key that is only inherited", { a: 1 }, Object.create({ a: 1 }) as Value],
    ["an own key and an inherited one", { constructor: 1 } as unknown as Value, { other: 1 }],
    ["__proto__ as a key and as nothing", JSON.parse('{"__proto__":null}') as Value, { a: null }],
  ] as [string, Value, Value][])("tells apart %s", (_, a, b) => {
    expect(equalValues(a, b)).toBe(false);
    expect(equalValues(b, a)).toBe(false);
    expect(equalValues({ x: [a] }, { x: [b] })).toBe(false);
  });
});

describe("describeValue", () => {
  const texts: [Value, string][] = [
    [int64(5), "int64 5"],
    [float64(1.5), "float64 1.5"],
    [ndarray(new Float64Array(2), [], "complex128"), "complex128"],
    [ndarray(new Float32Array(9), [3, 3]), "float32 (3, 3)"],
    ["water", '"water"'],
    ["x".repeat(50), `"${"x".repeat(40)}"…`],
    [[1, 2], "list of 2"],
    [{ a: 1 }, "object of 1"],
    [12.5, "12.5"],
    [null, "null"],
    [true, "true"],
  ];

  it.each(texts.map(([value, text]) => [text, value] as const))("can write %s", (text, value) => {
    expect(describeValue(value)).toBe(text);
  });
});
