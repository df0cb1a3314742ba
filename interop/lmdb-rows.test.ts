import path from "node:path";
import {
  AtomsIO,
  AtomsIOSync,
  describeValue,
  equalValues,
  ObjectIO,
  ObjectIOSync,
  type Value,
} from "@stowage/core";
import { lmdb } from "@stowage/lmdb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writable } from "../packages/lmdb/test/writable.js";
import { openPeer, type Peer } from "./peer.js";
import { temporaryFolder } from "./temporary-folder.js";

const seed = Number(process.env.STOWAGE_SEED ?? Math.floor(Math.random() * 2 ** 31));
type PeerRow = [string, Value][] | null;

let peer: Peer;
beforeAll(() => {
  console.log(`lmdb rows: seed ${seed}`);
  peer = openPeer("current");
});
afterAll(() => peer?.close());

const call = <T>(name: string, args: Record<string, unknown>): Promise<T> =>
  peer.call("lmdb_rows", name, args) as Promise<T>;

describe("stores of structures that asebytes writes", () => {
  test.each([
    ["default", 60],
    ["train", 7],
    ["many", 1100],
  ])("group %s of about %d rows reads the same here", async (group, count) => {
    const file = path.join(temporaryFolder(), "rows.lmdb");
    await call("write", { path: file, seed, count, group });
    const expected = await call<PeerRow[]>("read", { path: file, group });
    const db = ObjectIOSync.open(file, { backend: lmdb, group });
    expect(db.length).toBe(expected.length);
    const rows = db.store.getMany(expected.map((_, i) => i));
    for (const [i, row] of rows.entries()) {
      const pairs = expected[i] ?? [];
      expect(Object.keys(row).sort(), `keys of row ${i}`).toEqual(pairs.map(([key]) => key).sort());
      for (const [key, value] of pairs) {
        const found = row[key]!;
        expect(equalValues(found, value), `${key} of row ${i}: ${describeValue(found)}`).toBe(true);
      }
    }
    // Facades on top: null for slots, structures, columns.
    const structures = AtomsIOSync.open(file, { backend: lmdb, group });
    const all = structures.toArray();
    expect(all.map((atoms) => atoms === null)).toEqual(expected.map((row) => row === null));
    const energies = expected.map((row) => row?.find(([key]) => key === "calc.energy")?.[1] ?? null);
    expect(Array.from(db.column("calc.energy") as Iterable<Value>)).toEqual(energies);
    const first = all.findIndex((atoms) => (atoms?.constraints.length ?? 0) > 0);
    if (first >= 0) expect(all[first]!.constraints).toHaveLength(2);
    expect(await ObjectIO.listGroups(file, { backend: lmdb })).toEqual([group]);
    structures.close();
    db.close();
  });

  test("is opened by its name, and by promise", async () => {
    const file = path.join(temporaryFolder(), "small.lmdb");
    await call("write", { path: file, seed, count: 5, group: "default" });
    await using db = await AtomsIO.open(file, { backend: lmdb });
    expect(await db.count()).toBeGreaterThan(0);
    await expect(db.append(null)).rejects.toThrow(expect.objectContaining({ code: "ERR_READ_ONLY" }));
    await expect(AtomsIO.open(file, { backend: lmdb, group: "other" })).rejects.toThrow(
      expect.objectContaining({ code: "ERR_FILE_MISSING" }),
    );
  });

  test.runIf(writable)("copied structure by structure are the same for asebytes", async () => {
    const [file, copy] = ["from.lmdb", "to.lmdb"].map((name) => path.join(temporaryFolder(), name));
    await call("write", { path: file, seed: seed + 1, count: 80, group: "default" });
    {
      using source = AtomsIOSync.open(file!, { backend: lmdb });
      using target = AtomsIOSync.open(copy!, { backend: lmdb, mode: "w" });
      target.extend(source.toArray());
    }
    // Of a place that was reserved and given one key only, we make a structure without atoms.
    const sorted = (rows: PeerRow[]) =>
      rows.map((row, i) => (partial.has(i) ? null : (row?.sort(([a], [b]) => (a < b ? -1 : 1)) ?? null)));
    const before = await call<PeerRow[]>("read", { path: file, group: "default" });
    const partial = new Set(before.flatMap((row, i) => (row?.some(([key]) => key === "cell") ? [] : [i])));
    const expected = sorted(before);
    expect(sorted(await call<PeerRow[]>("read", { path: copy, group: "default" }))).toEqual(expected);
  });
});
