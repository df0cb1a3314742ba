import path from "node:path";
import { AtomsIO, type Row, type RowStore, schemaOfRows } from "@stowage/core";
import { openAseLmdbStore } from "@stowage/lmdb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPeer, type Peer } from "./peer.js";
import { comparable, type TaggedRow, tagRow } from "./tagged-rows.js";
import { temporaryFolder } from "./temporary-folder.js";

const seed = Number(process.env.STOWAGE_SEED ?? Math.floor(Math.random() * 2 ** 31));

let peer: Peer;
beforeAll(() => {
  console.log(`ase-lmdb: seed ${seed}`);
  peer = openPeer("current");
});
afterAll(() => peer?.close());

async function written(functionName: string, parameters: Record<string, unknown>): Promise<TaggedRow[]> {
  return comparable((await peer.call("ase_lmdb", functionName, parameters)) as TaggedRow[]);
}

function rowsOf(store: RowStore<"sync">): Row[] {
  return store.getMany(Array.from({ length: store.count() }, (_, i) => i));
}

const weRead = (store: RowStore<"sync">): TaggedRow[] => comparable(rowsOf(store).map(tagRow));

test.each([
  ["write_cases", {}],
  ["write_random", { seed, count: 1 }],
  ["write_random", { seed, count: 120 }],
])("what ase-db-backends writes is read as it reads it: %s %j", async (functionName, parameters) => {
  const file = path.join(temporaryFolder(), "ase.aselmdb");
  const expected = await written(functionName, { path: file, ...parameters });
  const store = openAseLmdbStore(file);
  expect(weRead(store)).toEqual(expected);
  expect(store.schema()).toEqual(schemaOfRows(rowsOf(store)));
  expect(store.warnings).toEqual([]);
  store.close();
});

test("an open store sees what Python commits", async () => {
  const file = path.join(temporaryFolder(), "ase.aselmdb");
  await written("write_random", { seed, path: file, count: 20 });
  const store = openAseLmdbStore(file);
  const before = weRead(store);
  const expected = await written("add_and_delete", { path: file });
  expect(weRead(store)).toEqual(expected);
  expect(expected.slice(0, -1)).toEqual(before.slice(1));
  store.close();
});

test("a row that is counted and not there is left out, with a warning", async () => {
  const file = path.join(temporaryFolder(), "ase.aselmdb");
  const all = await written("write_cases", { path: file });
  // The first three ids are 1, 4 and 5: Python lists all of them, and fails at the lost one.
  expect(await written("lose_row", { path: file, id: 4 })).toHaveLength(all.length);
  const store = openAseLmdbStore(file);
  expect(weRead(store)).toEqual([all[0], ...all.slice(2)]);
  expect(store.warnings).toEqual(["rows that the database counts and that are not there: 1"]);
  store.close();
});

test("structures and columns come through the facade, found by the extension", async () => {
  const file = path.join(temporaryFolder(), "ase.aselmdb");
  const expected = await written("write_cases", { path: file });
  await using db = await AtomsIO.open(file);
  expect(await db.count()).toBe(expected.length);
  const energies = await db.column("calc.energy").toArray();
  expect(Array.from(energies as ArrayLike<unknown>).filter((energy) => energy === -1.5)).toHaveLength(1);
  expect((await db.at(0))?.info.unique_id).toMatch(/^[0-9a-f]{32}$/);
});
