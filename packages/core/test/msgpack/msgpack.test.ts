import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeValue, type EncodeOptions, encodeValue, ValueEncoder } from "../../src/index.js";
import { float64, int64, type NdArray, ndarray, scalar } from "../../src/nd-array.js";
import { equalValues, type Value } from "../../src/row.js";
import { array, exactValue } from "./arbitrary-value.js";

const bytesOfHex = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ""), "hex"));
const key = (text: string) => `c4${text.length.toString(16).padStart(2, "0")}${hexOf(text)}`;
const hexOf = (text: string) => Buffer.from(text).toString("hex");
const encoded = (value: Value, options?: EncodeOptions) =>
  Buffer.from(encodeValue(value, options)).toString("hex");
const decoded = (hex: string) => decodeValue(bytesOfHex(hex));
const complex = (real: number, imaginary: number): NdArray => ({
  dtype: "complex128",
  shape: [],
  data: Float64Array.of(real, imaginary),
});

/** An array's map as msgpack-numpy writes it. */
function arrayHex(type: string, kind: string, shape: string, data: string): string {
  const size = (data.length / 2).toString(16).padStart(2, "0");
  return `85 ${key("nd")} c3 ${key("type")} ${type} ${key("kind")} ${kind} ${key("shape")} ${shape} ${key("data")} c4 ${size} ${data}`.replaceAll(
    " ",
    "",
  );
}
const text = (value: string) => (0xa0 + value.length).toString(16) + hexOf(value);

describe("plain values", () => {
  it.each<[string, Value, string]>([
    ["null", null, "c0"],
    ["true", true, "c3"],
    ["0.0", 0, "cb0000000000000000"],
    ["-0.0", -0, "cb8000000000000000"],
    ["NaN", Number.NaN, "cb7ff8000000000000"],
    ["infinity", Number.POSITIVE_INFINITY, "cb7ff0000000000000"],
    ["1.5", 1.5, "cb3ff8000000000000"],
    ["int 0", int64(0), "00"],
    ["int 127", int64(127), "7f"],
    ["int 128", int64(128), "cc80"],
    ["int 256", int64(256), "cd0100"],
    ["int 65536", int64(65536), "ce00010000"],
    ["int 2^32", int64(2 ** 32), "cf0000000100000000"],
    ["the largest int64", int64(2n ** 63n - 1n), "cf7fffffffffffffff"],
    ["the largest uint64", scalar(2n ** 64n - 1n, "uint64"), "cfffffffffffffffff"],
    ["int -1", int64(-1), "ff"],
    ["int -32", int64(-32), "e0"],
    ["int -33", int64(-33), "d0df"],
    ["int -129", int64(-129), "d1ff7f"],
    ["int -32769", int64(-32769), "d2ffff7fff"],
    ["int -2^31 - 1", int64(-(2 ** 31) - 1), "d3ffffffff7fffffff"],
    ["the smallest int64", int64(-(2n ** 63n)), "d38000000000000000"],
    ["text", "Å", "a2c385"],
    ["text of 32 bytes", "a".repeat(32), `d920${"61".repeat(32)}`],
    ["text of 256 bytes", "a".repeat(256), `da0100${"61".repeat(256)}`],
    ["a list", [null, [false]], "92c091c2"],
    ["an object", { a: null, __proto: "x" }, "82a161c0a75f5f70726f746fa178"],
    ["a list of 16", new Array<Value>(16).fill(null), `dc0010${"c0".repeat(16)}`],
  ])("%s", (_name, value, hex) => {
    expect(encoded(value)).toBe(hex);
    expect(equalValues(decoded(hex), value)).toBe(true);
  });

  it("reads what a longer form holds, and single floats as the numbers they are", () => {
    expect(decoded("d3 00000000 00000005")).toEqual(int64(5));
    expect(decoded("d0 05")).toEqual(int64(5));
    expect(decoded("ca 3dcccccd")).toBe(Math.fround(0.1));
    expect(decoded("df 00000001 db 00000001 61 dd 00000000")).toEqual({ a: [] });
  });

  it("reads bytes as a uint8 array", () => {
    expect(decoded("c403000102")).toEqual(ndarray(Uint8Array.of(0, 1, 2)));
  });

  it("takes a bigint for an integer, and an own key named __proto__ for a key", () => {
    expect(encoded(5n)).toBe("05");
    const map = decoded("81 a9 5f5f70726f746f5f5f c0") as Record<string, Value>;
    expect(Object.keys(map)).toEqual(["__proto__"]);
    expect(encoded(map)).toBe("81a95f5f70726f746f5f5fc0");
  });
});

