import { columnOf, int64, memoryStore, ndarray, numberToFloat16, type Row, toAsync } from "@stowage/core";
import { describe, expect, test } from "vitest";
import { datasetStatistics } from "../src/dataset-statistics.js";
import type { KeyStatistics } from "../src/key-statistics.js";
import { Moments } from "../src/moments.js";
import { QuantileSketch } from "../src/quantile-sketch.js";
import { TextStatistics } from "../src/text-statistics.js";

/** Numbers from 0 to below 1, the same ones each time. */
function* fractions(count: number): Generator<number> {
  let state = 1;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

function momentsOf(values: Iterable<number>): Moments {
  const moments = new Moments();
  for (const value of values) moments.add(value);
  return moments;
}

describe("mean and standard deviation", () => {
  test("of values far larger than their spread", () => {
    const values = Array.from(fractions(100_001), (fraction) => 1e9 + (fraction - 0.5) * 2e-3);
    // Differences from 1e9 are exact, and small: their sums lose nothing that matters.
    const offsets = values.map((value) => value - 1e9);
    const mean = offsets.reduce((sum, offset) => sum + offset, 0) / offsets.length;
    const variance = offsets.reduce((sum, offset) => sum + (offset - mean) ** 2, 0) / offsets.length;
    const moments = momentsOf(values);
    expect(Math.abs(moments.mean - 1e9 - mean)).toBeLessThanOrEqual(2 ** -24);
    expect(Math.abs(moments.std / Math.sqrt(variance) - 1)).toBeLessThan(1e-9);
    expect(moments.std).toBeCloseTo(1e-3 / Math.sqrt(3), 5);
    // What the textbook formula makes of them: nothing like it.
    const naive = values.reduce((sum, value) => sum + value * value, 0) / values.length - (1e9 + mean) ** 2;
    expect(Math.abs(naive - variance)).toBeGreaterThan(variance);
  });
  test("whatever comes first", () => {
    const { mean, std } = momentsOf([1e15, ...new Array<number>(9).fill(1)]);
    expect(Math.abs(mean - (1e14 + 0.9))).toBeLessThan(0.02);
    expect(std / 3e14).toBeCloseTo(1, 12);
    expect(momentsOf([5])).toMatchObject({ mean: 5, std: 0 });
    expect(momentsOf([])).toMatchObject({ mean: Number.NaN, std: Number.NaN });
  });
});

describe("quantiles", () => {
  const SHARES = [0, 0.001, 0.05, 0.25, 0.5, 0.75, 0.95, 1];
  const sketchOf = (values: Iterable<number>): QuantileSketch => {
    const sketch = new QuantileSketch();
    for (const value of values) sketch.add(value);
    return sketch;
  };

  test("are exact for few values, interpolated as NumPy does", () => {
    expect(sketchOf([4, 1, 3, 2]).quantiles([0, 0.25, 0.5, 1])).toEqual([1, 1.75, 2.5, 4]);
    expect(sketchOf([7]).quantiles([0, 0.5, 1])).toEqual([7, 7, 7]);
    expect(sketchOf([]).quantiles([0.5])).toEqual([Number.NaN]);
    const values = Float64Array.from(fractions(16_384));
    const sketch = sketchOf(values);
    values.sort();
    expect(sketch.isExact).toBe(true);
    expect(sketch.quantiles([0.5])).toEqual([(values[8191]! + values[8192]!) / 2]);
  });
  test.each([
    ["random", (values: Float64Array) => values],
    ["ascending", (values: Float64Array) => values.sort()],
    ["descending", (values: Float64Array) => values.sort().reverse()],
    ["few different", (values: Float64Array) => values.map((value) => Math.floor(value * 20))],
  ])("of a million values (%s) are within the documented error", (_, arrange) => {
    const values = arrange(Float64Array.from(fractions(1_000_000)));
    const sketch = sketchOf(values);
    const found = sketch.quantiles(SHARES);
    values.sort();
    expect(sketch.isExact).toBe(false);
    const allowed = Math.log2(values.length / 16_384) / 16_384 + 1e-6;
    for (const [i, share] of SHARES.entries()) {
      const below = lowerBound(values, found[i]! - 1e-12) / values.length;
      const upTo = lowerBound(values, found[i]! + 1e-12) / values.length;
      expect(below).toBeLessThanOrEqual(share + allowed);
      expect(upTo).toBeGreaterThanOrEqual(share - allowed);
    }
  });
});

/** How many sorted values are below a limit. */
function lowerBound(values: Float64Array, limit: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

test("different texts are counted up to a limit", () => {
  const few = new TextStatistics();
  for (const text of ["a", "b", "a", ""]) few.add(text);
  expect(few.finish()).toEqual({ count: 4, distinct: 3, hasMore: false });
  const many = new TextStatistics();
  for (let i = 0; i < 10_005; i++) many.add(String(i % 10_001));
  expect(many.finish()).toEqual({ count: 10_005, distinct: 10_000, hasMore: true });
  const long = new TextStatistics();
  for (let i = 0; i < 5; i++) long.add(String(i).repeat(1e6));
  expect(long.finish()).toEqual({ count: 5, distinct: 4, hasMore: true });
});

describe("statistics of a dataset", () => {
  const rows: Row[] = [
    {
      "calc.energy": -1.5,
      "info.n": int64(2n ** 60n + 1n),
      "info.flag": true,
      "info.name": "a",
      "calc.forces": ndarray(Float32Array.of(1, 2, 3, 4, 5, Number.NaN), [2, 3]),
      "info.half": ndarray(Uint16Array.of(numberToFloat16(0.5)), [1], "float16"),
      "info.mixed": 1,
      "info.wave": ndarray(Float64Array.of(1, 2), [1], "complex128"),
    },
    {
      "calc.energy": Number.NEGATIVE_INFINITY,
      "info.n": int64(2n ** 60n),
      "info.flag": false,
      "info.name": "b",
      "calc.forces": ndarray(Float32Array.of(-1, Number.POSITIVE_INFINITY, 0), [1, 3]),
      "info.mixed": "text",
      "info.wave": ndarray(Float64Array.of(1, 2), [1], "complex128"),
    },
    {
      "info.n": int64(-(2n ** 62n)),
      "info.name": "a",
      "info.list": ["x", "y"],
      "info.mixed": [1],
      "info.none": null,
    },
  ];
  const store = toAsync(memoryStore(rows));
  const gather = async (keys: readonly string[]): Promise<Record<string, KeyStatistics>> => {
    const { keys: found } = await datasetStatistics(store, { keys, maxBins: 5 });
    return Object.fromEntries(found.map((statistics) => [statistics.key, statistics]));
  };

  test("counts what is there, what is missing, and what is no finite number", async () => {
    const all = await gather(Object.keys(await store.schema()));
    expect(all["calc.energy"]).toMatchObject({
      rows: 2,
      missing: 1,
      numbers: { count: 1, negativeInfinity: 1, nan: 0, min: -1.5, max: -1.5, mean: -1.5, std: 0 },
    });
    expect(all["calc.forces"]).toMatchObject({
      scope: "atom",
      rows: 2,
      numbers: { count: 7, nan: 1, positiveInfinity: 1, min: -1, max: 5, mean: 2, std: 2 },
    });
    expect(all["info.n"]?.numbers).toMatchObject({ min: -(2n ** 62n), max: 2n ** 60n + 1n, isWhole: true });
    expect(all["info.flag"]?.numbers).toMatchObject({ count: 2, mean: 0.5 });
    expect(all["info.half"]).toMatchObject({ missing: 2, numbers: { count: 1, mean: 0.5 } });
    expect(all["info.name"]).toMatchObject({
      numbers: null,
      texts: { count: 3, distinct: 2, hasMore: false },
    });
    expect(all["info.list"]?.texts).toMatchObject({ count: 2, distinct: 2 });
    expect(all["info.mixed"]).toMatchObject({ numbers: { count: 1 }, texts: { count: 1 }, others: 1 });
    expect(all["info.wave"]).toMatchObject({ rows: 2, missing: 1, numbers: null, others: 2 });
    expect(all["info.none"]).toMatchObject({ rows: 0, missing: 3, numbers: null, texts: null, others: 0 });
  });
  test("is the same read as columns and as rows", async () => {
    const keys = Object.keys(await store.schema());
    const byRows = await gather(keys);
    for (const key of keys) expect((await gather([key]))[key]).toEqual(byRows[key]);
    // Columns without gaps come as one array.
    expect((await columnOf(store, "info.n", [0, 1, 2])).values).toHaveProperty("dtype", "int64");
  });
  test("decodes nothing but the keys that are asked for", async () => {
    const asked: unknown[] = [];
    const counting = {
      ...store,
      getMany: () => Promise.reject(new Error("rows were read")),
      column: (key: string, indices: ArrayLike<number>) => {
        asked.push(key);
        return columnOf(store, key, indices);
      },
    };
    await datasetStatistics(counting, { keys: ["calc.energy"], maxBins: 0 });
    expect(new Set(asked)).toEqual(new Set(["calc.energy"]));
  });
  test("of no rows and of no finite numbers says nothing of them", async () => {
    const empty = toAsync(memoryStore([{ x: Number.NaN }]));
    const { keys } = await datasetStatistics(empty, { keys: ["x"], maxBins: 5 });
    expect(keys[0]?.numbers).toMatchObject({
      count: 0,
      nan: 1,
      min: null,
      mean: null,
      quantiles: [],
      bins: [],
    });
  });
});
