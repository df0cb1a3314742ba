import { createHash } from "node:crypto";
import { mkdirSync, openAsBlob, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { BlobSource, FileSource, isStowageError, MemorySource } from "@stowage/core";
import {
  type LmdbEntry,
  LmdbReader,
  LmdbRows,
  type LmdbStat,
  listGroups,
  openLmdb,
  openLmdbRows,
} from "@stowage/lmdb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPeer, type Peer } from "./peer.js";
import { temporaryFolder } from "./temporary-folder.js";

interface Digest {
  count: number;
  sha256: string;
}
type Summary = Digest & LmdbStat;
type PeerRow = [string, Uint8Array][] | null;

const seed = Number(process.env.STOWAGE_SEED ?? Math.floor(Math.random() * 2 ** 31));

let peer: Peer;
beforeAll(() => {
  console.log(`lmdb: seed ${seed}`);
  peer = openPeer("current");
});
afterAll(() => peer?.close());

function call<T>(name: string, args: Record<string, unknown>): Promise<T> {
  return peer.call("lmdb_peer", name, args) as Promise<T>;
}

function digest(entries: Iterable<LmdbEntry>): Digest {
  const hash = createHash("sha256");
  let count = 0;
  for (const [key, value] of entries) {
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32LE(key.length, 0);
    lengths.writeUInt32LE(value.length, 4);
    hash.update(lengths).update(key).update(value);
    count++;
  }
  return { count, sha256: hash.digest("hex") };
}

/** Bytes as a short text: comparing arrays element by element takes long. */
function brief(bytes: Uint8Array | null | undefined): string | null | undefined {
  return bytes && `${bytes.length} ${createHash("sha1").update(bytes).digest("base64")}`;
}

function briefRows(rows: readonly (Map<string, Uint8Array> | null)[]): (string[] | null)[] {
  return rows.map((row) => row && [...row].map(([name, value]) => `${name} ${brief(value)}`));
}

function mapOf(row: PeerRow | undefined): Map<string, Uint8Array> | null {
  return row ? new Map(row) : null;
}

/** Reads everything, in each of the ways there are, and compares it with what LMDB says. */
async function expectSame(file: string, summary: Summary): Promise<void> {
  const { count, sha256, ...stat } = summary;
  for (const input of [file, FileSource.open(file), new MemorySource(readFileSync(file))]) {
    using reader = LmdbReader.open(input);
    expect(reader.stat).toEqual(stat);
    expect(reader.entries).toBe(count);
    const entries = reader.range();
    expect(digest(entries)).toEqual({ count, sha256 });
    expect(digest(reader.iterate())).toEqual({ count, sha256 });
    const some = entries.filter((_, i) => i % 17 === 0);
    expect(reader.getMany(some.map(([key]) => key)).map(brief)).toEqual(
      some.map(([, value]) => brief(value)),
    );
    for (const [key] of some.slice(0, 50)) {
      expect(reader.get(Uint8Array.of(...key, 0))).toEqual(
        entries.find(([other]) => Buffer.compare(other, Uint8Array.of(...key, 0)) === 0)?.[1],
      );
    }
  }
  using remote = await openLmdb(await openAsBlob(file));
  expect(remote.stat).toEqual(stat);
  const entries = await remote.range();
  expect(digest(entries)).toEqual({ count, sha256 });
  const some = entries.filter((_, i) => i % 29 === 0);
  const values = await remote.getMany(some.map(([key]) => key));
  expect(values.map(brief)).toEqual(some.map(([, value]) => brief(value)));
  let streamed = 0;
  for await (const [key, value] of remote.iterate()) {
    if (Buffer.compare(key, entries[streamed]![0]) + Buffer.compare(value, entries[streamed]![1]) !== 0)
      break;
    streamed++;
  }
  expect(streamed).toBe(count);
}

describe("environments that Python's lmdb writes", () => {
  test.each([
    ["50,000 random keys with deletes", { n: 50_000, key_bytes: [1, 24], value_bytes: [0, 60] }],
    ["keys up to 511 bytes", { n: 3000, key_bytes: [400, 511], value_bytes: [0, 20] }],
    ["values in overflow pages", { n: 400, key_bytes: [4, 12], value_bytes: [1000, 90_000] }],
    ["values around a page", { n: 2000, key_bytes: [1, 511], value_bytes: [1500, 4200] }],
    ["a handful of entries", { n: 8, key_bytes: [1, 3], value_bytes: [0, 9] }],
    [
      "a writable map",
      { n: 4000, key_bytes: [1, 40], value_bytes: [0, 3000], writemap: true, map_size: 2 ** 26 },
    ],
  ])("reads %s", async (_, options) => {
    const folder = temporaryFolder();
    const summary = await call<Summary>("write_raw", { path: folder, seed, ...options });
    await expectSame(path.join(folder, "data.mdb"), summary);
  });

  test.each([
    [20_000, 30, false],
    [20_000, 30, true],
    [3000, 1990, true],
    [300, 4080, true],
  ])("reads %i ascending keys with %i bytes each, appended: %s", async (n, value_bytes, append) => {
    const file = path.join(temporaryFolder(), "ordered.mdb");
    const summary = await call<Summary>("write_ordered", { path: file, n, value_bytes, append });
    await expectSame(file, summary);
  });

  test("reads an environment that was emptied, and one that never had an entry", async () => {
    const folder = temporaryFolder();
    const options = { n: 0, key_bytes: [1, 1], value_bytes: [1, 1] };
    await expectSame(
      path.join(folder, "data.mdb"),
      await call<Summary>("write_raw", { path: folder, seed, ...options }),
    );
    await call("write_raw", { path: folder, seed, ...options, n: 5000, key_bytes: [1, 20] });
    await expectSame(path.join(folder, "data.mdb"), await call<Summary>("delete_all", { path: folder }));
  });

  test("finds the keys of a prefix", async () => {
    const folder = temporaryFolder();
    await call("write_raw", { path: folder, seed, n: 20_000, key_bytes: [1, 6], value_bytes: [0, 9] });
    using reader = LmdbReader.open(folder);
    using remote = await openLmdb(await openAsBlob(reader.path));
    const prefixes = Array.from({ length: 256 }, (_, i) =>
      i % 2 === 0 ? Uint8Array.of(i) : Uint8Array.of((i * 7) % 256, (i * 31) % 256),
    );
    prefixes.push(Uint8Array.of(255, 255), Uint8Array.of(0, 0));
    const expected = await call<Digest[]>("ranges", { path: folder, prefixes });
    expect(prefixes.map((prefix) => digest(reader.range({ prefix })))).toEqual(expected);
    for (const [i, prefix] of prefixes.entries()) {
      if (i % 16 === 0) expect(digest(await remote.range({ prefix }))).toEqual(expected[i]);
    }
  });

  test("refuses named databases by name", async () => {
    const folder = temporaryFolder();
    await call("write_named", { path: folder });
    using reader = LmdbReader.open(folder);
    expect(reader.get("plain")).toEqual(Uint8Array.of(0x31));
    expect(() => reader.get("sub")).toThrow(/holds a named database/);
    expect(() => reader.range()).toThrow(/holds a named database/);
  });

  test.each(["buffered", "mapped"])(
    "sees whole commits while a Python process keeps writing (%s)",
    async (how) => {
      const folder = temporaryFolder();
      await call("start_writer", { path: folder, batch: 200 });
      const file = path.join(folder, "data.mdb");
      using reader = LmdbReader.open(how === "mapped" ? file : FileSource.open(file));
      const seen = new Set<string>();
      let changed = 0;
      let iterated = 0;
      const end = Date.now() + 4000;
      for (let i = 0; Date.now() < end; i++) {
        if (i % 2 === 0) reader.refresh();
        try {
          const entries = i % 3 === 0 ? [...reader.iterate()] : reader.range();
          expect(entries).toHaveLength(200);
          const numbers = new Set(entries.map(([, value]) => Buffer.from(value.subarray(0, 8)).toString()));
          expect(numbers.size).toBe(1);
          const [number] = numbers;
          for (const [k, [, value]] of entries.entries()) {
            const times = 1 + ((k * 37 + Number(number)) % 600);
            if (Buffer.compare(value, Buffer.from(number!.repeat(times))) !== 0) {
              throw new Error(`commit ${number}: value ${k} is mixed`);
            }
          }
          seen.add(number!);
          iterated++;
        } catch (error) {
          if (!isStowageError(error, "ERR_LMDB_CHANGED")) throw error;
          changed++;
        }
      }
      const summary = await call<Summary>("stop_writer", { path: folder });
      console.log(
        `lmdb, ${how}: ${iterated} reads of ${seen.size} commits of ${summary.txnId}, ${changed} given up`,
      );
      expect(seen.size).toBeGreaterThan(5);
      reader.refresh();
      expect(digest(reader.range())).toEqual({ count: summary.count, sha256: summary.sha256 });
    },
  );
});

describe("stores that asebytes writes", () => {
  function expectRows(rows: LmdbRows, expected: readonly PeerRow[]): void {
    const everything = Array.from({ length: expected.length }, (_, i) => i);
    expect(rows.length).toBe(expected.length);
    expect(briefRows(rows.getMany(everything))).toEqual(briefRows(expected.map(mapOf)));
    expect(everything.map((i) => rows.keys(i))).toEqual(
      expected.map((row) => (row ?? []).map(([name]) => name)),
    );
    const maps = expected.map(mapOf);
    for (const name of rows.fields) {
      expect(rows.column(name).map(brief)).toEqual(maps.map((row) => brief(row?.get(name) ?? null)));
    }
    expect(briefRows(rows.getMany(everything, ["calc.energy", "absent"]))).toEqual(
      briefRows(maps.map((row) => row && new Map([...row].filter(([name]) => name === "calc.energy")))),
    );
    expect(new Set(rows.fields)).toEqual(
      new Set([...rows.fields, ...expected.flatMap((row) => (row ?? []).map(([name]) => name))]),
    );
  }

  test("reads the rows of a store that went through every kind of change", async () => {
    const folder = path.join(temporaryFolder(), "store.lmdb");
    const expected = await call<PeerRow[]>("write_rows", { path: folder, seed });
    expect(expected.filter((row) => row === null).length).toBeGreaterThan(20);
    using rows = LmdbRows.open(folder);
    expectRows(rows, expected);
    expect(rows.at(-1)).toEqual(mapOf(expected.at(-1)));

    using remote = await openLmdbRows(new BlobSource(await openAsBlob(rows.path)));
    const some = expected.map((_, i) => i).filter((i) => i % 3 === 0);
    expect(await remote.count()).toBe(expected.length);
    expect(briefRows(await remote.getMany(some))).toEqual(briefRows(some.map((i) => mapOf(expected[i]))));
    expect((await remote.column("info.big")).map(brief)).toEqual(rows.column("info.big").map(brief));
    expect(await remote.fields()).toEqual(rows.fields);
    expect(await remote.keys(500)).toEqual(rows.keys(500));
  });

  test("reads groups, an empty one too, and lists them as asebytes does", async () => {
    const folder = path.join(temporaryFolder(), "groups.lmdb");
    for (const [group, n] of [
      ["train", 1030],
      ["test", 3],
      ["empty", 0],
      ["default", 1],
    ] as const) {
      const expected = await call<PeerRow[]>("write_group", { path: folder, group, n });
      using rows = LmdbRows.open(folder, { group });
      expectRows(rows, expected);
    }
    writeFileSync(path.join(folder, "note.txt"), "no group");
    mkdirSync(path.join(folder, "nothing"));
    expect(listGroups(folder)).toEqual(await call("list_groups", { path: folder }));
    expect(() => LmdbRows.open(folder, { group: "absent" })).toThrow(/no .*data\.mdb/);
  });

  test("takes up changes of another process: blocks that go away, and all rows", async () => {
    const folder = path.join(temporaryFolder(), "changes.lmdb");
    await call("write_group", { path: folder, group: "a", n: 1100 });
    using rows = LmdbRows.open(folder, { group: "a" });
    const rest = await call<PeerRow[]>("delete_rows", { path: folder, group: "a", start: 1000, stop: 1100 });
    expect(rows.refresh()).toBe(true);
    expectRows(rows, rest);
    expect(rows.refresh()).toBe(false);
    expectRows(
      rows,
      await call<PeerRow[]>("delete_rows", { path: folder, group: "a", start: 0, stop: 1000 }),
    );
  });
});
