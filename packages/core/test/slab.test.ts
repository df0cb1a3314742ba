import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { slabAllocate, slabAllocateUnset } from "../src/index.js";

const lengthLists = fc.array(fc.nat(5000), { minLength: 1, maxLength: 200 });

describe.each([
  ["slabAllocate", slabAllocate],
  ["slabAllocateUnset", slabAllocateUnset],
])("%s", (_, allocate) => {
  function place(length: number): Uint8Array {
    const { buffer, byteOffset } = allocate(length);
    expect(byteOffset % 8).toBe(0);
    return new Uint8Array(buffer, byteOffset, length);
  }

  it("gives aligned places of which no two overlap", () => {
    fc.assert(
      fc.property(lengthLists, (lengths) => {
        const places = lengths.map(place);
        for (const [i, each] of places.entries()) each.fill(i + 1);
        expect(places.every((each, i) => each.every((byte) => byte === ((i + 1) & 0xff)))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it("shares one block among small arrays and gives large ones their own", () => {
    const buffers = new Set(Array.from({ length: 100 }, () => allocate(100).buffer));
    expect(buffers.size).toBeLessThanOrEqual(2);
    const large = allocate(100_000);
    expect(large.byteOffset).toBe(0);
    expect(large.buffer.byteLength).toBe(100_000);
  });
});

it("slabAllocate gives zeros, whatever was written to the places before", () => {
  fc.assert(
    fc.property(lengthLists, (lengths) => {
      for (const length of lengths) {
        const { buffer, byteOffset } = slabAllocate(length);
        const bytes = new Uint8Array(buffer, byteOffset, length);
        expect(bytes.every((byte) => byte === 0)).toBe(true);
        bytes.fill(255);
      }
    }),
    { numRuns: 20 },
  );
});

it.each([
  ["no Buffer", undefined],
  [
    "a Buffer that shares larger memory",
    Object.assign(() => {}, {
      allocUnsafeSlow: (length: number) => new Uint8Array(new ArrayBuffer(2 * length + 8), 8, length),
    }),
  ],
])("slabAllocateUnset works with %s, as browsers have", (_, stand) => {
  vi.stubGlobal("Buffer", stand);
  try {
    const { buffer, byteOffset } = slabAllocateUnset(100_000);
    expect([buffer.byteLength, byteOffset]).toEqual([100_000, 0]);
  } finally {
    vi.unstubAllGlobals();
  }
});
