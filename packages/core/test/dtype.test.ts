import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  allocate,
  DTYPES,
  type DType,
  dtypeOf,
  isDType,
  parseDTypeCode,
  viewElements,
} from "../src/index.js";

const NAMES = Object.keys(DTYPES) as DType[];

describe("the dtype table", () => {
  it("names each dtype by its key, with NumPy's code, kind and size", () => {
    const rows = NAMES.map((name) => {
      const { kind, code, itemSize, lanes, ctor } = DTYPES[name];
      return `${name} ${kind} ${code} ${itemSize} ${lanes} ${ctor.name}`;
    });
    expect(rows).toEqual([
      "bool b |b1 1 1 Uint8Array",
      "int8 i |i1 1 1 Int8Array",
      "int16 i <i2 2 1 Int16Array",
      "int32 i <i4 4 1 Int32Array",
      "int64 i <i8 8 1 BigInt64Array",
      "uint8 u |u1 1 1 Uint8Array",
      "uint16 u <u2 2 1 Uint16Array",
      "uint32 u <u4 4 1 Uint32Array",
      "uint64 u <u8 8 1 BigUint64Array",
      "float16 f <f2 2 1 Uint16Array",
      "float32 f <f4 4 1 Float32Array",
      "float64 f <f8 8 1 Float64Array",
      "complex64 c <c8 8 2 Float32Array",
      "complex128 c <c16 16 2 Float64Array",
    ]);
    expect(NAMES.every((name) => DTYPES[name].name === name)).toBe(true);
  });

  it.each(NAMES)("has %s elements of its size in the array it allocates", (name) => {
    const { itemSize, ctor } = DTYPES[name];
    const data = allocate(name, 3);
    expect(data).toBeInstanceOf(ctor);
    expect(data.byteLength).toBe(3 * itemSize);
    expect(new Uint8Array(data.buffer).every((byte) => byte === 0)).toBe(true);
  });
});

describe("type codes", () => {
  it.each(NAMES)("read %s in each byte order that it has", (name) => {
    const { code, itemSize } = DTYPES[name];
    const kind = code.slice(1);
    const wide = itemSize > 1;
    expect(parseDTypeCode(code)).toEqual({ dtype: name, bigEndian: false });
    expect(parseDTypeCode(`<${kind}`)).toEqual({ dtype: name, bigEndian: false });
    expect(parseDTypeCode(`=${kind}`)).toEqual({ dtype: name, bigEndian: false });
    expect(parseDTypeCode(`>${kind}`)).toEqual({ dtype: name, bigEndian: wide });
    expect(parseDTypeCode(`|${kind}`)).toEqual(wide ? null : { dtype: name, bigEndian: false });
  });

  it.each([
    "",
    "<",
    "f4",
    "<f",
    "<f3",
    "<f16",
    "<U5",
    "|S3",
    "|O",
    "<M8[ns]",
    "|V8",
    "?f4",
    "<f4 ",
    "<I4",
    "<i44",
  ])("read as null where they name no plain number: %j", (code) => {
    expect(parseDTypeCode(code)).toBeNull();
  });

  it("and names that objects inherit are no dtypes", () => {
    expect(NAMES.every(isDType)).toBe(true);
    expect(["constructor", "__proto__", "toString", "float", "Float64", ""].some(isDType)).toBe(false);
  });
});

describe("dtypeOf", () => {
  it("tells the dtype of each typed array that stands for one alone", () => {
    const told = NAMES.map((name) => dtypeOf(allocate(name, 1)));
    const unnamed: Partial<Record<DType, DType>> = {
      bool: "uint8",
      float16: "uint16",
      complex64: "float32",
      complex128: "float64",
    };
    expect(told).toEqual(NAMES.map((name) => unnamed[name] ?? name));
  });

  it("refuses what is no typed array of a dtype", () => {
    const wrong = [new DataView(new ArrayBuffer(8)), new Uint8ClampedArray(1), [1, 2], null, "float64"];
    for (const data of wrong) expect(() => dtypeOf(data as never)).toThrow(TypeError);
    expect(() => dtypeOf([1] as never)).toThrow("Cannot tell the dtype of [object Array]");
  });
});

describe("viewElements", () => {
  it("gives a view where the address is aligned, else a copy, with the same elements either way", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...NAMES),
        fc.nat(24), // where `bytes` begins in its buffer
        fc.nat(24), // where the elements begin in `bytes`
        fc.nat(5),
        (dtype, base, byteOffset, length) => {
          const { ctor, itemSize, lanes } = DTYPES[dtype];
          const buffer = Uint8Array.from({ length: 200 }, (_, i) => (i * 37) % 251).buffer;
          const bytes = new Uint8Array(buffer, base);
          const elements = viewElements(dtype, bytes, byteOffset, length);
          const aligned = (base + byteOffset) % ctor.BYTES_PER_ELEMENT === 0;
          expect(elements.buffer === buffer).toBe(aligned);
          expect(elements.length).toBe(length * lanes);
          const seen = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
          expect(seen).toEqual(bytes.slice(byteOffset, byteOffset + length * itemSize));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("shows writes to the bytes in a view, not in a copy", () => {
    const bytes = new Uint8Array(24);
    const view = viewElements("float64", bytes, 8, 1);
    const copy = viewElements("float64", bytes, 9, 1);
    bytes.fill(0x3f);
    expect(view[0]).not.toBe(0);
    expect(copy[0]).toBe(0);
  });

  it("never reaches past the bytes it was given, not even where their buffer goes on", () => {
    const bytes = new Uint8Array(new ArrayBuffer(64), 8, 16);
    expect(viewElements("float64", bytes, 0, 2)).toHaveLength(2);
    const outside: [number, number][] = [
      [0, 3],
      [8, 2],
      [1, 2],
      [16, 1],
      [-8, 1],
      [0, -1],
      [Number.NaN, 1],
      [0, 2 ** 52],
    ];
    for (const [byteOffset, length] of outside) {
      expect(() => viewElements("float64", bytes, byteOffset, length)).toThrow(
        expect.objectContaining({ code: "ERR_SHAPE" }),
      );
    }
  });
});
