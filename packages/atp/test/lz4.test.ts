import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lz4Bound, lz4Compress, lz4Decompress } from "../src/lz4.js";
import { u8 } from "./forged-file.js";
import { freshSeed } from "./seed.js";

const seed = freshSeed("lz4");

/** Runs, repeats and noise, as records have them. */
const content = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .tuple(fc.integer({ min: 0, max: 255 }), fc.nat(700))
        .map(([byte, n]) => new Uint8Array(n).fill(byte)),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.nat(90))
        .map(([unit, n]) => Uint8Array.from({ length: unit.length * n }, (_, i) => unit[i % unit.length]!)),
    ),
    { maxLength: 12 },
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts)));

function compress(source: Uint8Array): Uint8Array {
  const target = new Uint8Array(lz4Bound(source.length));
  return target.slice(0, lz4Compress(source, target));
}

/** Reads a block as the specification has it, and checks what liblz4 demands of its end. */
function readStrictly(block: Uint8Array): Uint8Array {
  const out: number[] = [];
  let at = 0;
  const length = (nibble: number): number => {
    let total = nibble;
    if (nibble === 15) {
      for (let byte = 255; byte === 255; ) {
        byte = block[at++]!;
        total += byte;
      }
    }
    return total;
  };
  let lastMatchStart = Number.NEGATIVE_INFINITY;
  let lastLiterals = 0;
  for (;;) {
    const token = block[at++]!;
    lastLiterals = length(token >> 4);
    for (let i = 0; i < lastLiterals; i++) out.push(block[at++]!);
    if (at === block.length) break;
    expect(at).toBeLessThan(block.length);
    const distance = block[at]! | (block[at + 1]! << 8);
    at += 2;
    expect(distance).toBeGreaterThan(0);
    expect(distance).toBeLessThanOrEqual(out.length);
    lastMatchStart = out.length;
    for (let n = length(token & 15) + 4; n > 0; n--) out.push(out[out.length - distance]!);
  }
  if (lastMatchStart >= 0) {
    expect(lastLiterals).toBeGreaterThanOrEqual(5);
    expect(out.length - lastMatchStart).toBeGreaterThanOrEqual(12);
  }
  return Uint8Array.from(out);
}

test("a block follows the specification, its end too, and comes back", () => {
  fc.assert(
    fc.property(content, (source) => {
      const block = compress(source);
      expect(block.length).toBeLessThanOrEqual(lz4Bound(source.length));
      expect(Buffer.compare(readStrictly(block), source)).toBe(0);
      const back = new Uint8Array(source.length);
      expect([lz4Decompress(block, back), Buffer.compare(back, source)]).toEqual([null, 0]);
    }),
    { seed, numRuns: 1500 },
  );
});

test("blocks at every small size, and about the edges of distance and length, come back", () => {
  const far = new Uint8Array(70_000).map((_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
  const sources = [
    ...Array.from({ length: 300 }, (_, n) => new Uint8Array(n)),
    ...[65_534, 65_535, 65_536, 65_537].map((distance) => {
      const source = far.slice();
      source.copyWithin(distance, 0, 200);
      return source;
    }),
    ...[15, 16, 269, 270, 271, 524, 525, 526].map(
      (n) => new Uint8Array(Buffer.concat([far.subarray(0, n), new Uint8Array(n)])),
    ),
  ];
  for (const source of sources) {
    expect(Buffer.compare(readStrictly(compress(source)), source)).toBe(0);
  }
});

test("what repeats becomes small", () => {
  expect(compress(new Uint8Array(100_000)).length).toBeLessThan(500);
  const forces = new Uint8Array(Float32Array.from({ length: 3000 }, (_, i) => i % 50).buffer);
  expect(compress(forces).length).toBeLessThan(forces.length / 10);
});

describe("bytes that are no block", () => {
  test("are refused in words, and nothing is written past the target", () => {
    let whole = 0;
    fc.assert(
      fc.property(content, fc.infiniteStream(fc.nat()), fc.nat(300), (source, draws, slack) => {
        const block = compress(source);
        for (let i = 0; i <= draws.next().value % 3; i++) {
          if (block.length > 0) block[draws.next().value % block.length] = draws.next().value;
        }
        const cut = block.subarray(
          0,
          block.length - (draws.next().value % 3 === 0 ? draws.next().value % (block.length + 1) : 0),
        );
        const memory = new Uint8Array(source.length + slack).fill(0xa5);
        const target = memory.subarray(0, source.length);
        const wrong = lz4Decompress(cut, target);
        if (wrong === null) whole++;
        else expect(wrong).toMatch(/^(a length|literals run|it holds|a match) /);
        expect(memory.subarray(source.length).every((byte) => byte === 0xa5)).toBe(true);
      }),
      { seed, numRuns: 3000 },
    );
    expect(whole).toBeGreaterThan(50);
  });

  test.each([
    ["no bytes at all", u8(), "it holds 0 bytes"],
    ["literals past the end", u8(0x50, 1, 2), "literals run 3 bytes past its end"],
    ["a length past the end", u8(0xf0, 255, 255), "a length is cut"],
    ["half a distance", u8(0x10, 7, 1), "a match is cut"],
    ["a match before the first byte", u8(0x14, 7, 2, 0), "a match reaches 2 bytes back from byte 1"],
    ["a distance of zero", u8(0x14, 7, 0, 0), "a match reaches 0 bytes back from byte 1"],
    ["more than the index says", u8(0x1f, 7, 1, 0, 255, 255, 0), "it holds more bytes than the index says"],
    ["less than the index says", u8(0x10, 7), "it holds 1 bytes, the index says 20"],
  ])("%s", (_, block, message) => {
    expect(lz4Decompress(block, new Uint8Array(20))).toContain(message);
  });
});
