import { join } from "node:path";
import {
  allocate,
  bytesOf,
  DTYPES,
  type DType,
  decodeValue,
  encodeValue,
  equalValues,
  int64,
  isStowageError,
  type NdArray,
  ndarray,
  scalar,
  sizeOf,
  type Value,
} from "@stowage/core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPeer, type Peer } from "./peer.js";
import { temporaryFolder } from "./temporary-folder.js";

let peer: Peer;
beforeAll(() => {
  peer = openPeer("current");
});
afterAll(() => peer?.close());

async function python<T>(functionName: string, parameters: Record<string, unknown>): Promise<T> {
  return (await peer.call("msgpack_peer", functionName, parameters)) as T;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Values whose own bytes we write again. */
const SAME_BYTES: [string, Value][] = [
  ["none", null],
  ["true", true],
  ["int 0", int64(0)],
  ["float 0", 0],
  ["float -0", -0],
  ["nan", Number.NaN],
  ["largest int64", int64(2n ** 63n - 1n)],
  ["smallest int64", int64(-(2n ** 63n))],
  ["largest uint64", scalar(2n ** 64n - 1n, "uint64")],
  ["text", "water Å 😀\0"],
  ["tuple", [int64(1), 2, "x"]],
  [
    "nested",
    {
      a: [int64(1), { b: [[true, null]] }],
      kwargs: { indices: [0, 5, 300, 70000, -1, -200].map((index) => int64(index)) },
    },
  ],
  ["float64 scalar", 0.1],
  ["float32 scalar", scalar(0.1, "float32")],
  ["int8 scalar", scalar(-5, "int8")],
  ["uint64 scalar", scalar(5, "uint64")],
  ["bool scalar", scalar(true, "bool")],
  ["str scalar", "x"],
  ["complex", { dtype: "complex128", shape: [], data: Float64Array.of(1.5, -2) }],
  ["complex 0", { dtype: "complex128", shape: [], data: Float64Array.of(0, -0) }],
  [
    "complex nan",
    { dtype: "complex128", shape: [], data: Float64Array.of(Number.NaN, Number.NEGATIVE_INFINITY) },
  ],
  ["complex64 scalar", { dtype: "complex64", shape: [], data: Float32Array.of(1, 2) }],
  ["empty array", ndarray(new Float64Array(0), [0, 3])],
  ["Fortran order", ndarray(Float64Array.of(0, 1, 2, 3, 4, 5), [2, 3])],
  ["strided", ndarray(Int32Array.of(0, 2, 4, 6, 8, 10))],
  ["long", ndarray(Uint16Array.from({ length: 70000 }, (_, i) => i))],
  ["16 dimensions", ndarray(Float32Array.of(1), new Array<number>(16).fill(1))],
];

test.each(SAME_BYTES)("Python's %s is read, and written with the same bytes", async (name, value) => {
  const bytes = await python<Uint8Array>("pack", { name });
  expect(equalValues(decodeValue(bytes), value)).toBe(true);
  expect(hex(encodeValue(value))).toBe(hex(bytes));
  expect(await python("describe", { data: bytes })).toEqual(await python("describe_original", { name }));
});

/** Values that Python reads again with another type or layout, and what we make of them. */
const OTHER_BYTES: [string, Value][] = [
  ["int64 scalar", int64(-5)],
  ["complex128 scalar", { dtype: "complex128", shape: [], data: Float64Array.of(1, 2) }],
  ["0-d array", scalar(3, "int32")],
  ["big-endian", ndarray(Float64Array.of(0, 1, 2, 3, 4, 5), [2, 3])],
  ["big-endian complex", ndarray(Float64Array.of(1, 2), [1], "complex128")],
  [
    "text array",
    [
      ["H", "Å😀"],
      ["", "C"],
    ],
  ],
  ["bytes array", ["H2O", "CH"]],
  ["bytes", ndarray(Uint8Array.of(0, 255))],
];

test.each(OTHER_BYTES)("Python's %s is read", async (name, value) => {
  expect(equalValues(decodeValue(await python<Uint8Array>("pack", { name })), value)).toBe(true);
});

test("text arrays that we write are NumPy's, to the byte", async () => {
  const bytes = await python<Uint8Array>("pack", { name: "text array" });
  expect(hex(encodeValue(decodeValue(bytes), { textArrays: true }))).toBe(hex(bytes));
});

test("records come back to Python unchanged", async () => {
  const bytes = await python<Uint8Array>("pack", { name: "records" });
  expect(hex(encodeValue(decodeValue(bytes)))).toBe(hex(bytes));
});

test("Python objects are never unpickled", async () => {
  const bytes = await python<Uint8Array>("pack", { name: "objects" });
  try {
    decodeValue(bytes);
    expect.unreachable();
  } catch (error) {
    expect(isStowageError(error, "ERR_PICKLE")).toBe(true);
  }
});

/** Any bits, NaN payloads included; extents of zero included. */
function arraysOf(dtype: DType): fc.Arbitrary<NdArray> {
  return fc.array(fc.nat(5), { maxLength: 4 }).chain((shape) => {
    const byteLength = sizeOf(shape) * DTYPES[dtype].itemSize;
    return fc.uint8Array({ minLength: byteLength, maxLength: byteLength }).map((bytes) => {
      const data = allocate(dtype, sizeOf(shape));
      bytesOf(data).set(dtype === "bool" ? bytes.map((byte) => byte & 1) : bytes);
      return { dtype, shape, data };
    });
  });
}

describe.each(Object.keys(DTYPES) as DType[])("%s arrays", (dtype) => {
  test("are read from Python to the bit, and written with the same bytes", async () => {
    const arrays = arraysOf(dtype).filter(({ shape }) => shape.length > 0);
    await fc.assert(
      fc.asyncProperty(arrays, async (array) => {
        const bytes = await python<Uint8Array>("pack_array", { array });
        expect(equalValues(decodeValue(bytes), array)).toBe(true);
        expect(hex(encodeValue(array))).toBe(hex(bytes));
      }),
      { numRuns: 30 },
    );
  });
});

test("integers of any size are written with the same bytes", async () => {
  const integers = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.integer({ min: -70000, max: 70000 }).map(BigInt),
    fc
      .tuple(fc.nat(64), fc.integer({ min: -1, max: 1 }))
      .map(([bits, step]) => 2n ** BigInt(bits) + BigInt(step)),
  );
  await fc.assert(
    fc.asyncProperty(
      integers.filter((value) => value < 2n ** 64n),
      async (value) => {
        const bytes = await python<Uint8Array>("pack_int", { value });
        expect(hex(encodeValue(value))).toBe(hex(bytes));
        const expected = value < 2n ** 63n ? int64(value) : scalar(value, "uint64");
        expect(equalValues(decodeValue(bytes), expected)).toBe(true);
      },
    ),
    { numRuns: 200 },
  );
});

