import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  allocate,
  type ByteSource,
  bytesOf,
  DTYPES,
  type DType,
  decodeNpyData,
  encodeNpy,
  equalValues,
  FileSource,
  isStowageError,
  MemorySource,
  type NdArray,
  ndarray,
  parseNpyHeader,
  readNpy,
  sizeOf,
  writeNpy,
} from "../src/index.js";
import { temporaryFolder } from "./temporary-folder.js";

// What NumPy itself writes and reads is compared in interop/npy.test.ts.

const DTYPE_NAMES = Object.keys(DTYPES) as DType[];

function npyError(message: string | RegExp): unknown {
  return expect.objectContaining({ code: "ERR_NPY_FORMAT", message: expect.stringMatching(message) });
}

/** An .npy file with any header text. */
function npy(header: string, data: Uint8Array = new Uint8Array(0), major = 1, minor = 0): Uint8Array {
  const text = new TextEncoder().encode(header);
  const start = major === 1 ? 10 : 12;
  const bytes = new Uint8Array(start + text.length + data.length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, major, minor]);
  const view = new DataView(bytes.buffer);
  if (major === 1) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  bytes.set(text, start);
  bytes.set(data, start + text.length);
  return bytes;
}

function dict(descr: string, shape: string, order = "False"): string {
  return `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
}

function iota(count: number): Uint8Array {
  return bytesOf(Float64Array.from({ length: count }, (_, i) => i));
}

const arrays: fc.Arbitrary<NdArray> = fc
  .record({
    dtype: fc.constantFrom(...DTYPE_NAMES),
    shape: fc.array(fc.nat(4), { maxLength: 4 }),
    seed: fc.integer(),
  })
  .map(({ dtype, shape, seed }) => {
    const data = allocate(dtype, sizeOf(shape));
    bytesOf(data).forEach((_, i, bytes) => {
      bytes[i] = (Math.imul(seed + i, 0x9e3779b1) >>> 13) & (dtype === "bool" ? 1 : 0xff);
    });
    return { dtype, shape, data };
  });

describe("encodeNpy", () => {
  it.each([
    // repr of what numpy.save writes (NumPy 2.4.6)
    [ndarray(iota64(6), [2, 3]), "v\0{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", 58],
    [ndarray(Float32Array.of(1.5), []), "v\0{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 62],
    [ndarray(new BigInt64Array(0)), "v\0{'descr': '<i8', 'fortran_order': False, 'shape': (0,), }", 60],
    [
      ndarray(new Float64Array(0), [3, 0, 2], "complex128"),
      "v\0{'descr': '<c16', 'fortran_order': False, 'shape': (3, 0, 2), }",
      54,
    ],
    [
      ndarray(Uint8Array.of(1, 0), [2], "bool"),
      "v\0{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }",
      60,
    ],
  ] as [NdArray, string, number][])("writes the bytes of numpy.save: %#", (array, header, spaces) => {
    const bytes = encodeNpy(array);
    const text = new TextDecoder("latin1").decode(bytes.subarray(1, 128));
    expect(bytes[0]).toBe(0x93);
    expect(text).toBe(`NUMPY\x01\0${header}${" ".repeat(spaces)}\n`);
    expect(bytes.subarray(128)).toEqual(bytesOf(array.data));
  });

  it("pads its header as numpy.save does, for any number of dimensions", () => {
    const lengths = new Map<number, number>();
    for (let dimensions = 64; dimensions >= 0; dimensions--) {
      const bytes = encodeNpy(ndarray(Float64Array.of(7), new Array(dimensions).fill(1)));
      lengths.set(bytes.length - 8, dimensions);
    }
    // From NumPy 2.4.6: the fewest dimensions with a header of each length.
    expect([...lengths].reverse()).toEqual([
      [128, 0],
      [192, 15],
      [256, 36],
      [320, 58],
    ]);
  });

  it("refuses more dimensions than NumPy has", () => {
    const array = ndarray(Float64Array.of(7), new Array(65).fill(1));
    expect(() => encodeNpy(array)).toThrow(expect.objectContaining({ code: "ERR_SHAPE" }));
  });
});

function iota64(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => i);
}

describe("readNpy", () => {
  it("reads back any array to the last bit", async () => {
    await fc.assert(
      fc.asyncProperty(arrays, async (array) => {
        expect(equalValues(await readNpy(encodeNpy(array)), array)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("reads big-endian and column-major elements of every dtype", async () => {
    await fc.assert(
      fc.asyncProperty(arrays, fc.boolean(), fc.boolean(), async (array, bigEndian, fortran) => {
        const { code, itemSize, lanes } = DTYPES[array.dtype];
        const { shape } = array;
        // Straight from the definitions: element (i, j, …) of a column-major array is at i + n₀ (j + n₁ (…)).
        const source = bytesOf(array.data);
        const bytes = new Uint8Array(source.length);
        for (let at = 0; at < sizeOf(shape); at++) {
          let place = at;
          if (fortran) {
            const index: number[] = [];
            for (let rest = at, axis = shape.length - 1; axis >= 0; axis--) {
              index[axis] = rest % shape[axis]!;
              rest = Math.floor(rest / shape[axis]!);
            }
            place = index.reduceRight((sum, i, axis) => sum * shape[axis]! + i, 0);
          }
          const element = source.slice(at * itemSize, (at + 1) * itemSize);
          const width = itemSize / lanes;
          for (let lane = 0; bigEndian && lane < lanes; lane++) {
            element.subarray(lane * width, (lane + 1) * width).reverse();
          }
          bytes.set(element, place * itemSize);
        }
        const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
        const descr = itemSize === 1 ? code : `${bigEndian ? ">" : "<"}${code.slice(1)}`;
        const file = npy(dict(descr, tuple, fortran ? "True" : "False"), bytes);
        expect(equalValues(await readNpy(file), array)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ["as NumPy 2 writes it", "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }          \n"],
    ["in another order", "{'shape': (2,), 'fortran_order': False, 'descr': '<f8'}\n"],
    ["without spaces", "{'descr':'<f8','fortran_order':False,'shape':(2,)}"],
    ["with many spaces", " { 'descr' : '<f8' , 'fortran_order' : False , 'shape' : ( 2 , ) , } \n"],
    ["with double quotes", '{"descr": "<f8", "fortran_order": False, "shape": (2,)}\n'],
    ["as Python 2 wrote it", "{'descr': '<f8', 'fortran_order': False, 'shape': (2L,), }\n"],
    ["with the machine's own order", "{'descr': '=f8', 'fortran_order': False, 'shape': (2,), }\n"],
  ])("reads a header %s", async (_, header) => {
    expect(await readNpy(npy(header, iota(2)))).toEqual(ndarray(iota64(2)));
  });

  it.each([1, 2, 3])("reads version %d.0", async (major) => {
    expect(await readNpy(npy(dict("<f8", "(3, 1)"), iota(3), major))).toEqual(ndarray(iota64(3), [3, 1]));
  });

  it.each([2, 3])("reads headers longer than 64 KiB in version %d.0", async (major) => {
    const header = `${dict("<f8", "(3,)").trim()}${" ".repeat(200_000)}\n`;
    expect(await readNpy(npy(header, iota(3), major))).toEqual(ndarray(iota64(3)));
  });

  it("reads paths, bytes and sources, and leaves sources open", async () => {
    const path = join(temporaryFolder(), "a.npy");
    const array = ndarray(iota64(3));
    writeFileSync(path, encodeNpy(array));
    expect(await readNpy(path)).toEqual(array);
    expect(await readNpy(readFileSync(path))).toEqual(array);
    const source = FileSource.open(path);
    expect(await readNpy(source)).toEqual(array);
    expect(await readNpy(source)).toEqual(array);
    source.close();
    await expect(readNpy(`${path}.none`)).rejects.toThrow(
      expect.objectContaining({ code: "ERR_FILE_MISSING" }),
    );
  });

  it("reads the header and the elements and nothing else", async () => {
    const reads: number[][] = [];
    const counting = (bytes: Uint8Array): ByteSource => {
      const source = new MemorySource(bytes);
      return {
        name: "counted",
        byteLength: source.byteLength,
        read: (byteOffset, byteLength) => {
          reads.push([byteOffset, byteLength]);
          return source.read(byteOffset, byteLength);
        },
        close: () => {},
      };
    };
    await readNpy(counting(npy(dict("<f8", "(2,)").padEnd(118), iota(1000))));
    await readNpy(counting(npy(dict("<f8", "(2,)").padEnd(70_000), iota(2), 2)));
    expect(reads).toEqual([
      [0, 1024],
      [128, 16],
      [0, 1024],
      [0, 70_012],
      [70_012, 16],
    ]);
  });

  it("gives a view of bytes in memory where nothing has to move, else a copy", async () => {
    const file = encodeNpy(ndarray(iota64(6), [2, 3]));
    expect((await readNpy(file)).data.buffer).toBe(file.buffer);
    const bigEndian = npy(dict(">f8", "(2,)").padEnd(118), iota(2));
    const before = bigEndian.slice();
    expect((await readNpy(bigEndian)).data.buffer).not.toBe(bigEndian.buffer);
    expect(bigEndian).toEqual(before);
  });
});

describe("files that are no plain arrays", () => {
  it.each([
    ["pickled objects", "|O", "its elements are pickled Python objects, not plain numbers"],
    ["text", "<U5", 'its elements are of type "<U5", not plain numbers'],
    ["bytes", "|S3", 'its elements are of type "|S3", not plain numbers'],
    ["dates", "<M8[ns]", 'its elements are of type "<M8\\[ns\\]", not plain numbers'],
    ["raw bytes", "|V8", 'its elements are of type "|V8", not plain numbers'],
    ["long doubles", "<f16", 'its elements are of type "<f16", not plain numbers'],
  ])("are refused with a hint: %s", async (_, descr, message) => {
    const reading = readNpy(npy(dict(descr, "(1,)"), new Uint8Array(64)));
    await expect(reading).rejects.toThrow(npyError(message));
    await expect(reading).rejects.toMatchObject({
      hint: 'save plain numbers in Python: numpy.save(path, array.astype("float64"))',
    });
  });

  it("are refused with a hint: records", async () => {
    const header = "{'descr': [('x', '<f4'), ('descr', '<i8')], 'fortran_order': False, 'shape': (1,), }\n";
    await expect(readNpy(npy(header, new Uint8Array(12)))).rejects.toThrow(
      npyError("its elements are records, not plain numbers"),
    );
  });

  it.each([
    [
      "an entry inside of another",
      `{'descr': [("'descr': '<f8'", '<f4')], 'fortran_order': False, 'shape': (1,), }`,
    ],
    [
      "a list with text of an entry",
      `{'x': ["'descr': '<f8'"], 'descr': '<f8', 'fortran_order': False, 'shape': (1,), }`,
    ],
    ["an entry too many", "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'more': 1, }"],
    ["no descr", "{'fortran_order': False, 'shape': (1,), }"],
    ["no order", "{'descr': '<f8', 'shape': (1,), }"],
    ["no shape", "{'descr': '<f8', 'fortran_order': False, }"],
    ["an order of another type", "{'descr': '<f8', 'fortran_order': 'False', 'shape': (1,), }"],
    ["a shape of another type", "{'descr': '<f8', 'fortran_order': False, 'shape': 'abc', }"],
    ["a negative extent", dict("<f8", "(-1,)")],
    ["a fractional extent", dict("<f8", "(1.5,)")],
    ["an exponent", dict("<f8", "(1e3,)")],
    ["an extent that no number holds", dict("<f8", "(9007199254740993,)")],
    ["extents whose product no number holds", dict("<f8", "(4294967296, 4294967296)")],
    ["extents that are infinite", dict("<f8", `(${"9".repeat(400)}, 0)`)],
    ["two commas", dict("<f8", "(1,,2)")],
    ["one comma", dict("<f8", "(,)")],
    ["no comma between", dict("<f8", "(1 2)")],
    ["too many extents", dict("<f8", `(${"1, ".repeat(65)})`)],
    ["no dict", "hello"],
    ["half a dict", "{'descr': '<f8', 'fortran_order': False, 'shape': (1,)"],
    ["code after the dict", `${dict("<f8", "(1,)").trim()}; import os`],
    ["nothing", ""],
  ])("are refused: a header with %s", async (_, header) => {
    await expect(readNpy(npy(header, iota(4)))).rejects.toThrow(npyError("its (header reads|elements are)"));
  });

  it.each([
    ["another beginning", Uint8Array.from({ length: 200 }, () => 0x20), "it does not begin with"],
    [
      "version 0",
      npy(dict("<f8", "(1,)"), iota(1), 0),
      "its version is 0\\.0, known are 1\\.0, 2\\.0 and 3\\.0",
    ],
    ["version 4", npy(dict("<f8", "(1,)"), iota(1), 4), "its version is 4\\.0"],
    ["version 1.1", npy(dict("<f8", "(1,)"), iota(1), 1, 1), "its version is 1\\.1"],
    ["no bytes", new Uint8Array(0), "it ends within the header, after 0 bytes"],
    ["few bytes", Uint8Array.of(0x93, 0x4e), "it ends within the header, after 2 bytes"],
    ["a cut header", npy(dict("<f8", "(1,)")).subarray(0, 40), "it ends within the header, after 40 bytes"],
    [
      "cut elements",
      npy(dict("<f8", "(3,)"), iota(2)),
      "its shape \\(3\\) needs 24 bytes of float64, found 16",
    ],
  ])("are refused: %s", async (_, bytes, message) => {
    await expect(readNpy(bytes)).rejects.toThrow(npyError(message));
  });

  it.each([
    ["2^50 elements", npy(dict("<f8", "(1125899906842624,)"), iota(2))],
    [
      "2^50 elements in four dimensions, column-major",
      npy(dict(">c16", "(1048576, 1024, 1024, 1024)", "True"), iota(2)),
    ],
    ["a header of 4 GiB", Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 2, 0, 255, 255, 255, 255, 0x7b)],
    ["a header of 2 MiB", npy(`${dict("<f8", "(2,)")}${" ".repeat(2 << 20)}`, iota(2), 2)],
  ])("are refused before anything is allocated: %s", async (_, bytes) => {
    const asked: number[] = [];
    const memory = new MemorySource(bytes);
    const source: ByteSource = {
      name: "hostile",
      byteLength: bytes.length,
      read: (byteOffset, byteLength) => {
        asked.push(byteLength);
        return memory.read(byteOffset, byteLength);
      },
      close: () => {},
    };
    await expect(readNpy(source)).rejects.toThrow(npyError("its (shape|header)"));
    expect(Math.max(...asked)).toBeLessThanOrEqual(1024);
  });

  it("give a right array or an error of ours, whatever bytes are changed or cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        arrays,
        fc.array(fc.record({ at: fc.nat(), value: fc.nat(255) }), { maxLength: 4 }),
        fc.option(fc.nat()),
        async (array, changes, cut) => {
          const bytes = encodeNpy(array);
          // Most changes hit the header, where there is something to misunderstand.
          for (const { at, value } of changes) bytes[at % Math.min(bytes.length, 90)] = value;
          const file = cut === null ? bytes : bytes.subarray(0, cut % (bytes.length + 1));
          let read: NdArray;
          try {
            read = await readNpy(file);
          } catch (error) {
            expect(isStowageError(error, "ERR_NPY_FORMAT")).toBe(true);
            return;
          }
          // What is accepted says in its header what it holds, and holds it.
          const header = parseNpyHeader(file);
          expect("needed" in header).toBe(false);
          expect(read).toMatchObject({ dtype: read.dtype, shape: "shape" in header ? header.shape : [] });
          expect(read.data.length).toBe(sizeOf(read.shape) * DTYPES[read.dtype].lanes);
          expect(read.data.byteLength).toBeLessThanOrEqual(file.length);
          if (changes.length === 0) expect(equalValues(read, array)).toBe(true);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("are refused within milliseconds, however long their headers are", async () => {
    const hostile = ["'descr'", "'shape':(1,", "'descr':'", "{ ", "(", "1,", " ", "'shape':(1,),"].map(
      (part) => npy(part.repeat(Math.floor(1_000_000 / part.length)), new Uint8Array(0), 2),
    );
    const start = performance.now();
    for (const file of hostile) await expect(readNpy(file)).rejects.toThrow(npyError("its header reads"));
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe("parseNpyHeader", () => {
  it("says how many bytes it needs", () => {
    const file = npy(dict("<f8", "(1,)").padEnd(5000), iota(1));
    expect(parseNpyHeader(file.subarray(0, 4))).toEqual({ needed: 12 });
    expect(parseNpyHeader(file.subarray(0, 1024))).toEqual({ needed: 5010 });
    expect(parseNpyHeader(file)).toEqual({
      dtype: "float64",
      bigEndian: false,
      fortranOrder: false,
      shape: [1],
      dataOffset: 5010,
    });
  });

  it("names the file in its errors", () => {
    expect(() => parseNpyHeader(new Uint8Array(20), "forces.npy")).toThrow(
      "Cannot read forces.npy as .npy: it does not begin with \\x93NUMPY",
    );
  });
});

describe("decodeNpyData", () => {
  it("refuses fewer bytes than the header says", () => {
    const header = {
      dtype: "float64",
      bigEndian: false,
      fortranOrder: false,
      shape: [3],
      dataOffset: 128,
    } as const;
    expect(() => decodeNpyData(header, new Uint8Array(16))).toThrow(
      expect.objectContaining({ code: "ERR_SHAPE" }),
    );
    expect(() => decodeNpyData({ ...header, bigEndian: true }, new Uint8Array(16))).toThrow(
      expect.objectContaining({ code: "ERR_SHAPE" }),
    );
  });
});

describe("writeNpy", () => {
  it("writes what encodeNpy makes, under the final name only when it is whole", () => {
    const folder = temporaryFolder();
    const path = join(folder, "a.npy");
    const array = ndarray(iota64(6), [3, 2]);
    writeNpy(path, array);
    expect(Uint8Array.from(readFileSync(path))).toEqual(encodeNpy(array));
    expect(readdirSync(folder)).toEqual(["a.npy"]);
  });

  it("replaces a file only where that is asked for", () => {
    const path = join(temporaryFolder(), "a.npy");
    writeNpy(path, ndarray(iota64(1)));
    expect(() => writeNpy(path, ndarray(iota64(2)))).toThrow(
      expect.objectContaining({ code: "ERR_FILE_EXISTS" }),
    );
    writeNpy(path, ndarray(iota64(2)), { overwrite: true });
    expect(readFileSync(path)).toHaveLength(144);
  });

  it("leaves nothing behind when it fails", () => {
    const folder = temporaryFolder();
    const array = ndarray(Float64Array.of(7), new Array(65).fill(1));
    expect(() => writeNpy(join(folder, "a.npy"), array)).toThrow(
      expect.objectContaining({ code: "ERR_SHAPE" }),
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});
