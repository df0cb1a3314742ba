import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isStowageError, MemorySource } from "@stowage/core";
import { nativeStatus, openFileSource } from "@stowage/mmap";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BlobRow, LmdbRows } from "../src/index.js";
import { freshSeed } from "./seed.js";
import { temporaryFolder } from "./temporary-folder.js";
import { writeLmdb } from "./write-lmdb.js";

const seed = freshSeed("twin");
const NAMES = ["a", "arrays.positions", "b-c", "calc.energy", "z"];

/** Rows of a store: for each its sort key, and the sizes of its fields by name; no fields are an empty slot. */
const rowsOf = fc.uniqueArray(
  fc.record({
    key: fc.oneof(fc.nat({ max: 120 }), fc.nat({ max: 2 ** 31 })),
    fields: fc.dictionary(fc.constantFrom(...NAMES), fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 3000 }))),
  }),
  { maxLength: 40, selector: ({ key }) => key },
);

interface StoredRow {
  readonly key: number;
  readonly fields: Record<string, number>;
}

function storeOf(rows: readonly StoredRow[], pageSize: number, fanOut: number): Uint8Array<ArrayBuffer> {
  const names = [...new Set(rows.flatMap(({ fields }) => Object.keys(fields)))].sort();
  const order = BigUint64Array.from(rows, ({ key }) => BigInt(key));
  return writeLmdb(
    [
      ["__meta__count", `${rows.length}`],
      ["__schema__", names.join("\n")],
      ["__blk_count__", new Uint8Array(Uint32Array.of(rows.length === 0 ? 0 : 1).buffer)],
      ["__blk_sizes__", new Uint8Array(Uint32Array.of(rows.length).buffer)],
      ["__blk__\0\0\0\0", new Uint8Array(order.buffer)],
      ...rows.flatMap(({ key, fields }) =>
        Object.entries(fields).map(([name, size]): [string, Uint8Array] => [
          `${key}-${name}`,
          Uint8Array.from({ length: size }, (_, i) => (i * 7 + key) & 0xff),
        ]),
      ),
    ],
    { pageSize, fanOut },
  );
}

/** All ways to read rows: what they give, or their errors' codes. */
function outcomes(rows: LmdbRows, count: number): unknown[] {
  const all = Array.from({ length: count }, (_, i) => i);
  const shown = (row: BlobRow | null) => row && [...row].map(([name, value]) => [name, ...value]);
  return [
    () => rows.getMany(all).map(shown),
    () => rows.getMany(all.reverse().concat(all), ["z", "a", "none", "a"]).map(shown),
    () => all.map((row) => shown(rows.at(row, ["calc.energy"]))),
    ...NAMES.map((name) => () => rows.column(name, all).map((value) => value && [...value])),
    () => rows.getMany([count]),
  ].map((work) => {
    try {
      return work();
    } catch (error) {
      if (!isStowageError(error)) throw error;
      return process.env.DBG
        ? `${error.code} ${error.message.replace(/(Cannot read|of) \S+[:,\s]/g, "")}`
        : error.code;
    }
  });
}

function compare(path: string, file: Uint8Array, count: number): void {
  writeFileSync(path, file);
  let twin: LmdbRows;
  try {
    twin = LmdbRows.open(new MemorySource(file));
  } catch {
    return; // refused before any row is read
  }
  using rows = LmdbRows.open(openFileSource(path));
  expect(outcomes(rows, count)).toEqual(outcomes(twin, count));
  twin.close();
}

describe.skipIf(!nativeStatus().available)("the kernel and its twin", () => {
  it("read the same rows", () => {
    const path = join(temporaryFolder(), "data.mdb");
    fc.assert(
      fc.property(
        rowsOf,
        fc.constantFrom(512, 1024, 4096),
        fc.integer({ min: 2, max: 4 }),
        (rows, size, fanOut) => {
          compare(path, storeOf(rows, size, fanOut), rows.length);
        },
      ),
      { seed, numRuns: 200, endOnFailure: true },
    );
  });

  it("read or refuse the same of damaged files", () => {
    const path = join(temporaryFolder(), "data.mdb");
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(
        rowsOf.filter((rows) => rows.length > 0),
        fc.constantFrom(512, 1024),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        (rows, pageSize, changes) => {
          const file = storeOf(rows, pageSize, 4);
          const body = file.length - 2 * pageSize;
          for (const [at, byte] of changes) {
            // The heads of pages are where a change means most.
            const page = 2 + (at % (body / pageSize));
            file[page * pageSize + ((at >> 8) % 3 === 0 ? (at >> 10) % pageSize : (at >> 10) % 40)] = byte;
          }
          compare(path, file, rows.length);
        },
      ),
      { seed, numRuns: 500, endOnFailure: true },
    );
  });
});
