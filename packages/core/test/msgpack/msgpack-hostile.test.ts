import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeValue, encodeValue, isStowageError, type Value } from "../../src/index.js";
import { int64, ndarray, scalar } from "../../src/nd-array.js";
import { exactValue } from "./arbitrary-value.js";

const bytesOfHex = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ""), "hex"));
const hexOf = (text: string) => Buffer.from(text).toString("hex");
const key = (text: string) => `c4${text.length.toString(16).padStart(2, "0")}${hexOf(text)}`;
const text = (value: string) => (0xa0 + value.length).toString(16) + hexOf(value);
const numpy = (type: string, shape: string, data: string, kind = "c400") =>
  `85${key("nd")}c3${key("type")}${type}${key("kind")}${kind}${key("shape")}${shape}${key("data")}${data}`;

/** The error code, `null` where the bytes are a value. Anything else that is thrown fails the test. */
function outcome(bytes: Uint8Array): string | null {
  try {
    decodeValue(bytes);
    return null;
  } catch (error) {
    if (isStowageError(error)) return error.code;
    throw error;
  }
}

const VALUES: Value[] = [
  { "info.name": "water", list: [1, int64(-70000), true, null, scalar(2, "float16")] },
  ndarray(new Float64Array(30), [10, 3]),
  { dtype: "complex128", shape: [], data: Float64Array.of(1.5, -2) },
  [scalar(2n ** 63n, "uint64"), "x".repeat(300)],
];

describe("damaged bytes", () => {
  it("are refused when cut at any byte, and when more follows", () => {
    for (const value of VALUES) {
      const bytes = encodeValue(value);
      for (let length = 0; length < bytes.length; length++) {
        expect(outcome(bytes.subarray(0, length))).toBe("ERR_MSGPACK");
        // The rest lies behind the end, in the same memory: it must not be read.
        expect(() => decodeValue(bytes, { byteLength: length })).toThrow(/expected/);
      }
      expect(outcome(Uint8Array.from([...bytes, 0xc0]))).toBe("ERR_MSGPACK");
    }
  });

  it("give a value or a StowageError, whatever they are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(typeof outcome(bytes)).toMatch(/string|object/);
      }),
      { numRuns: 3000 },
    );
  });

  it("give a value or a StowageError where any byte of a sound value was changed", () => {
    fc.assert(
      fc.property(exactValue, fc.nat(), fc.nat(255), (value, at, byte) => {
        const bytes = encodeValue(value);
        bytes[at % bytes.length] = byte;
        expect(typeof outcome(bytes)).toMatch(/string|object/);
      }),
      { numRuns: 3000 },
    );
    const bytes = encodeValue(VALUES[1]!);
    const outcomes = new Set<string | null>();
    for (let at = 0; at < 60; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const changed = bytes.slice();
        changed[at] = byte;
        outcomes.add(outcome(changed));
      }
    }
    expect(outcomes).toEqual(new Set([null, "ERR_MSGPACK", "ERR_UNSUPPORTED"]));
  });

  it.each<[string, string]>([
    ["a list of 2^32 - 1", "dd ffffffff c0"],
    ["a map of 2^31", "df 80000000 a161 c0"],
    ["text of 4 GB", "db ffffffff 61"],
    ["bytes of 4 GB", "c6 ffffffff 61"],
    ["a byte that msgpack never writes", "c1"],
    ["text that is not UTF-8", "a1 ff"],
    ["long text that is not UTF-8", `d920${"ff".repeat(32)}`],
    ["half a surrogate pair in UTF-8", "a3 eda080"],
    ["a key given twice", "82 a161 c0 a161 c0"],
    ["an array too short for its shape", numpy(text("<f8"), "920203", "c400")],
    ["an array too long for its shape", numpy(text("|u1"), "9101", "c4020000")],
    ["a shape of no finite size", numpy(text("<f8"), `92${"cfffffffffffffffff".repeat(2)}`, "c400")],
    ["an extent past 2^53", numpy(text("<f8"), "92cf002000000000000100", "c400")],
    ["a negative extent", numpy(text("|u1"), "92ffff", "c40100")],
    ["extents that are floats", numpy(text("|u1"), "91cb3ff0000000000000", "c40100")],
    ["a shape that is no list", numpy(text("|u1"), "01", "c40100")],
    ["65 dimensions", numpy(text("|u1"), `dc0041${"01".repeat(65)}`, "c40100")],
    ["data that is text", numpy(text("|u1"), "9101", "a161")],
    ["very many empty lists", numpy(text("<U1"), "92ce4000000000", "c400")],
    ["very many empty strings", numpy(text("<U0"), "91ce40000000", "c400")],
    ["a code point past Unicode", numpy(text("<U1"), "9101", "c404ffffffff")],
    ["a surrogate among code points", numpy(text("<U1"), "9101", "c40400d80000")],
    ["records without fields", numpy(text("<f8"), "9101", "c40100", "c40156")],
    ["a complex number that is none", `82${key("complex")}c3${key("data")}${text("1+j2")}`],
    ["a complex number that is a list", `82${key("complex")}c3${key("data")}90`],
  ])("with %s are refused", (_name, hex) => {
    expect(outcome(bytesOfHex(hex))).toBe("ERR_MSGPACK");
  });

  it("of lists within lists end at 512 of them", () => {
    expect(outcome(new Uint8Array(1_000_000).fill(0x91))).toBe("ERR_MSGPACK");
    expect(outcome(new Uint8Array(513).fill(0x91).fill(0xc0, 512))).toBe(null);
    expect(outcome(new Uint8Array(514).fill(0x91).fill(0xc0, 513))).toBe("ERR_MSGPACK");
  });

  it("say where they are damaged", () => {
    try {
      decodeValue(bytesOfHex("92 c0 c1"));
      expect.unreachable();
    } catch (error) {
      if (!isStowageError(error, "ERR_MSGPACK")) throw error;
      expect(error.details.byteOffset).toBe(2);
      expect(error.message).toContain("at byte 2 expected a value, found the byte 0xc1");
    }
  });
});

