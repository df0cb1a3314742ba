import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  AtomsIOSync,
  type BackendSpec,
  defineBackend,
  memoryStore,
  ObjectIO,
  ObjectIOSync,
  type Row,
  type RowStore,
  toAsync,
} from "../src/index.js";

let names = 0;
const freshName = () => `memory://cached-${names++}`;
const stowageError = (code: string) => expect.objectContaining({ code });
const attempt = async (call: () => unknown): Promise<unknown> => call();

const rows: Row[] = Array.from({ length: 20 }, (_, i): Row => (i % 7 === 3 ? {} : { i, text: `row ${i}` }));

/** A store that notes which rows it was asked for. */
function watched(): { spec: BackendSpec; reads: number[] } {
  const reads: number[] = [];
  const openSync = (): RowStore<"sync"> => {
    const store = memoryStore(rows, "source", false);
    return {
      ...store,
      getMany: (indices, keys) => {
        reads.push(...Array.from(indices));
        return store.getMany(indices, keys);
      },
    };
  };
  const spec = defineBackend({
    name: "watched",
    extensions: [],
    capabilities: { create: false, append: false, perAtomExtras: true, nested: true },
    openSync,
    open: async () => toAsync(openSync()),
  });
  return { spec, reads };
}

describe.each([
  ["async", (backend: BackendSpec, cacheTo: string) => ObjectIO.open("source", { backend, cacheTo })],
  [
    "sync",
    async (backend: BackendSpec, cacheTo: string) => ObjectIOSync.open("source", { backend, cacheTo }),
  ],
] as const)("a cache, %s", (_, open) => {
  it("reads every row once, in whatever order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.nat(19), { maxLength: 6 }), { maxLength: 12 }), async (reads) => {
        const { spec, reads: seen } = watched();
        const db = await open(spec, freshName());
        let asked = 0;
        for (const picked of reads) {
          const found = await db.pick(picked).toArray();
          expect(found).toEqual(picked.map((i) => (i % 7 === 3 ? null : rows[i])));
          asked += picked.length;
        }
        // Rows without keys look like places that are not filled.
        const kept = seen.filter((i) => i % 7 !== 3);
        expect(kept.length).toBe(new Set(kept).size);
        expect(db.cache!.hits + db.cache!.misses).toBe(asked);
        expect(db.cache!.misses).toBe(seen.length);
      }),
    );
  });

  it("keeps rows whole, and gives columns", async () => {
    const { spec, reads } = watched();
    const path = freshName();
    const db = await open(spec, path);
    expect(await db.get(5, { keys: ["i"] })).toEqual({ i: 5 });
    expect(await db.get(5, { keys: ["text"] })).toEqual({ text: "row 5" });
    expect(await db.column("i").pick([5, 4]).toArray()).toEqual(Float64Array.of(5, 4));
    expect(reads).toEqual([5, 4]);
    expect(await db.count()).toBe(20);
    await db.close();
    // The next program finds what this one has read.
    const again = await open(spec, path);
    expect(await again.at(5)).toEqual(rows[5]);
    expect(again.cache).toEqual({ hits: 1, misses: 0 });
    await expect(attempt(() => again.at(20))).rejects.toThrow(stowageError("ERR_INDEX_RANGE"));
    await expect(attempt(() => again.set(0, {}))).rejects.toThrow(stowageError("ERR_READ_ONLY"));
  });

  it("refuses a cache of another dataset", async () => {
    const { spec } = watched();
    const path = freshName();
    const other = await ObjectIO.open(path, { mode: "w" });
    await other.reserve(21);
    const db = await open(spec, path);
    await expect(attempt(() => db.at(0))).rejects.toThrow(stowageError("ERR_OPTION"));
  });
});

describe("cacheTo", () => {
  it("is for reading", async () => {
    await expect(ObjectIO.open(freshName(), { mode: "r+", cacheTo: freshName() })).rejects.toThrow(
      stowageError("ERR_OPTION"),
    );
    expect(() => AtomsIOSync.open(freshName(), { mode: "w", cacheTo: freshName() })).toThrow(
      stowageError("ERR_OPTION"),
    );
  });

  it("takes an open store, and refuses one whose rows cannot be set", async () => {
    const { spec } = watched();
    const cache = memoryStore();
    const db = await ObjectIO.open("source", { backend: spec, cacheTo: cache });
    expect(await db.at(1)).toEqual(rows[1]);
    expect(cache.count()).toBe(20);
    const { set: _, ...still } = memoryStore();
    await expect(ObjectIO.open("source", { backend: spec, cacheTo: still })).rejects.toThrow(
      stowageError("ERR_UNSUPPORTED"),
    );
    expect(() => ObjectIOSync.open("source", { backend: spec, cacheTo: toAsync(cache) })).toThrow(
      stowageError("ERR_UNSUPPORTED"),
    );
  });

  it("takes places once where reads overlap", async () => {
    const { spec } = watched();
    const cache = memoryStore();
    const db = await ObjectIO.open("source", { backend: spec, cacheTo: cache });
    const found = await Promise.all([0, 1, 2, 0, 5].map((i) => db.at(i)));
    expect(found).toEqual([0, 1, 2, 0, 5].map((i) => rows[i]));
    expect(cache.count()).toBe(20);
    expect(cache.getMany([0, 1, 2, 5])).toEqual([0, 1, 2, 5].map((i) => rows[i]));
  });

  it("goes on without a cache that cannot be written, and says so", async () => {
    const { spec, reads } = watched();
    const full = {
      ...memoryStore(),
      set: () => {
        throw new RangeError("the disk is full");
      },
    };
    const db = await ObjectIO.open("source", { backend: spec, cacheTo: full });
    expect(db.warnings).toEqual([]);
    expect(await db.at(0)).toEqual(rows[0]);
    expect(await db.at(0)).toEqual(rows[0]);
    expect(reads).toEqual([0, 0]);
    expect(db.warnings).toEqual(["rows are no longer kept in memory: the disk is full"]);
  });
});
