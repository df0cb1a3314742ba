import { BlobSource, type ByteSource, isStowageError, MemorySource } from "@stowage/core";
import { expect, it } from "vitest";
import { LmdbReader, openLmdb } from "../src/index.js";
import { writeLmdb } from "./write-lmdb.js";

const entries = Array.from({ length: 200 }, (_, i): [string, string] => [
  `key-${String(i).padStart(3, "0")}`,
  i % 10 === 0 ? "v".repeat(5000 + i) : `value ${i}`,
]);

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && new TextDecoder().decode(bytes);

it.each([512, 1024, 4096, 16384, 32768])("reads pages of %i bytes", async (pageSize) => {
  const file = writeLmdb(entries, { pageSize });
  using reader = LmdbReader.open(new MemorySource(file));
  expect(reader.stat).toMatchObject({ pageSize, entries: 200, depth: 4, txnId: 7, leafPages: 50 });
  expect(reader.range().map(([key, value]) => [text(key), text(value)])).toEqual(entries);
  for (const [key, value] of entries) expect(text(reader.get(key))).toBe(value);
  expect([reader.get("key-0005"), reader.get(""), reader.get("z")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  using remote = await openLmdb(new Blob([file]));
  expect((await remote.range()).map(([key, value]) => [text(key), text(value)])).toEqual(entries);
});

it("gives the keys of a range, in whole and in parts", async () => {
  const file = writeLmdb(entries);
  using reader = LmdbReader.open(new MemorySource(file));
  using remote = await openLmdb(new Blob([file]));
  const names = entries.map(([key]) => key);
  const cases = [
    [{}, names],
    [{ prefix: "key-01" }, names.slice(10, 20)],
    [{ prefix: "key-01", start: "key-015" }, names.slice(15, 20)],
    [{ start: "key-0155", end: "key-0190" }, names.slice(16, 20)],
    [{ start: "key-150", end: "key-153" }, names.slice(150, 153)],
    [{ start: "key-198", limit: 9 }, names.slice(198)],
    [{ limit: 3 }, names.slice(0, 3)],
    [{ prefix: "nothing" }, []],
    [{ end: "" }, []],
    [{ limit: 0 }, []],
  ] as const;
  for (const [range, expected] of cases) {
    expect(reader.range(range).map(([key]) => text(key))).toEqual(expected);
    expect([...reader.iterate(range)].map(([key]) => text(key))).toEqual(expected);
    expect((await remote.range(range)).map(([key]) => text(key))).toEqual(expected);
    const streamed: (string | undefined)[] = [];
    for await (const [key] of remote.iterate(range)) streamed.push(text(key));
    expect(streamed).toEqual(expected);
  }
});

it("iterates in parts that fit into memory", () => {
  const big = Array.from({ length: 9 }, (_, i): [string, Uint8Array] => [
    `k${i}`,
    new Uint8Array(400_000).fill(i),
  ]);
  using reader = LmdbReader.open(new MemorySource(writeLmdb(big)));
  expect([...reader.iterate()].map(([, value]) => [value.length, value[9]])).toEqual(
    big.map(([, value]) => [value.length, value[9]]),
  );
});

it("reads an empty environment", () => {
  using reader = LmdbReader.open(new MemorySource(writeLmdb([])));
  expect([reader.entries, reader.range(), [...reader.iterate()], reader.get("a")]).toEqual([
    0,
    [],
    [],
    undefined,
  ]);
});

it("gives values that are the caller's own", () => {
  const file = writeLmdb(entries);
  using reader = LmdbReader.open(new MemorySource(file));
  const values = reader.getMany(["key-000", "key-001"]);
  file.fill(0, 8192);
  expect(values.map((value) => text(value)?.slice(0, 7))).toEqual(["vvvvvvv", "value 1"]);
});

it("reads a remote file with few requests", async () => {
  const reads: number[] = [];
  const blob = new BlobSource(new Blob([writeLmdb(entries)]));
  const source: ByteSource = {
    name: "counted",
    byteLength: blob.byteLength,
    read: (byteOffset, byteLength, options) => {
      reads.push(byteLength);
      return blob.read(byteOffset, byteLength, options);
    },
    close: () => blob.close(),
  };
  using remote = await openLmdb(source);
  expect(reads.length).toBe(1);
  await remote.get("key-101");
  expect(reads.length).toBe(1 + 4);
  await remote.get("key-102"); // the same pages
  expect(reads.length).toBe(1 + 4);
  reads.length = 0;
  expect(await remote.getMany(entries.map(([key]) => key))).toHaveLength(200);
  expect(reads.length).toBeLessThan(70);
});

it("sees the newest commit, and moves on by itself only when its own has been written over", () => {
  const file = writeLmdb([["a", "one"]], { txnId: 7 });
  using reader = LmdbReader.open(new MemorySource(file));
  const bytes = (value: string, txnId: number) => writeLmdb([["a", value]], { txnId });
  const commit8 = bytes("two", 8);
  file.set(commit8.subarray(0, 4096)); // meta page 0 alone; the tree is the same page, so its value, too
  expect(text(reader.get("a"))).toBe("one");
  expect(reader.txnId).toBe(7);
  expect(reader.refresh()).toBe(true);
  expect(reader.refresh()).toBe(false);
  expect(reader.txnId).toBe(8);
  const iteration = reader.iterate();
  file.set(bytes("six", 11));
  expect(text(reader.get("a"))).toBe("six");
  expect(reader.txnId).toBe(11);
  expect(text([...iteration][0]?.[1])).toBe("six"); // it had not begun
});

it("gives up an iteration whose commit is written over", () => {
  const many = Array.from({ length: 6 }, (_, i): [string, Uint8Array] => [`k${i}`, new Uint8Array(600_000)]);
  const file = writeLmdb(many, { txnId: 7 });
  using reader = LmdbReader.open(new MemorySource(file));
  const iteration = reader.iterate();
  iteration.next();
  file.set(writeLmdb(many, { txnId: 9 }));
  let error: unknown;
  try {
    [...iteration];
  } catch (caught) {
    error = caught;
  }
  expect(isStowageError(error, "ERR_LMDB_CHANGED") && error.details).toEqual({
    path: "memory",
    txnId: 7,
    newestTxnId: 9,
  });
});

it("watches a remote source that others write, if told to", async () => {
  const file = writeLmdb([["a", "one"]], { txnId: 7 });
  using live = await openLmdb(new MemorySource(file), { live: true });
  using still = await openLmdb(new MemorySource(file));
  file.set(writeLmdb([["a", "two"]], { txnId: 9 }));
  expect(text(await live.get("a"))).toBe("two");
  expect([live.txnId, still.txnId]).toEqual([9, 7]);
  expect(await still.refresh()).toBe(true);
  expect(text(await still.get("a"))).toBe("two");
});

it("follows a remote source that grows", async () => {
  const small = writeLmdb([["a", "one"]], { txnId: 7 });
  const grown = writeLmdb([...entries, ["a", "two"]], { txnId: 8 });
  let bytes = small;
  let byteLength = small.length;
  const source = {
    name: "growing",
    get byteLength(): number {
      return byteLength;
    },
    refresh: () => {
      byteLength = bytes.length;
    },
    read: async (from: number, count: number) => bytes.slice(from, from + count),
    close: () => undefined,
  };
  using remote = await openLmdb(source);
  bytes = grown;
  expect(await remote.refresh()).toBe(true);
  expect(text(await remote.get("a"))).toBe("two");
  expect(await remote.range()).toHaveLength(201);
});

it("refuses use after close", () => {
  const reader = LmdbReader.open(new MemorySource(writeLmdb(entries)));
  reader.close();
  expect(() => reader.get("key-001")).toThrow(/closed/);
});