describe("what is no value of a row", () => {
  it.each<[string, string, string]>([
    ["an extension type", "d4 01 00", "ERR_UNSUPPORTED"],
    ["a timestamp", "d6 ff 00000000", "ERR_UNSUPPORTED"],
    ["an integer for a key", "81 01 c0", "ERR_UNSUPPORTED"],
    ["a list for a key", "81 90 c0", "ERR_UNSUPPORTED"],
    ["dates", numpy(text("<M8[D]"), "9101", "c4080000000000000000"), "ERR_UNSUPPORTED"],
    ["long doubles", numpy(text("<f16"), "9101", `c410${"00".repeat(16)}`), "ERR_UNSUPPORTED"],
    ["a pickle", numpy(`9192a0${text("|O")}`, "9101", "c4028003", "c4014f"), "ERR_PICKLE"],
  ])("is refused by name: %s", (_name, hex, code) => {
    expect(outcome(bytesOfHex(hex))).toBe(code);
  });

  it("is not written either", () => {
    const code = (value: unknown): string => {
      try {
        encodeValue(value as Value);
      } catch (error) {
        return isStowageError(error) ? error.code : (error as Error).name;
      }
      return "none";
    };
    const itself: Value[] = [];
    itself.push(itself);
    expect(code(itself)).toBe("ERR_UNSUPPORTED");
    expect(() => encodeValue(itself, { textArrays: true })).toThrow(/contains itself/);
    expect(code(ndarray(new Float32Array(1), new Array<number>(65).fill(1)))).toBe("ERR_SHAPE");
    expect(code(2n ** 64n)).toBe("ERR_DTYPE");
    expect(code(-(2n ** 63n) - 1n)).toBe("ERR_DTYPE");
    expect(code("\ud800")).toBe("ERR_DTYPE");
    expect(code({ "\udc00": 1 })).toBe("ERR_DTYPE");
    expect(code({ dtype: "float64", shape: [3], data: new Float64Array(2) })).toBe("ERR_SHAPE");
    expect(code(undefined)).toBe("TypeError");
    expect(code({ key: Symbol("no value") })).toBe("TypeError");
    expect(code([() => 1])).toBe("TypeError");
  });

  it("is a range outside the bytes", () => {
    for (const options of [{ byteOffset: 2 }, { byteLength: 2 }, { byteOffset: -1 }]) {
      expect(() => decodeValue(Uint8Array.of(0xc0), options)).toThrow(/there are 1/);
    }
  });
});