describe("NumPy values", () => {
  const floats = ndarray(Float64Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
  const floatHex = Buffer.from(floats.data.buffer).toString("hex");

  it("writes and reads an array as msgpack-numpy lays it out", () => {
    const hex = arrayHex(text("<f8"), "c400", "920203", floatHex);
    expect(hex.startsWith("85c4026e64c3c40474797065a33c6638c4046b696e64c400c405736861706592")).toBe(true);
    expect(encoded(floats)).toBe(hex);
    expect(decoded(hex)).toEqual(floats);
  });

  it("reads keys in another order, without kind, 0-d arrays, and big-endian elements", () => {
    expect(
      decoded(
        `84 ${key("data")} c4020102 ${key("shape")} 9102 ${key("type")} ${text("|u1")} ${key("nd")} c3`,
      ),
    ).toEqual(ndarray(Uint8Array.of(1, 2)));
    expect(decoded(arrayHex(text(">i2"), "c400", "9102", "01020304"))).toEqual(
      ndarray(Int16Array.of(0x102, 0x304)),
    );
    expect(decoded(arrayHex(text(">c8"), "c400", "9101", "3f80000040000000"))).toEqual(
      ndarray(Float32Array.of(1, 2), [1], "complex64"),
    );
    expect(decoded(arrayHex(text("<i4"), "c400", "90", "05000000"))).toEqual(scalar(5, "int32"));
    expect(decoded(arrayHex(text("<f8"), "c400", "90", "000000000000f83f"))).toBe(1.5);
  });

  it("writes scalars that Python has no type for as NumPy scalars", () => {
    const hex = `83${key("nd")}c2${key("type")}${text("<f4")}${key("data")}c4040000c03f`;
    expect(encoded(scalar(1.5, "float32"))).toBe(hex);
    expect(decoded(hex)).toEqual(scalar(1.5, "float32"));
    expect(equalValues(decodeValue(encodeValue(scalar(7, "uint64"))), scalar(7, "uint64"))).toBe(true);
    expect(encoded(float64(3))).toBe("cb4008000000000000");
    expect(decoded(`83${key("nd")}c2${key("type")}${text("<i8")}${key("data")}c4080500000000000000`)).toEqual(
      int64(5),
    );
  });

  it.each<[string, number, number]>([
    ["(1.5-2j)", 1.5, -2],
    ["-2j", 0, -2],
    ["(-0-2j)", -0, -2],
    ["(nan-0j)", Number.NaN, -0],
    ["(-inf+nanj)", Number.NEGATIVE_INFINITY, Number.NaN],
    ["1e-05j", 0, 1e-5],
    ["(0.0001+1e+16j)", 0.0001, 1e16],
    ["(1234567890123456+1.7976931348623157e+308j)", 1234567890123456, Number.MAX_VALUE],
    ["(5e-324-12.25j)", 5e-324, -12.25],
  ])("writes and reads the complex number %s", (repr, real, imaginary) => {
    const size = repr.length < 32 ? (0xa0 + repr.length).toString(16) : `d9${repr.length.toString(16)}`;
    const hex = `82${key("complex")}c3${key("data")}${size}${hexOf(repr)}`;
    expect(equalValues(decoded(hex), complex(real, imaginary))).toBe(true);
    expect(encoded(complex(real, imaginary))).toBe(hex);
  });

  it("reads text arrays as lists nested by their shape", () => {
    const wide = (value: string) => Array.from(value, (character) => `${hexOf(character)}000000`).join("");
    expect(decoded(arrayHex(text("<U2"), "c400", "9102", `${wide("H2")}${wide("O\0")}`))).toEqual([
      "H2",
      "O",
    ]);
    expect(decoded(arrayHex(text(">U1"), "c400", "9101", "0001f600"))).toEqual(["😀"]);
    expect(decoded(arrayHex(text("|S2"), "c400", "920201", "41004243"))).toEqual([["A"], ["BC"]]);
    expect(decoded(arrayHex(text("<U3"), "c400", "920200", ""))).toEqual([[], []]);
    expect(decoded(arrayHex(text("|S0"), "c400", "9102", ""))).toEqual(["", ""]);
  });

  it("writes lists of text as text arrays if asked to", () => {
    const list = [
      ["H", "Å😀"],
      ["", "C"],
    ];
    const bytes = encodeValue(list, { textArrays: true });
    expect(Buffer.from(bytes).toString("latin1")).toContain("<U2");
    expect(decodeValue(bytes)).toEqual(list);
    for (const other of [[], [[]], ["a", ["b"]], [["a"], ["b", "c"]], ["a\0"], ["a", null]]) {
      expect(encoded(other, { textArrays: true })).toBe(encoded(other));
    }
  });

  it("keeps records as their map and writes them back byte for byte", () => {
    const field = (name: string, type: string) => `92${text(name)}${text(type)}`;
    const nested = `93${text("p")}${text("<f4")}9102`;
    const type = `93${field("a", "<i4")}92${text("b")}91${field("x", "|u1")}${nested}`;
    const hex = arrayHex(type, "c40156", "9101", "0500000009000000000000803f");
    const value = decoded(hex) as Record<string, Value>;
    expect(Object.keys(value)).toEqual(["nd", "type", "kind", "shape", "data"]);
    expect(value.kind).toBe("V");
    expect(encoded(value)).toBe(hex);
  });

  it("takes only maps with bytes for keys for NumPy's, as msgpack-numpy does", () => {
    expect(decoded(`81${text("nd")}c3`)).toEqual({ nd: true });
    expect(decoded(`81${key("nd")}c3`)).toEqual({ nd: true });
    expect(decoded(`82${text("complex")}c3${text("data")}${text("x")}`)).toEqual({
      complex: true,
      data: "x",
    });
    expect(decoded(`81${key("a")}c3`)).toEqual({ a: true });
  });
});

describe("any value", () => {
  it("comes back to the bit", () => {
    fc.assert(
      fc.property(exactValue, (value) => {
        expect(equalValues(decodeValue(encodeValue(value)), value)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("comes back from any place in a larger buffer, as a view or as a copy", () => {
    fc.assert(
      fc.property(array, fc.nat(9), fc.boolean(), (value, offset, copy) => {
        const bytes = encodeValue(value);
        const larger = new Uint8Array(bytes.length + offset + 3).fill(0xff);
        larger.set(bytes, offset);
        const options = { byteOffset: offset, byteLength: bytes.length, copy };
        const back = decodeValue(larger, options) as NdArray;
        expect(equalValues(back, value)).toBe(true);
        expect(
          equalValues(decodeValue(larger.subarray(offset, offset + bytes.length), { copy }), value),
        ).toBe(true);
        if (copy) {
          larger.fill(0xee);
          expect(equalValues(back, value)).toBe(true);
        }
      }),
    );
  });

  it("is appended to others in one buffer; what fails leaves nothing", () => {
    const encoder = new ValueEncoder();
    const values: Value[] = [1, "water", ndarray(new Float32Array(1000)), [int64(3)]];
    const starts = values.map((value) => encoder.append(value));
    expect(() => encoder.append([1, 2n ** 70n])).toThrow(/64 bits/);
    starts.push(encoder.byteLength);
    const bytes = encoder.bytes();
    expect(encoder.capacity).toBeGreaterThanOrEqual(bytes.length);
    for (const [i, value] of values.entries()) {
      const byteLength = starts[i + 1]! - starts[i]!;
      expect(equalValues(decodeValue(bytes, { byteOffset: starts[i]!, byteLength }), value)).toBe(true);
    }
    encoder.clear();
    expect(encoder.append(null)).toBe(0);
    expect([...encoder.bytes()]).toEqual([0xc0]);
  });
});
