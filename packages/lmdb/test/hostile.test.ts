import { isStowageError, MemorySource } from "@stowage/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { LmdbReader, LmdbRows, openLmdb } from "../src/index.js";
import { writeLmdb } from "./write-lmdb.js";

const seed = Number(process.env.STOWAGE_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`lmdb hostile: seed ${seed}`);

const RUNS = 1500;
const pageSize = 512;
const entries = Array.from({ length: 90 }, (_, i): [string, string] => [
  `key-${i}`,
  i % 9 === 0 ? "v".repeat(700 + i) : `value ${i}`,
]);
const sound = writeLmdb(entries, { pageSize });
const sizes = new Uint8Array(Uint32Array.of(3).buffer);
const store = writeLmdb(
  [
    ["__meta__count", "3"],
    ["__schema__", "a\nb"],
    ["__blk_count__", new Uint8Array(Uint32Array.of(1).buffer)],
    ["__blk_sizes__", sizes],
    ["__blk__\0\0\0\0", new Uint8Array(BigUint64Array.of(5n, 0n, 2n).buffer)],
    ["0-a", "0a"],
    ["5-a", "5a"],
    ["5-b", "5b"],
    ["55-a", "another row"],
  ],
  { pageSize },
);

/** Everything that can be asked; a StowageError is an answer. */
async function ask(file: Uint8Array): Promise<void> {
  const tries = [
    () => {
      using reader = LmdbReader.open(new MemorySource(file));
      reader.range();
      for (const [key] of entries) reader.get(key);
    },
    () => {
      using reader = LmdbReader.open(new MemorySource(file));
      let count = 0;
      for (const _ of reader.iterate()) if (++count > 1000) throw new Error("it goes on and on");
    },
    () => {
      using rows = LmdbRows.open(new MemorySource(file));
      rows.getMany([0, 1, 2]);
      rows.column("a");
      rows.keys(0);
    },
    async () => {
      using remote = await openLmdb(new MemorySource(file));
      await remote.range();
    },
  ];
  for (const work of tries) {
    try {
      await work();
    } catch (error) {
      if (!isStowageError(error)) throw error;
      if (!/^ERR_(LMDB|UNSUPPORTED|INDEX_RANGE)/.test(error.code)) throw error;
    }
  }
}

const at = fc.oneof(
  // The metas, and the headers and first nodes of pages, are where a change means most.
  fc.nat({ max: 151 }),
  fc.nat({ max: 151 }).map((offset) => pageSize + offset),
  fc
    .tuple(fc.nat({ max: sound.length / pageSize - 1 }), fc.nat({ max: 40 }))
    .map(([page, offset]) => page * pageSize + offset),
  fc.nat({ max: sound.length - 1 }),
);

it.each([
  ["an environment", sound],
  ["a store", store],
])("answers or refuses whatever bytes of %s are changed", async (_, file) => {
  const change = fc.tuple(at, fc.integer({ min: 0, max: 255 }));
  const runs = fc.check(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
      const copy = file.slice();
      for (const [offset, byte] of changes) copy[offset % copy.length] = byte;
      await ask(copy);
    }),
    { seed, numRuns: RUNS },
  );
  expect(fc.defaultReportMessage(await runs)).toBeUndefined();
});

it("answers or refuses files that are cut, and bytes of any kind", async () => {
  for (let length = 0; length < sound.length; length += 97) await ask(sound.subarray(0, length));
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
      await ask(bytes);
      const withMetas = sound.slice();
      withMetas.set(bytes, 2 * pageSize);
      await ask(withMetas);
    }),
    { seed, numRuns: 300 },
  );
  expect(() => LmdbReader.open(new MemorySource(sound.subarray(0, 100)))).toThrow(/100 bytes in all/);
});

