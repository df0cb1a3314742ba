import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyFromBytes, keyToBytes } from "../src/index.js";

const seed = Number(process.env.STOWAGE_SEED ?? Date.now() % 2 ** 31);
console.log(`keys as bytes: seed ${seed}`);

describe("keys as bytes", () => {
  it("are UTF-8", () => {
    expect(keyToBytes("calc.énergie ⚛ 𝄞")).toEqual(new TextEncoder().encode("calc.énergie ⚛ 𝄞"));
    expect(keyFromBytes(new TextEncoder().encode("calc.énergie ⚛ 𝄞"))).toBe("calc.énergie ⚛ 𝄞");
    expect(keyFromBytes(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe("\ufeffa");
  });

  it("keep bytes that are no UTF-8, as Python's surrogateescape does", () => {
    // Python: bytes([0x61, 0xe9, 0xc3, 0xa9, 0xff, 0xe2, 0x82]).decode("utf-8", "surrogateescape")
    const bytes = Uint8Array.of(0x61, 0xe9, 0xc3, 0xa9, 0xff, 0xe2, 0x82);
    expect(keyFromBytes(bytes)).toBe("a\udce9é\udcff\udce2\udc82");
    expect(keyToBytes("a\udce9é\udcff\udce2\udc82")).toEqual(bytes);
  });

  it("tell any two keys apart", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc
        .array(fc.constantFrom(0x61, 0x80, 0xa9, 0xc3, 0xe2, 0x82, 0xac, 0xf0, 0x9d, 0xed, 0xff))
        .map((list) => Uint8Array.from(list)),
    );
    fc.assert(
      fc.property(bytes, (original) => {
        expect(keyToBytes(keyFromBytes(original))).toEqual(Uint8Array.from(original));
      }),
      { seed, numRuns: 500 },
    );
  });

  it.each(["\ud800", "a\udc00", "\udcc3\udca9"])("refuse surrogates that stand for no byte: %j", (key) => {
    expect(() => keyToBytes(key)).toThrow(expect.objectContaining({ code: "ERR_ROW", details: { key } }));
  });
});
