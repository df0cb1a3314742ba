import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { AtomsIOSync, isStowageError, type Row, type RowStore } from "@stowage/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aselmdb, openAseLmdbStore } from "../src/index.js";
import { temporaryFolder } from "./temporary-folder.js";
import { writeLmdb } from "./write-lmdb.js";

type Entries = readonly [string, Uint8Array | string][];

const packed = (json: unknown): Uint8Array => deflateSync(JSON.stringify(json));
const water = { numbers: [8, 1, 1], positions: [[0, 0, 0], [0, 0, 1], [0, 1, 0]] }; // biome-ignore format: a matrix

function fileOf(entries: Entries): string {
  const path = join(temporaryFolder(), "rows.aselmdb");
  writeFileSync(path, writeLmdb(entries));
  return path;
}

const open = (entries: Entries): RowStore<"sync"> => openAseLmdbStore(fileOf(entries));

const database = (rows: Record<number, unknown>, nextId: number, deleted: number[] = []): Entries => [
  ...Object.entries(rows).map(([id, row]): [string, Uint8Array] => [id, packed(row)]),
  ["nextid", packed(nextId)],
  ["deleted_ids", packed(deleted)],
];

const all = (store: RowStore<"sync">): Row[] =>
  store.getMany(Array.from({ length: store.count() }, (_, i) => i));

function failure(action: () => unknown): { code: string; message: string } | undefined {
  try {
    action();
  } catch (error) {
    if (!isStowageError(error)) throw error;
    return { code: error.code, message: error.message };
  }
  return undefined;
}

