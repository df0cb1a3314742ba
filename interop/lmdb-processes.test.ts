import { once } from "node:events";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ObjectIOSync, type Row, type Value } from "@stowage/core";
import { LmdbRows, lmdb } from "@stowage/lmdb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { texts } from "../packages/lmdb/test/blob-rows.js";
import { checkLayout } from "../packages/lmdb/test/check-layout.js";
import { buildChild, ended, startChild } from "../packages/lmdb/test/child-process.js";
import { RowModel, randomOperation } from "../packages/lmdb/test/random-operations.js";
import { difference } from "../packages/lmdb/test/same-rows.js";
import { freshSeed, randomIntegers } from "../packages/lmdb/test/seed.js";
import { writable } from "../packages/lmdb/test/writable.js";
import { openPeer, type Peer } from "./peer.js";
import { temporaryFolder } from "./temporary-folder.js";

const seed = freshSeed("processes, with Python");

let peer: Peer;
const children: Record<string, string> = {};
beforeAll(() => {
  peer = openPeer("current");
  if (!writable) return;
  for (const name of ["change-rows", "append-rows", "turn-rows", "read-rows"])
    children[name] = buildChild(name);
});
afterAll(() => peer?.close());

const newStore = (): string => path.join(temporaryFolder(), "rows.lmdb");
const fileOf = (store: string): string => path.join(store, "default", "data.mdb");

describe.runIf(writable)("Python and we, at once", () => {
  test("write: nothing is lost", async () => {
    const store = newStore();
    const ours = ["a", "b"].map((writer) =>
      ended(startChild(children["append-rows"]!, [store, writer, 300])),
    );
    await peer.call("lmdb_peer", "append_rows", { path: store, writer: "python", count: 300 });
    for (const { code, stderr } of await Promise.all(ours)) expect([code, stderr]).toEqual([0, ""]);
    using rows = LmdbRows.open(store);
    const found: Record<string, number[]> = {};
    for (let i = 0; i < rows.length; i++) {
      const { writer, i: number } = texts(rows.at(i))!;
      found[writer!] ??= [];
      found[writer!]!.push(Number(number));
    }
    const all = Array.from({ length: 300 }, (_, i) => i);
    expect(found).toEqual({ a: all, b: all, python: all });
    checkLayout(fileOf(store));
    const seen = (await peer.call("lmdb_peer", "read_group", { path: store, group: "default" })) as unknown[];
    expect(seen).toHaveLength(900);
  });

  test("read while one of us writes: each read is one commit, none older than the one before", async () => {
    const store = newStore();
    {
      using rows = LmdbRows.open(store, { mode: "r+" });
      rows.append(Array.from({ length: 150 }, () => new Map()));
    }
    const args = [store, 150, 300];
    const readers = Array.from({ length: 3 }, () => ended(startChild(children["read-rows"]!, args)));
    const python = peer.call("lmdb_peer", "watch_rows", { path: store, count: 150, generations: 300 });
    const writer = await ended(startChild(children["turn-rows"]!, args));
    expect([writer.code, writer.stderr]).toEqual([0, ""]);
    expect(await python).toBeGreaterThan(1);
    for (const { code, stderr } of await Promise.all(readers)) expect([code, stderr]).toEqual([0, ""]);
  });

  test("a writer of ours that was killed leaves what Python reads the same, and goes on with", async () => {
    const store = newStore();
    const draw = randomIntegers(seed);
    for (let kill = 0; kill < 6; kill++) {
      const child = startChild(children["change-rows"]!, [store, seed + kill, 0, 100_000]);
      const end = ended(child);
      await once(child.stdout!, "data");
      await sleep(draw(100));
      child.kill("SIGKILL");
      const { stdout } = await end;
      const said = Number(stdout.split("\n").at(-2));
      const found = (
        (await peer.call("lmdb_model", "read", { path: store, group: "default" })) as (
          | [string, Value][]
          | null
        )[]
      ).map((pairs): Row => Object.fromEntries(pairs ?? []));
      const expected = [said, said + 1].map((changes) => modelAfter(seed + kill, changes));
      if (!expected.some((rows) => difference(found, rows) === null)) {
        expect.fail(`after ${said} changes: ${difference(found, expected[0]!)}`);
      }
      await peer.call("lmdb_model", "apply", {
        path: store,
        group: "default",
        operations: [{ do: "clear" }],
      });
      using db = ObjectIOSync.open(store, { backend: lmdb });
      expect(db.length).toBe(0);
      checkLayout(fileOf(store));
    }
  });
});

function modelAfter(from: number, changes: number): Row[] {
  const random = randomIntegers(from);
  const model = new RowModel();
  for (let n = 0; n < changes; n++) model.apply(randomOperation(model.rows.length, random));
  return model.rows;
}