it("does not let entries that share a long value fill the memory", () => {
  const value = "v".repeat(50_000);
  const many = Array.from({ length: 30 }, (_, i): [string, string] => [
    `k${i}`,
    i === 0 ? value : "x".repeat(700),
  ]);
  const file = writeLmdb(many, { fanOut: 30 });
  const view = new DataView(file.buffer);
  // Only the leaf is left of the tree: its last page.
  const leaf = file.length - 4096;
  const first = leaf + view.getUint16(leaf + 16, true);
  for (let i = 1; i < 30; i++) {
    const node = leaf + view.getUint16(leaf + 16 + 2 * i, true);
    const keyLength = view.getUint16(node + 6, true);
    file.copyWithin(node, first, first + 6);
    file.copyWithin(node + 8 + keyLength, first + 8 + 2, first + 8 + 2 + 8);
  }
  using reader = LmdbReader.open(new MemorySource(file));
  expect(reader.get("k9")).toHaveLength(50_000);
  expect(() => reader.range()).toThrow(/expected no more than the file's/);
});

function changed(edit: (view: DataView, file: Uint8Array) => void, file = sound): Uint8Array {
  const copy = file.slice();
  edit(new DataView(copy.buffer), copy);
  return copy;
}

/** The newest meta is on page 1, and the root of the tree the last page. */
const root = sound.length / pageSize - 1;

it.each<[string, (view: DataView, file: Uint8Array) => void, RegExp]>([
  [
    "a tree that leads back to its root",
    (view) => {
      for (const node of [0, 1]) {
        const offset = view.getUint16(root * pageSize + 16 + 2 * node, true);
        view.setUint16(root * pageSize + offset, root, true);
      }
    },
    /page flags 0x1, expected a leaf page/,
  ],
  ["a lower depth", (view) => view.setUint16(pageSize + 94, 1, true), /page flags 0x1, expected a leaf/],
  ["a depth past LMDB's", (view) => view.setUint16(pageSize + 94, 200, true), /depth 200/],
  [
    "a lying number of entries",
    (view) => view.setUint32(pageSize + 120, 12, true),
    /12 entries, expected 90/,
  ],
  ["a root outside the file", (view) => view.setUint32(pageSize + 128, 9999, true), /root page 9999/],
  ["a last page outside the file", (view) => view.setUint32(pageSize + 136, 1 << 30, true), /^$/],
  ["a root that is a meta", (view) => view.setUint32(pageSize + 128, 1, true), /root page 1, expected 2/],
  ["several values a key", (view) => view.setUint16(pageSize + 92, 4, true), /main database flags 0x4/],
  ["another page number", (view) => view.setUint32(root * pageSize, 3, true), /page number 3, expected/],
  ["page sizes that differ", (view) => view.setUint32(pageSize + 40, 1024, true), /page size 1024/],
])("names what is wrong with %s", (_, edit, message) => {
  let said = "";
  try {
    using reader = LmdbReader.open(new MemorySource(changed(edit)));
    reader.range();
  } catch (error) {
    if (!isStowageError(error, "ERR_LMDB_FORMAT")) throw error;
    expect(error.hint).toBeDefined();
    said = error.message;
  }
  expect(said).toMatch(message);
});

it.each<[string, (view: DataView) => void, string]>([
  ["npm's lmdb", (v) => move(v, 24, true, 2), "LMDB data format v2, which npm's lmdb writes"],
  ["LMDB 1.0", (v) => move(v, 24, true, 3), "LMDB data format v3, of the development of LMDB 1.0"],
  ["a development version", (v) => v.setUint32(20, 999, true), "LMDB data format v999"],
  ["a 32-bit machine", (v) => move(v, 12, true, 1), "a file of 32-bit LMDB"],
  ["a big-endian machine", (v) => move(v, 16, false, 1), "a file of big-endian LMDB"],
  ["an old mainframe", (v) => move(v, 12, false, 1), "a file of 32-bit, big-endian LMDB"],
])("refuses files of %s by name", (_, edit, found) => {
  let error: unknown;
  try {
    LmdbReader.open(new MemorySource(changed(edit)));
  } catch (caught) {
    error = caught;
  }
  expect(
    isStowageError(error, "ERR_LMDB_VERSION") && [error.details.found, error.hint === undefined],
  ).toEqual([found, false]);
});

function move(view: DataView, to: number, littleEndian: boolean, version: number): void {
  view.setUint32(16, 0);
  view.setUint32(20, 0);
  view.setUint32(to, 0xbeefc0de, littleEndian);
  view.setUint32(to + 4, version, littleEndian);
}

it("says that other files are no LMDB", () => {
  expect(() => LmdbReader.open(new MemorySource(new Uint8Array(9000), "zeros"))).toThrow(
    "Cannot read zeros: page 0 has magic number 0x0, expected 0xbeefc0de of LMDB",
  );
});