describe("an ASE database in LMDB", () => {
  it("has its rows in the order of ids, without those that were deleted", () => {
    const rows = Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => [i + 1, { ...water, energy: i + 1.5 }]).filter(([id]) => id !== 4),
    );
    const store = open(database(rows, 13, [4, 77]));
    expect([...(store.getMany([0, 3, 10], ["calc.energy"]) as Row[])]).toEqual([
      { "calc.energy": 1.5 },
      { "calc.energy": 5.5 },
      { "calc.energy": 12.5 },
    ]);
    expect([store.count(), store.warnings]).toEqual([11, []]);
    expect(failure(() => store.getMany([11]))?.code).toBe("ERR_INDEX_RANGE");
    expect(failure(() => store.getMany([-1]))?.code).toBe("ERR_INDEX_RANGE");
    store.close();
    store.close();
    expect(failure(() => store.count())?.code).toBe("ERR_CLOSED");
  });

  it("gives rows as structures, with pairs and data as info", () => {
    const row = {
      ...water,
      pbc: { __ndarray__: [[3], "bool", [true, false, true]] },
      cell: [2, 3, 4],
      energy: 5,
      forces: [[0, 0, 1], [0, 0, 2], [0, 0, 3]], // biome-ignore format: a matrix
      initial_charges: [1, 2, 3],
      unique_id: "abc",
      calculator: "unknown",
      ctime: 1.5,
      key_value_pairs: { site: "top", both: 1 },
      data: { both: 2.5, list: [1, 2] },
      constraints: [{ name: "FixAtoms", kwargs: { indices: [0] } }],
    };
    const path = fileOf(database({ 1: row }, 2));
    using io = AtomsIOSync.open(path, { backend: aselmdb });
    const [atoms] = io.toArray();
    expect([atoms?.formula, [...(atoms?.pbc ?? [])], [...(atoms?.cell?.data ?? [])]]).toEqual([
      "H2O",
      [true, false, true],
      [2, 0, 0, 0, 3, 0, 0, 0, 4],
    ]);
    const store = openAseLmdbStore(path);
    expect(Object.keys(all(store)[0]!).sort()).toEqual(
      [
        ...[
          "arrays.initial_charges",
          "arrays.numbers",
          "arrays.positions",
          "calc.energy",
          "calc.forces",
          "cell",
        ],
        ...[
          "constraints",
          "info.both",
          "info.key_value_pairs.both",
          "info.list",
          "info.site",
          "info.unique_id",
        ],
        "pbc",
      ].sort(),
    );
    expect(all(store)[0]).toMatchObject({
      "calc.energy": { dtype: "int64", shape: [] },
      "info.both": 2.5,
      "info.key_value_pairs.both": { dtype: "int64" },
      "arrays.initial_charges": { dtype: "float64", shape: [3] },
    });
    store.close();
  });

  it("leaves out rows that are counted and not there, and sees what is no row", () => {
    const store = open([...database({ 1: water, 9: water, 10: water, 30: water }, 12), ["other", "x"]]);
    expect([store.count(), all(store).length]).toEqual([3, 3]);
    expect(store.warnings).toEqual(["rows that the database counts and that are not there: 8"]);
    expect(open([]).count()).toBe(0);
  });

  it("is not written", () => {
    const path = fileOf(database({ 1: water }, 2));
    expect(failure(() => openAseLmdbStore(path, { mode: "w" }))?.code).toBe("ERR_UNSUPPORTED");
    expect(failure(() => openAseLmdbStore(path, { mode: "r+" }))?.code).toBe("ERR_UNSUPPORTED");
    using io = AtomsIOSync.open(path, { backend: aselmdb });
    expect(failure(() => io.extend(io.toArray()))?.code).toBe("ERR_READ_ONLY");
  });

  it.each<[string, Entries, string, string]>([
    ["no database of ASE", [["a", "b"]], "ERR_LMDB_LAYOUT", "nextid is missing"],
    ["no number", [["nextid", packed("x")]], "ERR_LMDB_LAYOUT", 'nextid is "x"'],
    ["no zlib", [["nextid", "x"]], "ERR_LMDB_LAYOUT", "nextid is not what zlib wrote"],
    ["no JSON", [["nextid", deflateSync("{")]], "ERR_LMDB_LAYOUT", "nextid is no JSON"],
    [
      "no list",
      [...database({}, 1).slice(0, 1), ["deleted_ids", packed(3)]],
      "ERR_LMDB_LAYOUT",
      "deleted_ids is 3",
    ],
    ["another row", [...database({}, 2), ["1", "x"]], "ERR_LMDB_LAYOUT", "id 1 is not what zlib wrote"],
    [
      "a long row",
      [...database({}, 2), ["1", deflateSync(Buffer.alloc(2 ** 28 + 1))]],
      "ERR_LMDB_LAYOUT",
      "id 1 is too long",
    ],
    ["no object", database({ 1: [] }, 2), "ERR_ASE_ROW", "the row with id 1 of"],
    ["no numbers", database({ 1: { positions: [] } }, 2), "ERR_ASE_ROW", 'no "numbers"'],
    [
      "few positions",
      database({ 1: { numbers: [1, 1], positions: [[0, 0, 0]] } }, 2),
      "ERR_ASE_ROW",
      "of shape (1, 3)",
    ],
    ["data in a list", database({ 1: { ...water, data: [1] } }, 2), "ERR_ASE_ROW", "data that is no object"],
  ])("says what is wrong: %s", (_, entries, code, message) => {
    const found = failure(() => all(open(entries)));
    expect(found?.code).toBe(code);
    expect(found?.message).toContain(message);
  });

  it("gives rows or a StowageError for any row and any file", () => {
    const names = fc.constantFrom(
      "numbers",
      "positions",
      "cell",
      "pbc",
      "energy",
      "forces",
      "tags",
      "data",
      "constraints",
    );
    const json = fc.oneof(
      fc.json().map((text) => JSON.parse(text)),
      fc.array(fc.array(fc.double(), { maxLength: 3 })),
    );
    const row = fc.dictionary(names, json).map((more) => ({ ...water, ...more }));
    const seed = Number(process.env.STOWAGE_SEED ?? Math.floor(Math.random() * 2 ** 31));
    const property = fc.property(row, fc.integer(), fc.nat(), fc.nat(255), (value, nextId, at, byte) => {
      const path = fileOf(database({ 1: value, 2: water }, 3));
      const found = failure(() => all(openAseLmdbStore(path)));
      expect(["ERR_ASE_ROW", undefined]).toContain(found?.code);
      const bytes = writeLmdb(database({ 1: water, 2: water }, nextId, [at % 5]));
      bytes[at % bytes.length] = byte;
      writeFileSync(path, bytes);
      failure(() => all(openAseLmdbStore(path)));
    });
    fc.assert(property, { seed, numRuns: 200 });
  });
});
