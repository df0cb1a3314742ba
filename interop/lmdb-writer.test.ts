import path from "node:path";
import { ObjectIOSync, type Row, type Value } from "@stowage/core";
import { LmdbReader, LmdbRows, listGroups, lmdb } from "@stowage/lmdb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nativeAddon } from "../packages/lmdb/src/native.js";
import { Operations } from "../packages/lmdb/src/operations.js";
import { checkLayout } from "../packages/lmdb/test/check-layout.js";
import {
  applyTo,
  RowModel,
  type RowOperation,
  randomOperation,
} from "../packages/lmdb/test/random-operations.js";
import { difference } from "../packages/lmdb/test/same-rows.js";
import { freshSeed, randomIntegers } from "../packages/lmdb/test/seed.js";
import { writable } from "../packages/lmdb/test/writable.js";
import { openPeer, type Peer } from "./peer.js";
import { temporaryFolder } from "./temporary-folder.js";

const seed = freshSeed("writer, with asebytes");
const OPERATIONS = 1000;
/** So many operations go to Python at a time. */
const BATCH = 25;

let peer: Peer;
beforeAll(() => {
  peer = openPeer("current");
});
afterAll(() => peer?.close());

/** What asebytes reads. */
async function readByPython(file: string, group: string): Promise<Row[]> {
  const rows = (await peer.call("lmdb_model", "read", { path: file, group })) as ([string, Value][] | null)[];
  return rows.map((pairs) => Object.fromEntries(pairs ?? []));
}

function applyByPython(file: string, group: string, operations: readonly RowOperation[]): Promise<unknown> {
  return peer.call("lmdb_model", "apply", { path: file, group, operations });
}

function applyByOurs(file: string, group: string, operations: readonly RowOperation[]): number {
  using db = ObjectIOSync.open(file, { backend: lmdb, mode: "r+", group });
  for (const operation of operations) applyTo(db, operation);
  return db.length;
}

function readByOurs(file: string, group: string): Row[] {
  using db = ObjectIOSync.open(file, { backend: lmdb, group });
  return db.store.getMany(Array.from({ length: db.length }, (_, i) => i));
}

/** Both readers see these rows in a file, and its keys are in order. */
async function expectRows(
  file: string,
  group: string,
  expected: readonly Row[],
  when: string,
): Promise<void> {
  expect([when, difference(readByOurs(file, group), expected)]).toEqual([when, null]);
  expect([when, difference(await readByPython(file, group), expected)]).toEqual([when, null]);
  checkLayout(path.join(file, group, "data.mdb"));
}

/** Batches of random operations, and the rows after each. */
function* batches(salt: number): Generator<{ operations: RowOperation[]; rows: Row[]; number: number }> {
  const random = randomIntegers(seed + salt);
  const model = new RowModel();
  for (let number = 0; number < OPERATIONS / BATCH; number++) {
    const operations = Array.from({ length: BATCH }, () => {
      const operation = randomOperation(model.rows.length, random);
      model.apply(operation);
      return operation;
    });
    yield { operations, rows: model.rows, number };
  }
}

describe.runIf(writable)("a thousand random changes", () => {
  test("leave the same rows in our store and in that of asebytes, for both readers", async () => {
    const folder = temporaryFolder();
    const [ours, theirs] = [path.join(folder, "ours.lmdb"), path.join(folder, "theirs.lmdb")];
    for (const { operations, rows, number } of batches(0)) {
      const counts = [
        applyByOurs(ours, "train", operations),
        await applyByPython(theirs, "train", operations),
      ];
      expect(counts).toEqual([rows.length, rows.length]);
      if (number % 10 !== 9) continue;
      for (const file of [ours, theirs]) await expectRows(file, "train", rows, `${file}, batch ${number}`);
    }
  });

  test("leave the same rows in a file that both edit by turns", async () => {
    const file = path.join(temporaryFolder(), "turns.lmdb");
    let last: Row[] = [];
    for (const { operations, rows, number } of batches(1)) {
      const apply = number % 2 === 0 ? applyByPython : applyByOurs;
      expect(await apply(file, "default", operations)).toBe(rows.length);
      if (number % 10 >= 8) await expectRows(file, "default", rows, `batch ${number}`);
      last = rows;
    }
    await expectRows(file, "default", last, "at the end");
  });
});

