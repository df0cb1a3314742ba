import { describe, expect, expectTypeOf, it } from "vitest";
import {
  bytesOf,
  copyArray,
  type DType,
  describeArray,
  elementAt,
  float64,
  int64,
  isNdArray,
  type NdArray,
  ndarray,
  scalar,
  sizeOf,
} from "../src/index.js";

describe("ndarray", () => {
  it("takes the dtype from the typed array and one dimension unless told otherwise", () => {
    const data = new Float32Array(6);
    expect(ndarray(data)).toEqual({ dtype: "float32", shape: [6], data });
    expect(ndarray(data, [2, 3]).shape).toEqual([2, 3]);
    expect(ndarray(data).data).toBe(data);
    expect(ndarray(new Uint8Array(2), [2], "bool").dtype).toBe("bool");
    expect(ndarray(new Uint16Array(2), undefined, "float16").dtype).toBe("float16");
    expectTypeOf(ndarray(new Uint8Array(2), [2], "bool")).toEqualTypeOf<NdArray<"bool">>();
  });

  it("counts complex elements as pairs", () => {
    expect(ndarray(new Float64Array(6), undefined, "complex128").shape).toEqual([3]);
    expect(ndarray(new Float32Array(4), [2, 1], "complex64").shape).toEqual([2, 1]);
  });

  it("holds scalars, empty arrays and extents of zero", () => {
    expect(ndarray(Float64Array.of(1), []).shape).toEqual([]);
    expect(ndarray(new Float64Array(0), [0, 3]).shape).toEqual([0, 3]);
    expect(sizeOf([])).toBe(1);
    expect(sizeOf([4, 0, 7])).toBe(0);
  });

  it.each([
    ["too few elements", new Float64Array(5), [2, 3], undefined],
    ["too many elements", new Float64Array(7), [2, 3], undefined],
    ["a scalar of no elements", new Float64Array(0), [], undefined],
    ["negative extents whose product fits", new Float64Array(6), [-2, -3], undefined],
    ["fractional extents whose product fits", new Float64Array(6), [1.5, 4], undefined],
    ["an extent that is no number", new Float64Array(0), [Number.NaN], undefined],
    ["half a complex number", new Float64Array(3), undefined, "complex128"],
    ["half a complex number, shaped", new Float64Array(3), [1.5], "complex128"],
  ] as [string, Float64Array, number[] | undefined, DType | undefined][])(
    "refuses %s",
    (_, data, shape, dtype) => {
      expect(() => ndarray(data, shape, dtype as "float64")).toThrow(
        expect.objectContaining({ code: "ERR_SHAPE" }),
      );
    },
  );

  it("says which shape and how many elements did not fit", () => {
    expect(() => ndarray(new Float64Array(5), [2, 3])).toThrow(
      "Cannot make an array of shape (2, 3): it holds 6 elements, found 5",
    );
  });

  it("refuses a typed array that cannot hold the dtype", () => {
    expect(() => ndarray(new Float64Array(2) as never, [2], "float32")).toThrow(
      new TypeError("Cannot make a float32 array: its data must be a Float32Array, found Float64Array"),
    );
    expect(() => ndarray([1, 2] as never)).toThrow(TypeError);
  });

  it("is recognised by its members", () => {
    expect(isNdArray(ndarray(new Float64Array(1)))).toBe(true);
    for (const other of [
      null,
      undefined,
      1,
      "x",
      [],
      {},
      new Float64Array(1),
      { dtype: "float64", shape: [1], data: [1] },
    ]) {
      expect(isNdArray(other)).toBe(false);
    }
  });
});

describe("scalar", () => {
  it.each([
    ["bool", 0, 1],
    ["int8", -128, 127],
    ["int16", -32768, 32767],
    ["int32", -(2 ** 31), 2 ** 31 - 1],
    ["uint8", 0, 255],
    ["uint16", 0, 65535],
    ["uint32", 0, 2 ** 32 - 1],
    ["int64", -(2n ** 63n), 2n ** 63n - 1n],
    ["uint64", 0n, 2n ** 64n - 1n],
  ] as [DType, number | bigint, number | bigint][])(
    "holds %s from %s to %s and nothing outside",
    (dtype, low, high) => {
      for (const value of [low, high]) {
        const { data } = scalar(value, dtype);
        expect(BigInt(data[0]!)).toBe(BigInt(value));
        expect(BigInt(scalar(BigInt(value), dtype).data[0]!)).toBe(BigInt(value));
      }
      const outside = [BigInt(low) - 1n, BigInt(high) + 1n, BigInt(high) + 2n ** 64n, 2n ** 70n];
      for (const value of [...outside, 0.5, Number.NaN, Number.POSITIVE_INFINITY, -1e300, 2 ** 64]) {
        expect(() => scalar(value, dtype)).toThrow(expect.objectContaining({ code: "ERR_DTYPE" }));
      }
    },
  );

  it("takes booleans as 0 and 1", () => {
    expect([scalar(true, "bool"), scalar(false, "bool")].map(({ data }) => data[0])).toEqual([0x1, 0x0]);
    expect(scalar(true, "int64").data[0]).toBe(1n);
    expect(scalar(true, "float32").data[0]).toBe(1);
  });

  it("rounds to float dtypes, keeping -0, NaN and infinities", () => {
    expect(scalar(0.1, "float32").data[0]).toBe(Math.fround(0.1));
    expect(scalar(1, "float16").data[0]).toBe(0x3c00);
    for (const value of [-0, Number.NaN, Number.NEGATIVE_INFINITY, 0.1]) {
      expect(scalar(value, "float64").data[0]).toBe(value);
    }
  });

  it("says what did not fit", () => {
    expect(() => scalar(300, "uint8")).toThrow("Cannot store 300 as uint8: it does not fit");
    expect(() => scalar(1, "complex64")).toThrow(TypeError);
  });
});