test("complex numbers are written as Python prints them", async () => {
  const part = fc.oneof(
    fc.double({ noNaN: true }),
    fc.integer().map(Number),
    fc.constantFrom(0, -0, 1e16, 1e-5, 1e-4),
  );
  await fc.assert(
    fc.asyncProperty(part, part, async (real, imaginary) => {
      const bytes = await python<Uint8Array>("pack_complex", { real, imaginary });
      const value: NdArray = { dtype: "complex128", shape: [], data: Float64Array.of(real, imaginary) };
      expect(hex(encodeValue(value))).toBe(hex(bytes));
      expect(equalValues(decodeValue(bytes), value)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test("asebytes reads our values of a row with their types", async () => {
  const values: Record<string, Value> = {
    cell: ndarray(new Float64Array(9), [3, 3]),
    pbc: ndarray(Uint8Array.of(1, 0, 1), [3], "bool"),
    "arrays.numbers": ndarray(BigInt64Array.of(8n, 1n, 1n)),
    "calc.energy": 0,
    "info.charge": int64(0),
    "info.name": "water",
    "info.smooth": true,
    "info.single": scalar(1.5, "float32"),
  };
  const packed = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, encodeValue(value)]));
  const path = join(temporaryFolder(), "values.lmdb");
  expect(await python("asebytes_value", { path, values: packed })).toEqual({
    cell: ["ndarray", "[('', '<f8')]", [3, 3], "00".repeat(72)],
    pbc: ["ndarray", "[('', '|b1')]", [3], "010001"],
    "arrays.numbers": ["ndarray", "[('', '<i8')]", [3], "080000000000000001000000000000000100000000000000"],
    "calc.energy": ["float", "0.0"],
    "info.charge": ["int", "0"],
    "info.name": ["str", "'water'"],
    "info.smooth": ["bool", "True"],
    "info.single": ["float32", "<f4", "0000c03f"],
  });
});