test.runIf(writable).each([
  ["50,000 random keys with deletes", { n: 50_000, key_bytes: [1, 24], value_bytes: [0, 60] }],
  ["keys up to 511 bytes", { n: 3000, key_bytes: [400, 511], value_bytes: [0, 20] }],
  ["values around a page and larger", { n: 1000, key_bytes: [1, 300], value_bytes: [1500, 20_000] }],
])("no page that Python's lmdb writes is taken for damaged: %s", async (_, options) => {
  const folder = temporaryFolder();
  await peer.call("lmdb_peer", "write_raw", { path: folder, seed, ...options });
  const environment = nativeAddon()!.Environment.open(folder, 2 ** 30);
  using reader = LmdbReader.open(folder);
  const keys = reader.range().map(([key]) => key);
  for (const end of [keys.length >> 1, keys.length >> 2]) {
    const operations = new Operations();
    for (let i = 0; i < end; i += 1 + (i % 3)) operations.delete(keys[i]!);
    for (let i = 0; i < end; i += 2) operations.put(keys[i]!, new Uint8Array((i * 37) % 5000));
    environment.begin();
    expect(environment.commit(operations.bytes)).toBe(true);
  }
  reader.refresh();
  expect(reader.range().length).toBe(reader.entries);
  // Meets all pages there are.
  const everything = new Operations();
  everything.clear();
  environment.begin();
  expect(environment.commit(everything.bytes)).toBe(true);
  environment.close();
  reader.refresh();
  expect(reader.entries).toBe(0);
});

describe.runIf(writable)("what we write", () => {
  test("is found in groups by asebytes, an empty one too", async () => {
    const file = path.join(temporaryFolder(), "groups.lmdb");
    for (const group of ["train", "größe 1", "empty"]) {
      using db = ObjectIOSync.open(file, { backend: lmdb, mode: "w", group });
      if (group !== "empty") db.extend([{ "info.group": group }, null]);
    }
    expect(await peer.call("lmdb_peer", "list_groups", { path: file })).toEqual(listGroups(file));
    expect(listGroups(file)).toEqual(["empty", "größe 1", "train"]);
    for (const group of ["train", "größe 1"]) {
      expect(await readByPython(file, group)).toEqual([{ "info.group": group }, {}]);
    }
    expect(await readByPython(file, "empty")).toEqual([]);
    await applyByPython(file, "empty", [{ do: "extend", rows: [{ "info.late": "x" }] }]);
    expect(readByOurs(file, "empty")).toEqual([{ "info.late": "x" }]);
  });

  test("keeps names of any bytes", async () => {
    const file = path.join(temporaryFolder(), "names.lmdb");
    const names = [
      "\xff\xfe",
      "\0",
      "a-b",
      "-",
      "7-x",
      "info.gr\xc3\xb6\xc3\x9fe",
      "__meta__count",
      "n".repeat(490),
    ];
    const rows = names.map((name, i) => new Map([[name, new Uint8Array(i * 700).fill(i)]]));
    {
      using db = LmdbRows.open(file, { mode: "r+" });
      db.append([...rows, new Map(), new Map(rows.flatMap((row) => [...row]))]);
      db.delete([1]);
      db.insert(0, [rows[1]!]);
    }
    const expected = [rows[1]!, rows[0]!, ...rows.slice(2), null, new Map(rows.flatMap((row) => [...row]))];
    const found = (await peer.call("lmdb_peer", "read_group", { path: file, group: "default" })) as (
      | [string, Uint8Array][]
      | null
    )[];
    const text = (row: Iterable<[string, Uint8Array]> | null) =>
      row && [...row].map(([name, bytes]) => `${name} ${Buffer.from(bytes).toString("hex")}`).sort();
    expect(found.map(text)).toEqual(expected.map(text));
  });
});
