import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type BlobRow, LmdbRows } from "../src/index.js";
import { numbered, row } from "./blob-rows.js";
import { checkLayout } from "./check-layout.js";
import { loadWithoutAddon, writable } from "./writable.js";
import { all, failure, fileOf, made, newStore, numbers, open, upTo } from "./writing.js";

describe.runIf(writable)("a store opened for writing", () => {
  it("is made where there is none, and keeps what it is given", () => {
    const path = newStore();
    {
      using rows = open(path, "train");
      expect([rows.length, rows.fields]).toEqual([0, []]);
      rows.append([row({ a: "1", b: "x" }), new Map(), row({ b: "y" })]);
      rows.insert(1, [row({ c: "z" })]);
      rows.set([0, 2], [row({ b: "X", d: "" }), row({ a: "filled" })]);
      rows.update([3, 0], [row({ a: "2" }), row({ d: "D" })]);
      rows.drop(["b", "nothing"], [0, 1, 2]);
      rows.flush();
      expect(all(rows)).toEqual([{ d: "D" }, { c: "z" }, { a: "filled" }, { a: "2", b: "y" }]);
      rows.delete([1, 2]);
      expect(all(rows)).toEqual([{ d: "D" }, { a: "2", b: "y" }]);
    }
    using rows = LmdbRows.open(path, { group: "train" });
    expect(all(rows)).toEqual([{ d: "D" }, { a: "2", b: "y" }]);
    expect(rows.fields).toEqual(["a", "b", "c", "d"]);
    expect(readdirSync(join(path, "train")).sort()).toEqual(["data.mdb", "lock.mdb"]);
    expect(checkLayout(rows.path)).toMatchObject({ blockSizes: [2], sortKeys: [0, 2], nextSortKey: 4 });
  });

  it("has reserved places: rows without fields, in Python None", () => {
    using rows = open(newStore());
    rows.append([new Map(), ...numbered(1, 2), new Map()]);
    expect([all(rows), rows.keys(0), rows.column("n", [0, 1])]).toEqual([
      [null, { n: "1" }, null],
      [],
      [null, Buffer.from("1").subarray()].map((each) => each && new Uint8Array(each)),
    ]);
    rows.set([1, 2], [new Map(), row({ n: "2" })]);
    rows.update([0], [row({ n: "0" })]);
    expect(all(rows)).toEqual([{ n: "0" }, null, { n: "2" }]);
    rows.drop(["n"], [0, 1, 2]);
    expect(all(rows)).toEqual([null, null, null]);
    checkLayout(rows.path);
  });

  it("makes no commit where nothing changes", () => {
    using rows = open(newStore());
    rows.append(numbered(0, 3));
    const { txnId } = rows;
    rows.append([]);
    rows.insert(1, []);
    rows.insert(3, []);
    rows.set([], []);
    rows.update([1], [new Map()]);
    rows.update([], []);
    rows.delete([]);
    rows.drop([], [0, 1]);
    rows.drop(["n"], []);
    expect([rows.txnId, rows.refresh(), numbers(rows)]).toEqual([txnId, false, [0, 1, 2]]);
  });

  it("keeps names of any bytes but line breaks", () => {
    using rows = open(newStore());
    const names = [
      "\0",
      "\xff\xfe",
      "info.grö\xdfe",
      "a-b",
      "-",
      "12-x",
      "__meta__count",
      " ",
      "n".repeat(490),
    ];
    rows.append([new Map(names.map((name, i) => [name, Uint8Array.of(i)]))]);
    expect(rows.at(0)).toEqual(
      new Map([...names].sort().map((name) => [name, Uint8Array.of(names.indexOf(name))])),
    );
    expect(rows.fields).toEqual([...names].sort());
    expect(rows.column("\xff\xfe")).toEqual([Uint8Array.of(1)]);
    rows.drop(["-", "12-x"], [0]);
    expect(rows.at(0)!.size).toBe(names.length - 2);
    checkLayout(rows.path);
  });

  it.each([
    ["", /its name is empty/],
    ["a\nb", /line break/],
    ["n".repeat(491), /491 bytes, at most 490 fit/],
    ["ключ", /characters that are no bytes/],
  ])("refuses the name %j, and the rows with it", (name, message) => {
    using rows = open(newStore());
    rows.append(numbered(0, 2));
    const bad: BlobRow = new Map([[name, Uint8Array.of(1)]]);
    for (const write of [
      () => rows.append([...numbered(5, 7), bad]),
      () => rows.insert(0, [bad]),
      () => rows.set([0, 1], [row({ x: "1" }), bad]),
      () => rows.update([0, 1], [row({ x: "1" }), bad]),
    ]) {
      const error = failure(write);
      expect([error.code, error.message]).toEqual(["ERR_LOSS", expect.stringMatching(message)]);
    }
    expect([all(rows), rows.fields]).toEqual([[{ n: "0" }, { n: "1" }], ["n"]]);
  });

  it.each([
    ["insert", (rows: LmdbRows) => rows.insert(4, numbered(9, 10))],
    ["insert before the first", (rows: LmdbRows) => rows.insert(-1, numbered(9, 10))],
    ["insert nothing", (rows: LmdbRows) => rows.insert(7, [])],
    ["set", (rows: LmdbRows) => rows.set([0, 3], numbered(8, 10))],
    ["update", (rows: LmdbRows) => rows.update([0, 3], numbered(8, 10))],
    ["delete", (rows: LmdbRows) => rows.delete([0, 3])],
    ["drop", (rows: LmdbRows) => rows.drop(["n"], [0, 3])],
  ])("does all or nothing: %s outside the rows", (_, write) => {
    using rows = open(newStore());
    rows.append(numbered(0, 3));
    const { txnId } = rows;
    const error = failure(() => write(rows));
    expect([error.code, error.message]).toEqual(["ERR_INDEX_RANGE", expect.stringMatching(/it has 3 rows/)]);
    expect([numbers(rows), rows.refresh(), rows.txnId]).toEqual([[0, 1, 2], false, txnId]);
    rows.append(numbered(3, 4));
    expect(numbers(rows)).toEqual([0, 1, 2, 3]);
  });

  it("keeps values of every size", () => {
    using rows = open(newStore());
    const lengths = [0, 1, 1900, 1950, 2030, 2040, 4080, 4096, 9000, 1 << 20, (3 << 20) + 1];
    const value = (length: number, salt: number) => new Uint8Array(length).map((_, i) => i * 7 + salt);
    const hash = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString("base64");
    rows.append(lengths.map((length) => new Map([["v", value(length, 1)]])));
    expect(lengths.map((_, i) => hash(rows.at(i)?.get("v")))).toEqual(lengths.map((n) => hash(value(n, 1))));
    // Replaced by larger and smaller ones: overflow pages go, and are used again.
    const turned = [...lengths].reverse();
    rows.set(
      upTo(lengths.length),
      turned.map((length) => new Map([["v", value(length, 2)]])),
    );
    expect(turned.map((_, i) => hash(rows.at(i)?.get("v")))).toEqual(turned.map((n) => hash(value(n, 2))));
    checkLayout(rows.path);
  });

  it("shows each commit to other handles and readers of the process", () => {
    const path = newStore();
    using first = open(path);
    using second = open(path);
    using reader = LmdbRows.open(path);
    for (let i = 0; i < 50; i++) (i % 2 === 0 ? first : second).append(numbered(i, i + 1));
    for (const rows of [first, second, reader]) {
      rows.refresh();
      expect(numbers(rows)).toEqual(upTo(50));
    }
    first.close();
    second.append(numbered(50, 51));
    reader.refresh();
    expect(reader.length).toBe(51);
  });

  it("builds on the newest commit, seen or not", () => {
    const path = newStore();
    using first = open(path);
    using second = open(path);
    first.append(numbered(0, 3));
    second.insert(0, [row({ n: "-1" })]);
    first.delete([1]);
    expect(numbers(first)).toEqual([-1, 1, 2]);
  });

  it("refuses all when it is closed, and is closed twice in peace", () => {
    const rows = open(newStore());
    rows.append(numbered(0, 1));
    rows.close();
    rows.close();
    for (const use of [
      () => rows.append(numbered(0, 1)),
      () => rows.clear(),
      () => rows.flush(),
      () => rows.length,
      () => rows.at(0),
    ]) {
      expect(failure(use).code).toBe("ERR_CLOSED");
    }
  });
});

describe("a store opened for reading", () => {
  it.runIf(writable)("is never written", () => {
    using rows = LmdbRows.open(made());
    for (const write of [
      () => rows.append(numbered(0, 1)),
      () => rows.insert(0, numbered(0, 1)),
      () => rows.set([0], numbered(0, 1)),
      () => rows.update([0], numbered(0, 1)),
      () => rows.delete([0]),
      () => rows.drop(["n"], [0]),
      () => rows.clear(),
    ]) {
      expect(failure(write).code).toBe("ERR_READ_ONLY");
    }
    expect(rows.length).toBe(3);
  });
});

it("takes the addon to be written, and says so before it makes a file", async () => {
  const path = newStore();
  const without = await loadWithoutAddon();
  const error = failure(() => without.LmdbRows.open(path, { mode: "r+" }));
  expect([error.code, error.message]).toEqual([
    "ERR_NATIVE_REQUIRED",
    `Cannot write ${fileOf(path)}: writing LMDB takes the native addon of @stowage/lmdb; STOWAGE_NATIVE=0 is set`,
  ]);
  expect(existsSync(path)).toBe(false);
});
