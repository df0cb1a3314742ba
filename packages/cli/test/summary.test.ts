import { memoryStore, ndarray, type Row, toAsync } from "@stowage/core";
import { describe, expect, test } from "vitest";
import { describeDataset } from "../src/description.js";
import { SUMMARY_KEYS, SummaryBuilder } from "../src/summary.js";
import { molecule, molecules } from "./run-cli.js";

function summaryOf(rows: readonly Row[]) {
  const builder = new SummaryBuilder();
  for (const row of rows) builder.add(row);
  return builder.finish();
}

describe("SummaryBuilder", () => {
  test("counts structures, atoms, species and periodic axes", () => {
    const summary = summaryOf(molecules(4));
    expect(summary).toMatchObject({
      structures: 4,
      atoms: { total: 18, min: 3, max: 6 },
      species: [
        { symbol: "H", count: 14 },
        { symbol: "O", count: 4 },
      ],
      pbc: [
        { axes: "T T F", structures: 2 },
        { axes: "T T T", structures: 2 },
      ],
    });
    expect(summary.species.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
  });
  test("draws the energy per atom where there is one", () => {
    expect(summaryOf(molecules(4)).distribution).toMatchObject({
      quantity: "energy per atom",
      unit: "eV",
      count: 4,
    });
  });
  test("draws the atoms per structure where no energy is", () => {
    const rows = molecules(4).map(({ "calc.energy": _, ...row }) => row);
    expect(summaryOf(rows).distribution).toMatchObject({
      quantity: "atoms per structure",
      min: 3,
      max: 6,
      count: 4,
    });
  });
  test("leaves out energies that are no numbers, and structures without atoms", () => {
    const rows: Row[] = [
      { ...molecule(0), "calc.energy": Number.NaN },
      { ...molecule(1, 0), "calc.energy": -1 },
      molecule(2),
    ];
    expect(summaryOf(rows)).toMatchObject({ atoms: { min: 0 }, distribution: { count: 1 } });
  });
  test("takes atomic numbers of any integer dtype", () => {
    const row: Row = { "arrays.numbers": ndarray(BigInt64Array.of(26n, 26n, 300n)) };
    expect(summaryOf([row]).species.map(({ symbol, count }) => [symbol, count])).toEqual([
      ["Fe", 2],
      ["Z300", 1],
    ]);
  });
  test("says nothing of atoms where there are none", () => {
    expect(summaryOf([{ x: 1 }])).toMatchObject({
      structures: 1,
      atoms: null,
      species: [],
      distribution: null,
    });
    expect(summaryOf([])).toMatchObject({ structures: 0, atoms: null, distribution: null });
  });
});

describe("describeDataset", () => {
  test("reads no more than the keys it shows where the schema has counted the rest", async () => {
    const store = toAsync(memoryStore(molecules(10), "memory"));
    const asked: unknown[] = [];
    const watched = {
      ...store,
      getMany: (indices: ArrayLike<number>, keys?: readonly string[]) => {
        asked.push(keys);
        return store.getMany(indices, keys);
      },
    };
    const description = await describeDataset(watched, { bytes: null });
    expect(new Set(asked)).toEqual(new Set([SUMMARY_KEYS]));
    expect(description.properties.map(({ missing }) => missing)).toEqual([0, 0, 0, 0, 0, 0]);
  });
  test("counts missing values itself where the schema has not", async () => {
    const rows = molecules(10);
    delete rows[3]!["info.name"];
    const store = toAsync(memoryStore(rows, "memory"));
    const uncounted = async () => {
      const schema = await store.schema();
      return Object.fromEntries(
        Object.entries(schema).map(([key, { missing: _, ...field }]) => [key, field]),
      );
    };
    const { properties } = await describeDataset({ ...store, schema: uncounted }, { bytes: null });
    expect(properties.find(({ key }) => key === "info.name")?.missing).toBe(1);
    expect(properties.find(({ key }) => key === "cell")?.missing).toBe(0);
  });
});