describe("int64 and float64", () => {
  it("keep numbers and bigints to the last bit", () => {
    expect(int64(-5)).toEqual({ dtype: "int64", shape: [], data: BigInt64Array.of(-5n) });
    expect(int64(2n ** 63n - 1n).data[0]).toBe(2n ** 63n - 1n);
    expect(int64(-(2 ** 63)).data[0]).toBe(-(2n ** 63n));
    expect(float64(5)).toEqual({ dtype: "float64", shape: [], data: Float64Array.of(5) });
    expect(float64(-0).data[0]).toBe(-0);
  });

  it.each([2 ** 63, 2n ** 63n, -(2n ** 63n) - 1n, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
    "refuse %s as int64",
    (value) => {
      expect(() => int64(value)).toThrow(expect.objectContaining({ code: "ERR_DTYPE" }));
    },
  );
});

describe("elementAt", () => {
  it("gives numbers up to 2^53 and bigints beyond", () => {
    const limit = 2n ** 53n;
    const data = BigInt64Array.of(
      0n,
      limit - 1n,
      limit,
      limit + 1n,
      1n - limit,
      -limit,
      -limit - 1n,
      2n ** 63n - 1n,
    );
    const values = Array.from(data, (_, i) => elementAt(ndarray(data), i));
    expect(values).toEqual([
      0,
      2 ** 53 - 1,
      limit,
      limit + 1n,
      1 - 2 ** 53,
      -limit,
      -limit - 1n,
      2n ** 63n - 1n,
    ]);
    expect(elementAt(ndarray(BigUint64Array.of(2n ** 64n - 1n)))).toBe(2n ** 64n - 1n);
  });

  it("gives booleans for bool and numbers for float16", () => {
    expect(elementAt(ndarray(Uint8Array.of(0, 1), [2], "bool"), 1)).toBe(true);
    expect(elementAt(ndarray(Uint8Array.of(0, 1), [2], "bool"), 0)).toBe(false);
    expect(elementAt(ndarray(Uint16Array.of(0x8000, 0x3e00), [2], "float16"), 1)).toBe(1.5);
    expect(elementAt(ndarray(Uint16Array.of(0x8000), [1], "float16"))).toBe(-0);
    expect(elementAt(ndarray(Float32Array.of(0.1)))).toBe(Math.fround(0.1));
  });

  it.each(["bool", "uint8", "float16", "int64", "float64"] as DType[])(
    "refuses places outside a %s array",
    (dtype) => {
      const array = scalar(1, dtype);
      for (const index of [1, -1, 0.5, Number.NaN]) {
        expect(() => elementAt(array, index)).toThrow(expect.objectContaining({ code: "ERR_INDEX_RANGE" }));
      }
    },
  );

  it("refuses complex elements", () => {
    expect(() => elementAt(ndarray(new Float32Array(2), [], "complex64"))).toThrow(TypeError);
  });
});

describe("arrays", () => {
  it("show their bytes as a view, at their place in a larger buffer", () => {
    const data = new Float32Array(new ArrayBuffer(32), 8, 2);
    bytesOf(data)[3] = 0x40;
    expect(data[0]).toBe(2);
    expect(bytesOf(data)).toHaveLength(8);
  });

  it("are copied with memory and shape of their own", () => {
    const shape = [2];
    const array = ndarray(new Float64Array(new ArrayBuffer(64), 8, 2), shape);
    const copy = copyArray(array);
    array.data[0] = 1;
    shape[0] = 9;
    expect(copy).toEqual({ dtype: "float64", shape: [2], data: new Float64Array(2) });
    expect(copy.data.buffer.byteLength).toBe(16);
  });

  it("are described by dtype and shape", () => {
    expect(describeArray(ndarray(new Float32Array(9), [3, 3]))).toBe("float32 (3, 3)");
    expect(describeArray(ndarray(new Float32Array(2)))).toBe("float32 (2)");
    expect(describeArray(int64(5))).toBe("int64");
  });
});
