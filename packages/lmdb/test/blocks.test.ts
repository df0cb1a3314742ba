import { describe, expect, it } from "vitest";
import { numbered } from "./blob-rows.js";
import { checkLayout } from "./check-layout.js";
import { writable } from "./writable.js";
import { newStore, numbers, open, upTo } from "./writing.js";

describe.runIf(writable)("blocks of sort keys", () => {
  it.each([
    [1022, [1022]],
    [1023, [1023]],
    [1024, [1024]],
    [1025, [1024, 1]],
    [2047, [1024, 1023]],
    [2048, [1024, 1024]],
    [2049, [1024, 1024, 1]],
  ])("fills blocks of 1024: %i rows at once, and one by one around the boundary", (n, sizes) => {
    const path = newStore();
    using rows = open(path);
    rows.append(numbered(0, n));
    expect(checkLayout(rows.path).blockSizes).toEqual(sizes);
    for (let i = n; i < n + 3; i++) rows.append(numbered(i, i + 1));
    expect(numbers(rows)).toEqual(upTo(n + 3));
    const { blockSizes } = checkLayout(rows.path);
    expect(blockSizes.slice(0, -1).every((size) => size === 1024)).toBe(true);
  });

  it("fills the last block before it begins another", () => {
    using rows = open(newStore());
    rows.append(numbered(0, 1000));
    rows.append(numbered(1000, 3500));
    expect(checkLayout(rows.path).blockSizes).toEqual([1024, 1024, 1024, 428]);
    expect(numbers(rows)).toEqual(upTo(3500));
  });

  it.each([0, 1, 1023, 1024, 1025, 2047, 2048, 2049, 2500])(
    "splits blocks that are full by an insertion at %i",
    (at) => {
      using rows = open(newStore());
      rows.append(numbered(0, 2500));
      const expected = upTo(2500);
      for (const length of [1, 1, 700, 3000]) {
        const from = expected.length;
        rows.insert(at, numbered(from, from + length));
        expected.splice(at, 0, ...Array.from({ length }, (_, i) => from + i));
        expect(numbers(rows)).toEqual(expected);
        expect(checkLayout(rows.path).sortKeys).toEqual(expected);
      }
    },
  );

  it("removes blocks that are empty, and gives those behind them new numbers", () => {
    using rows = open(newStore());
    rows.append(numbered(0, 5000));
    rows.delete(Array.from({ length: 1024 }, (_, i) => 1024 + i));
    expect(checkLayout(rows.path).blockSizes).toEqual([1024, 1024, 1024, 904]);
    rows.delete([0, 1023, 1024, 3000, 3975]);
    const left = upTo(5000)
      .filter((n) => n < 1024 || n >= 2048)
      .filter((_, i) => ![0, 1023, 1024, 3000, 3975].includes(i));
    expect(numbers(rows)).toEqual(left);
    expect(checkLayout(rows.path).sortKeys).toEqual(left);
    rows.delete(upTo(left.length));
    expect([rows.length, checkLayout(rows.path).nextSortKey]).toEqual([0, 5000]);
    rows.append(numbered(7, 8));
    expect([numbers(rows), checkLayout(rows.path).sortKeys]).toEqual([[7], [5000]]);
  });

  it("keeps its sort keys to itself: cleared rows do not come back", () => {
    using rows = open(newStore());
    rows.append(numbered(0, 1500));
    rows.clear();
    expect(rows.length).toBe(0);
    expect(checkLayout(rows.path)).toEqual({ blockSizes: [], sortKeys: [], nextSortKey: 1500, fields: [] });
    rows.clear();
    rows.append(numbered(0, 2));
    expect(numbers(rows)).toEqual([0, 1]);
    expect(checkLayout(rows.path).sortKeys).toEqual([1500, 1501]);
  });
});
