import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { barOf, renderHistogram } from "../src/render/histogram.js";
import { displayWidth } from "../src/render/width.js";
import { StreamingHistogram } from "../src/streaming-histogram.js";

function histogramOf(values: Iterable<number>): StreamingHistogram {
  const histogram = new StreamingHistogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

describe("barOf", () => {
  test("draws to an eighth of a column", () => {
    expect([0, 0.25, 0.5, 1].map((share) => barOf(share, 2))).toEqual(["", "▌", "█", "██"]);
  });
  test("never draws something as nothing", () => {
    expect(barOf(1e-9, 40)).toBe("▏");
  });
});

describe("renderHistogram", () => {
  test("aligns labels and counts, and fills the room with the largest", () => {
    const lines = renderHistogram(
      [
        { label: "3", count: 1200 },
        { label: "10", count: 600 },
        { label: "11", count: 0 },
      ],
      30,
    );
    expect(lines).toEqual(["   3  1,200  █████████████████", "  10    600  ████████▌", "  11      0"]);
  });
  test("fits any width", () => {
    for (const width of [40, 60, 80, 200]) {
      const lines = renderHistogram([{ label: "-4.50 … -4.45", count: 123456 }], width);
      expect(displayWidth(lines[0]!)).toBeLessThanOrEqual(width);
    }
  });
});

describe("StreamingHistogram", () => {
  test("is empty without values", () => {
    expect(histogramOf([]).bins(10)).toEqual([]);
  });
  test("gives each of a few whole numbers its own bin, and gaps their empty ones", () => {
    expect(histogramOf([3, 5, 5]).bins(10, { integers: true })).toEqual([
      { from: 3, to: 4, count: 1 },
      { from: 4, to: 5, count: 0 },
      { from: 5, to: 6, count: 2 },
    ]);
  });
  test("uses round widths", () => {
    const bins = histogramOf([-0.07, 0.01, 0.06, 0.11]).bins(10);
    expect(bins[0]).toEqual({ from: -0.08, to: -0.06, count: 1 });
    expect(bins.at(-1)).toEqual({ from: 0.1, to: 0.12, count: 1 });
  });
  test("holds equal values in one bin", () => {
    expect(
      histogramOf([-4.25, -4.25, -4.25])
        .bins(10)
        .map(({ count }) => count),
    ).toEqual([3]);
    expect(
      histogramOf([0, 0])
        .bins(10)
        .map(({ count }) => count),
    ).toEqual([2]);
  });
  test("counts the same as sorting all values does, however many and however far apart", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), {
          minLength: 1,
          maxLength: 30,
        }),
        fc.integer({ min: 1, max: 40 }),
        (seeds, spread) => {
          // Lists of more than eight give more distinct values than are kept one by one.
          const values = seeds.flatMap((seed) =>
            Array.from({ length: 500 }, (_, i) => seed + (i * i) / spread),
          );
          const histogram = histogramOf(values);
          const bins = histogram.bins(10);
          expect(bins.length).toBeLessThanOrEqual(10);
          expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(values.length);
          expect([histogram.min, histogram.max]).toEqual([
            values.reduce((a, b) => Math.min(a, b)),
            values.reduce((a, b) => Math.max(a, b)),
          ]);
          for (const { from, to, count } of bins) {
            const width = to - from;
            const certain = values.filter((v) => v > from + width / 1e6 && v < to - width / 1e6).length;
            const possible = values.filter((v) => v >= from - width / 1e6 && v <= to + width / 1e6).length;
            expect(count).toBeGreaterThanOrEqual(certain);
            expect(count).toBeLessThanOrEqual(possible);
          }
        },
      ),
      { seed: 20261121, numRuns: 40 },
    );
  });
  test("survives the whole range of numbers", () => {
    const extremes = [-Number.MAX_VALUE, Number.MAX_VALUE, Number.MIN_VALUE, 0, 1e-300];
    expect(
      histogramOf(extremes)
        .bins(10)
        .reduce((sum, { count }) => sum + count, 0),
    ).toBe(5);
    const many = Array.from({ length: 10_000 }, (_, i) => (i % 2 ? 1 : -1) * 10 ** ((i % 600) - 300) * i);
    expect(
      histogramOf(many)
        .bins(10)
        .reduce((sum, { count }) => sum + count, 0),
    ).toBe(10_000);
  });
});
