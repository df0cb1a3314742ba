import { Sampler } from "@stowage/core";
import { describe, expect, test } from "vitest";
import { partNames } from "../src/part-names.js";
import { partCounts } from "../src/part-sizes.js";
import { consecutiveParts, type Part, stratifiedParts } from "../src/row-parts.js";

const rowsOf = (part: Part): number[] => Array.from({ length: part.length }, (_, i) => part.at(i));

describe("sizes of parts", () => {
  test.each<[readonly number[], number, number[]]>([
    [[0.8, 0.1, 0.1], 100, [80, 10, 10]],
    [[0.8, 0.1, 0.1], 7, [6, 0, 1]],
    [[1 / 3, 1 / 3, 1 / 3], 10, [3, 4, 3]],
    [[0.5, 0.5], 0, [0, 0]],
    [[0.1, 0.2, 0.7], 10, [1, 2, 7]],
  ])("fractions %j of %d rows", (fractions, rows, counts) =>
    expect(partCounts({ fractions }, rows)).toEqual(counts),
  );

  test("counts are exact, and one may be the rest", () => {
    expect(partCounts({ counts: [3, "rest", 2] }, 10)).toEqual([3, 5, 2]);
    expect(partCounts({ counts: [10, 0] }, 10)).toEqual([10, 0]);
    for (const counts of [
      [3, 2],
      [30, "rest"],
      ["rest", "rest"],
    ] as const) {
      expect(() => partCounts({ counts }, 10)).toThrow(expect.objectContaining({ code: "ERR_OPTION" }));
    }
    expect(() => partCounts({ fractions: [0.5, 0.4] }, 10)).toThrow("they add up to 0.9");
  });
});

describe("names of parts", () => {
  test("come from a template, or are given", () => {
    expect(partNames(["runs/out.atp"], 2)).toEqual(["runs/out-train.atp", "runs/out-test.atp"]);
    expect(partNames(["out.atp"], 3)).toEqual(["out-train.atp", "out-val.atp", "out-test.atp"]);
    expect(partNames(["out"], 4)).toEqual(["out-1", "out-2", "out-3", "out-4"]);
    expect(partNames(["a.atp", "b.xyz"], 2)).toEqual(["a.atp", "b.xyz"]);
    expect(partNames(["only.atp"], 1)).toEqual(["only.atp"]);
    expect(() => partNames(["a", "b"], 3)).toThrow("2 names were given");
  });
});

describe("parts", () => {
  test("in order are stretches of it", () => {
    const parts = consecutiveParts([2, 0, 3], (place) => 10 + place);
    expect(parts.map(rowsOf)).toEqual([[10, 11], [], [12, 13, 14]]);
  });

  const n = 997;
  const strata = Uint32Array.from({ length: n }, (_, i) => (i % 7 === 0 ? 0 : i % 3 === 0 ? 1 : 2));
  const counts = [797, 100, 100];
  const dealt = (seed: number | null): number[][] => {
    const order = new Sampler({ length: n, shuffle: seed !== null, seed: seed ?? 0 });
    return stratifiedParts(counts, strata, (place) => order.at(place)).map(rowsOf);
  };

  test.each([null, 0, 1])("by stratum have every row once, and their share of each (seed %s)", (seed) => {
    const parts = dealt(seed);
    expect(parts.map(({ length }) => length)).toEqual(counts);
    expect(parts.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
    for (const stratum of [0, 1, 2]) {
      const size = strata.filter((found) => found === stratum).length;
      for (const [i, rows] of parts.entries()) {
        const found = rows.filter((row) => strata[row] === stratum).length;
        expect(Math.abs(found - (size * counts[i]!) / n)).toBeLessThan(2);
      }
    }
  });
  test("are the same for the same seed, and in the order of the rows without one", () => {
    expect(dealt(5)).toEqual(dealt(5));
    expect(dealt(5)).not.toEqual(dealt(6));
    for (const rows of dealt(null)) expect(rows).toEqual([...rows].sort((a, b) => a - b));
  });
  test("of single rows a stratum depend on the seed, too", () => {
    const alone = Uint32Array.from({ length: 50 }, (_, i) => i);
    const testPart = (seed: number): number[] => {
      const order = new Sampler({ length: 50, seed });
      return rowsOf(stratifiedParts([40, 10], alone, (place) => order.at(place))[1]!).sort((a, b) => a - b);
    };
    expect(testPart(1)).not.toEqual(testPart(2));
  });
});
