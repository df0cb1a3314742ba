import fc from "fast-check";
import { expect, test } from "vitest";
import { zstdBound, zstdCompress, zstdDecompress } from "../src/zstd.js";
import { freshSeed } from "./seed.js";

const seed = freshSeed("zstd");

function compress(source: Uint8Array, level = 3): Uint8Array {
  const target = new Uint8Array(zstdBound(source.length));
  return target.slice(0, zstdCompress(source, target, level));
}

test("frames of any level come back, and have their content size and no checksum", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 5000 }),
      fc.constantFrom(-100, -5, 0, 1, 3, 19, 22, 99),
      (source, level) => {
        const frame = compress(source, level);
        expect(Buffer.from(frame.subarray(0, 4)).toString("hex")).toBe("28b52ffd");
        expect(frame[4]! & 0b0010_0100).toBe(0b0010_0000); // single segment, which implies a content size; no checksum
        const back = new Uint8Array(source.length);
        expect([zstdDecompress(frame, back), Buffer.compare(back, source)]).toEqual([null, 0]);
      },
    ),
    { seed, numRuns: 200 },
  );
});

test("records of many megabytes come back, and small ones after them", () => {
  for (const length of [20 << 20, 10, 40 << 20, 1]) {
    const source = new Uint8Array(length).map((_, i) => (i >> 10) ^ i);
    const back = new Uint8Array(length);
    expect([zstdDecompress(compress(source, 1), back), Buffer.compare(back, source)]).toEqual([null, 0]);
  }
});

test("bytes that are no frame of the right size are refused in words", () => {
  const source = Uint8Array.from({ length: 500 }, (_, i) => i % 50);
  const frame = compress(source);
  for (const length of [0, 499, 501])
    expect(zstdDecompress(frame, new Uint8Array(length))).toMatch(/zstd refuses|it holds/);
  for (let cut = 0; cut < frame.length; cut++) {
    expect(zstdDecompress(frame.subarray(0, cut), new Uint8Array(500))).not.toBeNull();
  }
  let refused = 0;
  fc.assert(
    fc.property(fc.nat(frame.length - 1), fc.nat(255), (at, byte) => {
      const bad = frame.slice();
      bad[at] = byte;
      if (zstdDecompress(bad, new Uint8Array(500)) !== null) refused++;
    }),
    { seed, numRuns: 1000 },
  );
  expect(refused).toBeGreaterThan(100);
  expect(zstdDecompress(frame, source.slice())).toBeNull(); // what went wrong before leaves no trace
});
