import {
  allocate,
  bytesOf,
  DTYPES,
  type DType,
  elementAt,
  encodeNpy,
  equalValues,
  float16ToNumber,
  isStowageError,
  type NdArray,
  ndarray,
  numberToFloat16,
  readNpy,
  sizeOf,
} from "@stowage/core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPeer, type Peer } from "./peer.js";

const DTYPE_NAMES = Object.keys(DTYPES) as DType[];

let peer: Peer;
beforeAll(() => {
  peer = openPeer("current");
});
afterAll(() => peer?.close());

async function numpy<T>(functionName: string, parameters: Record<string, unknown>): Promise<T> {
  return (await peer.call("npy_peer", functionName, parameters)) as T;
}

/** Any bits, NaN payloads included; up to 4 dimensions, extents of zero included. */
function arraysOf(dtype: DType): fc.Arbitrary<NdArray> {
  return fc.array(fc.nat(5), { maxLength: 4 }).chain((shape) =>
    fc
      .uint8Array({
        minLength: sizeOf(shape) * DTYPES[dtype].itemSize,
        maxLength: sizeOf(shape) * DTYPES[dtype].itemSize,
      })
      .map((bytes) => {
        const data = allocate(dtype, sizeOf(shape));
        bytesOf(data).set(dtype === "bool" ? bytes.map((byte) => byte & 1) : bytes);
        return { dtype, shape, data };
      }),
  );
}

describe.each(DTYPE_NAMES)("%s arrays", (dtype) => {
  test("are written byte for byte as numpy.save writes them, and load equal in NumPy", async () => {
    await fc.assert(
      fc.asyncProperty(arraysOf(dtype), async (array) => {
        const ours = encodeNpy(array);
        expect(Buffer.from(ours)).toEqual(Buffer.from(await numpy<Uint8Array>("save", { array })));
        expect(equalValues(await numpy<NdArray>("load", { file: ours }), array)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test("are read as NumPy lays them out: rows or columns first, either byte order, each version", async () => {
    await fc.assert(
      fc.asyncProperty(
        arraysOf(dtype),
        fc.constantFrom("C", "F"),
        fc.constantFrom("<", ">"),
        fc.constantFrom(1, 2, 3),
        async (array, order, byteOrder, major) => {
          const file = await numpy<Uint8Array>("save_as", {
            array,
            order,
            byte_order: byteOrder,
            version: [major, 0],
          });
          expect(equalValues(await readNpy(file), array)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("are read from behind a header longer than 64 KiB", async () => {
    const array = fc.sample(arraysOf(dtype), 1)[0]!;
    for (const major of [2, 3]) {
      const file = await numpy<Uint8Array>("save_with_long_header", { array, major, header_bytes: 70_000 });
      expect(equalValues(await readNpy(file), array)).toBe(true);
    }
  });
});

describe("headers", () => {
  test("are padded as numpy.save pads them, for any number of dimensions and digits", async () => {
    const shapes: number[][] = [];
    for (let dimensions = 0; dimensions <= 64; dimensions++)
      shapes.push(new Array<number>(dimensions).fill(1));
    for (let extent = 1; extent <= 2 ** 50; extent *= 10) shapes.push([extent, 0], [0, extent]);
    for (const shape of shapes) {
      const array = { dtype: "float32", shape, data: new Float32Array(sizeOf(shape)) } as NdArray;
      expect(Buffer.from(encodeNpy(array))).toEqual(Buffer.from(await numpy<Uint8Array>("save", { array })));
    }
  });

  test("that NumPy refuses are refused: every header one character away from a right one", async () => {
    const array = ndarray(
      Float64Array.from({ length: 6 }, (_, i) => i),
      [2, 3],
    );
    const right = encodeNpy(array);
    let accepted = 0;
    for (let at = 0; at < 75; at++) {
      for (let value = 0; value < 256; value++) {
        const file = right.slice();
        file[at] = value;
        let ours: NdArray;
        try {
          ours = await readNpy(file);
        } catch (error) {
          expect(isStowageError(error, "ERR_NPY_FORMAT")).toBe(true);
          continue;
        }
        accepted++;
        expect(equalValues(ours, await numpy<NdArray>("load", { file }))).toBe(true);
      }
    }
    expect(accepted).toBeGreaterThan(75); // each right character, and some others
  });
});

test("arrays that are no plain numbers are refused, saying what they are", async () => {
  const found: Record<string, string> = {};
  for (const [name, file] of Object.entries(
    await numpy<Record<string, Uint8Array>>("save_unsupported", {}),
  )) {
    const error = await readNpy(file).then(
      () => null,
      (error: unknown) => error,
    );
    found[name] = isStowageError(error, "ERR_NPY_FORMAT") ? error.details.found : String(error);
  }
  expect(found).toEqual({
    objects: "its elements are pickled Python objects, not plain numbers",
    text: 'its elements are of type "<U3", not plain numbers',
    bytes: 'its elements are of type "|S3", not plain numbers',
    records: "its elements are records, not plain numbers",
    "nested records": "its elements are records, not plain numbers",
    dates: 'its elements are of type "<M8[D]", not plain numbers',
    "raw bytes": 'its elements are of type "|V8", not plain numbers',
    "long doubles": 'its elements are of type "<f16", not plain numbers',
  });
});

describe("float16", () => {
  test("stands for NumPy's numbers, all 65536 patterns", async () => {
    const bits = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
    const { data } = await numpy<NdArray>("from_float16", { halves: ndarray(bits, undefined, "float16") });
    const wrong = [...bits].filter((pattern) => !Object.is(float16ToNumber(pattern), Number(data[pattern])));
    expect(wrong).toEqual([]);
  });

  test("is rounded from doubles as NumPy rounds them", async () => {
    const range = { min: -70_000, max: 70_000 };
    const doubles = [
      ...fc.sample(fc.double(), 20_000),
      ...fc.sample(fc.double(range), 20_000),
      ...fc.sample(fc.double({ min: -(2 ** -13), max: 2 ** -13 }), 20_000),
      // Doubles beside the middle of two neighbours, where rounding through float32 goes wrong.
      ...fc.sample(fc.tuple(fc.nat(0x7bff), fc.integer({ min: -3, max: 3 })), 20_000).map(([bits, ulps]) => {
        const middle = (float16ToNumber(bits) + float16ToNumber(bits + 1)) / 2;
        return middle * (1 + ulps * Number.EPSILON);
      }),
      ...[-0, 0, 65519.99, 65520, -65519.99, -65520, 2 ** -24, 2 ** -25, Number.MIN_VALUE, Number.NaN],
    ];
    const array = ndarray(Float64Array.from(doubles));
    const halves = await numpy<NdArray>("to_float16", { doubles: array });
    const wrong = doubles.filter((value, i) =>
      Number.isNaN(value) ? !Number.isNaN(elementAt(halves, i)) : numberToFloat16(value) !== halves.data[i],
    );
    expect(wrong).toEqual([]);
  });
});
