import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isStowageError, MemorySource } from "@stowage/core";
import { expect, it } from "vitest";
import { LmdbRows, listGroups, openLmdbRows } from "../src/index.js";
import { temporaryFolder } from "./temporary-folder.js";
import { writeLmdb } from "./write-lmdb.js";

type Entries = [string, Uint8Array | string][];

const u32 = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.of(...values).buffer);
const u64 = (...values: bigint[]): Uint8Array => new Uint8Array(BigUint64Array.from(values).buffer);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function storeEntries(): Entries {
  return [
    ["__meta__count", "4"],
    ["__meta__next_sort_key", "17"],
    ["__schema__", "a\nb"],
    ["__blk_count__", u32(2)],
    ["__blk_sizes__", u32(3, 1)],
    ["__blk__\0\0\0\0", u64(5n, 0n, 2n)],
    ["__blk__\u0001\0\0\0", u64(16n)],
    ["0-a", "0a"],
    ["5-a", "5a"],
    ["5-b", "5b"],
    ["55-a", "no row's"],
    ["16-b", "x".repeat(9000)],
  ];
}

const expected = [
  new Map([
    ["a", bytes("5a")],
    ["b", bytes("5b")],
  ]),
  new Map([["a", bytes("0a")]]),
  null,
  new Map([["b", bytes("x".repeat(9000))]]),
];

it("reads rows in their order, and slots without a row", async () => {
  const file = writeLmdb(storeEntries());
  using rows = LmdbRows.open(new MemorySource(file));
  expect(rows.length).toBe(4);
  expect(rows.fields).toEqual(["a", "b"]);
  expect(rows.getMany([0, 1, 2, -1])).toEqual(expected);
  expect(rows.getMany([0, 1, 2], ["b"])).toEqual([new Map([["b", bytes("5b")]]), new Map(), null]);
  expect(rows.column("a")).toEqual([bytes("5a"), bytes("0a"), null, null]);
  expect(rows.column("a", [1, 1])).toEqual([bytes("0a"), bytes("0a")]);
  expect([rows.keys(0), rows.keys(2)]).toEqual([["a", "b"], []]);
  expect(() => rows.at(4)).toThrow(/it has 4 rows/);
  expect(() => rows.column("ω")).toThrow(/field names are bytes/);

  using remote = await openLmdbRows(new Blob([file]));
  expect(await remote.count()).toBe(4);
  expect(await remote.getMany([0, 1, 2, 3])).toEqual(expected);
  expect(await remote.at(1, ["a"])).toEqual(expected[1]);
  expect(await remote.column("b", [3])).toEqual([bytes("x".repeat(9000))]);
  expect(await remote.keys(0)).toEqual(["a", "b"]);
  await expect(remote.at(9)).rejects.toThrow(/it has 4 rows/);
});

it("takes an environment without entries for a store without rows", () => {
  using rows = LmdbRows.open(new MemorySource(writeLmdb([])));
  expect([rows.length, rows.fields, rows.getMany([]), rows.column("a")]).toEqual([0, [], [], []]);
});

it.each<[string, string, Uint8Array | string | null, RegExp]>([
  ["no row count", "__meta__count", null, /__meta__count is absent/],
  ["a row count in words", "__meta__count", "four", /__meta__count is "four"/],
  ["another row count", "__meta__count", "5", /__meta__count is 5, expected 4/],
  ["a short block count", "__blk_count__", bytes("ab"), /__blk_count__ is 2 bytes/],
  ["a large block count", "__blk_count__", u32(0xffffffff), /__blk_sizes__ is 8 bytes/],
  ["no block sizes", "__blk_sizes__", null, /__blk_sizes__ is absent/],
  ["no block", "__blk__\0\0\0\0", null, /block 0 is absent, expected 24 bytes/],
  ["a short block", "__blk__\0\0\0\0", u64(1n), /block 0 is 8 bytes, expected 24/],
])("names %s", (_, key, value, message) => {
  const entries = storeEntries().flatMap(
    ([name, old]): Entries => (name !== key ? [[name, old]] : value === null ? [] : [[name, value]]),
  );
  let error: unknown;
  try {
    LmdbRows.open(new MemorySource(writeLmdb(entries))).at(0);
  } catch (caught) {
    error = caught;
  }
  if (!isStowageError(error, "ERR_LMDB_LAYOUT")) throw new Error("no such error", { cause: error });
  expect(error.message).toMatch(message);
});

it("refuses more rows than the file has room for", () => {
  const entries = storeEntries().filter(([name]) => name !== "__meta__count" && name !== "__blk_sizes__");
  entries.push(["__meta__count", `${2 ** 32}`], ["__blk_sizes__", u32(2 ** 32 - 1, 1)]);
  expect(() => LmdbRows.open(new MemorySource(writeLmdb(entries)))).toThrow(/list of 4294967296 rows/);
});

it("finds groups in folders, and says which there are", () => {
  const store = path.join(temporaryFolder(), "s.lmdb");
  expect(listGroups(store)).toEqual([]);
  for (const group of ["train", "default"]) {
    mkdirSync(path.join(store, group), { recursive: true });
    writeFileSync(path.join(store, group, "data.mdb"), writeLmdb(storeEntries()));
  }
  mkdirSync(path.join(store, "other"));
  expect(listGroups(store)).toEqual(["default", "train"]);
  using rows = LmdbRows.open(store);
  using train = LmdbRows.open(store, { group: "train" });
  expect([rows.at(0), train.at(0)]).toEqual([expected[0], expected[0]]);
  let error: unknown;
  try {
    LmdbRows.open(store, { group: "other" });
  } catch (caught) {
    error = caught;
  }
  expect(isStowageError(error, "ERR_FILE_MISSING") && error.hint).toBe("its groups are default, train");
  expect(() => LmdbRows.open(store, { group: "../x" })).toThrow(/a group is the name of a folder/);
});
