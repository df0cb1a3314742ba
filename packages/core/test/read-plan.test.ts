import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planReads } from "../src/index.js";

const ranges = fc.array(fc.record({ from: fc.nat(2000), length: fc.nat(300) }), { maxLength: 60 });
const limits = fc.record({ gap: fc.nat(200), maxBytes: fc.nat(1000) });

describe("planReads", () => {
  it("puts every range into exactly one read that contains it, in file order", () => {
    fc.assert(
      fc.property(ranges, limits, (wanted, options) => {
        const plan = planReads(
          wanted.map(({ from }) => from),
          wanted.map(({ length }) => length),
          options,
        );
        const members = plan.flatMap((read) => read.members);
        expect([...members].sort((a, b) => a - b)).toEqual(wanted.map((_, i) => i));
        for (const { byteOffset, byteLength, members } of plan) {
          for (const member of members) {
            const { from, length } = wanted[member]!;
            expect(from).toBeGreaterThanOrEqual(byteOffset);
            expect(from + length).toBeLessThanOrEqual(byteOffset + byteLength);
          }
          // A read begins and ends with a range: nothing is read beyond what was asked for.
          expect(Math.min(...members.map((m) => wanted[m]!.from))).toBe(byteOffset);
          expect(Math.max(...members.map((m) => wanted[m]!.from + wanted[m]!.length))).toBe(
            byteOffset + byteLength,
          );
        }
        const starts = members.map((member) => wanted[member]!.from);
        expect(starts).toEqual([...starts].sort((a, b) => a - b));
      }),
      { numRuns: 500 },
    );
  });

  it("reads over gaps no wider than allowed, and grows no longer than allowed", () => {
    fc.assert(
      fc.property(ranges, limits, (wanted, { gap, maxBytes }) => {
        const plan = planReads(
          wanted.map(({ from }) => from),
          wanted.map(({ length }) => length),
          { gap, maxBytes },
        );
        for (const { byteLength, members } of plan) {
          expect(members.length === 1 || byteLength <= maxBytes).toBe(true);
          let end = Number.NaN;
          for (const member of members) {
            const { from, length } = wanted[member]!;
            expect(from > end + gap).toBe(false);
            end = Math.max(Number.isNaN(end) ? 0 : end, from + length);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it("joins neighbours by default up to 4 KiB apart", () => {
    expect(planReads([0, 4196, 9000], [100, 100, 10])).toEqual([
      { byteOffset: 0, byteLength: 4296, members: [0, 1] },
      { byteOffset: 9000, byteLength: 10, members: [2] },
    ]);
  });

  it("takes ranges in any order, twice, nested or empty", () => {
    expect(planReads([50, 0, 50, 10, 20], [10, 100, 10, 0, 30], { gap: 0 })).toEqual([
      { byteOffset: 0, byteLength: 100, members: [1, 3, 4, 0, 2] },
    ]);
    expect(planReads([], [])).toEqual([]);
    expect(planReads([5], [0])).toEqual([{ byteOffset: 5, byteLength: 0, members: [0] }]);
  });

  it("gives one range that is longer than a read may be a read of its own", () => {
    expect(planReads([0, 10, 3000], [10, 2000, 10], { gap: 4000, maxBytes: 100 })).toEqual([
      { byteOffset: 0, byteLength: 10, members: [0] },
      { byteOffset: 10, byteLength: 2000, members: [1] },
      { byteOffset: 3000, byteLength: 10, members: [2] },
    ]);
  });

  it("fills a read up to the last byte it may have", () => {
    expect(planReads([0, 50], [50, 50], { maxBytes: 100 })).toHaveLength(1);
    expect(planReads([0, 50], [50, 51], { maxBytes: 100 })).toHaveLength(2);
    expect(planReads([0, 60], [50, 10], { gap: 10 })).toHaveLength(1);
    expect(planReads([0, 61], [50, 10], { gap: 10 })).toHaveLength(2);
  });

  it("takes places beyond 4 GiB from typed arrays", () => {
    const [read] = planReads(Float64Array.of(2 ** 40 + 8, 2 ** 40), Uint32Array.of(8, 8));
    expect(read).toEqual({ byteOffset: 2 ** 40, byteLength: 16, members: [1, 0] });
  });
});
