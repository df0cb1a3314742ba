import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { slabAllocate } from "../src/index.js";

describe("slabAllocate", () => {
  it("gives aligned, zeroed places of which no two overlap", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5000), { minLength: 1, maxLength: 200 }), (lengths) => {
        const places = lengths.map((byteLength) => {
          const { buffer, byteOffset } = slabAllocate(byteLength);
          expect(byteOffset % 8).toBe(0);
          return new Uint8Array(buffer, byteOffset, byteLength);
        });
        expect(places.every((place) => place.every((byte) => byte === 0))).toBe(true);
        for (const [i, place] of places.entries()) place.fill(i + 1);
        expect(places.every((place, i) => place.every((byte) => byte === ((i + 1) & 0xff)))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it("shares one block among small arrays and gives large ones their own", () => {
    const buffers = new Set(Array.from({ length: 100 }, () => slabAllocate(100).buffer));
    expect(buffers.size).toBeLessThanOrEqual(2);
    const large = slabAllocate(100_000);
    expect(large.byteOffset).toBe(0);
    expect(large.buffer.byteLength).toBe(100_000);
  });
});
