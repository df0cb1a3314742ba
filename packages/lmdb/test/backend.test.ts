import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  AtomsIO,
  BlobIOSync,
  float64,
  int64,
  isStowageError,
  keyFromBytes,
  ndarray,
  ObjectIO,
  ObjectIOSync,
  type Row,
} from "@stowage/core";
import { describe, expect, it } from "vitest";
import { LmdbRows, lmdb, openLmdbStore } from "../src/index.js";
import { nativeAddon } from "../src/native.js";
import { checkLayout } from "./check-layout.js";
import { buildChild, ended, startChild } from "./child-process.js";
import { temporaryFolder } from "./temporary-folder.js";
import { loadWithoutAddon, writable } from "./writable.js";

const newStore = (): string => join(temporaryFolder(), "rows.lmdb");

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    if (isStowageError(error)) return error.code;
    throw error;
  }
  return undefined;
}

const all = (store: { count(): number; getMany(indices: number[]): Row[] }): Row[] =>
  store.getMany(Array.from({ length: store.count() }, (_, i) => i));

describe.runIf(writable)("the LMDB backend", () => {
  it("makes, adds to and replaces datasets by its modes", () => {
    const path = newStore();
    expect(codeOf(() => openLmdbStore(path))).toBe("ERR_FILE_MISSING");
    const made = openLmdbStore(path, { mode: "r+" });
    made.append!([{ a: 1 }]);
    made.close();
    const more = openLmdbStore(path, { mode: "r+" });
    more.append!([{ a: 2 }]);
    expect(codeOf(() => openLmdbStore(path, { mode: "w" }))).toBe("ERR_FILE_EXISTS");
    const replaced = openLmdbStore(path, { mode: "w", overwrite: true });
    // One file: the other handle sees it empty, and may go on.
    expect([all(replaced), all(more)]).toEqual([[], []]);
    replaced.append!([{ b: 3 }]);
    more.append!([{ b: 4 }]);
    expect([all(replaced), replaced.schema()]).toEqual([
      [{ b: 3 }, { b: 4 }],
      { b: { dtype: "float64", shape: [], perAtom: false, missing: 0 } },
    ]);
    replaced.close();
    more.close();
  });

  it("knows the types of rows to come from the last ones, whatever the first are", () => {
    const path = newStore();
    const store = openLmdbStore(path, { mode: "r+" });
    store.append!(Array.from({ length: 300 }, () => ({ "calc.steps": int64(1), "info.early": 1 })));
    store.append!(Array.from({ length: 300 }, () => ({ "calc.steps": int64(2) })));
    expect(Object.keys(store.types!())).toEqual(["calc.steps"]);
    store.close();
    using db = ObjectIOSync.open(path, { mode: "r+", backend: lmdb });
    db.append({ "calc.steps": 3 });
    expect(openLmdbStore(path).getMany([600])).toEqual([{ "calc.steps": int64(3) }]);
    expect(Object.keys(db.schema())).toEqual(["calc.steps", "info.early"]);
  });

  it("reads a column of floats, whole or with others between", () => {
    const store = openLmdbStore(newStore(), { mode: "r+" });
    const floats = Float64Array.from({ length: 2100 }, (_, i) => [i / 7, -0, Number.NaN, -Infinity][i % 4]!);
    store.append!(Array.from(floats, (e) => ({ e, s: "text of 8" })));
    const indices = Array.from({ length: 2100 }, (_, i) => (i * 11) % 2100);
    const expected = Float64Array.from(indices, (i) => floats[i]!);
    expect(store.column!("e", indices)).toEqual({ key: "e", missing: null, values: ndarray(expected) });
    expect(store.column!("s", [5])).toEqual({ key: "s", missing: null, values: ["text of 8"] });
    expect(store.column!("e", [])).toEqual({ key: "e", missing: null, values: [] });
    store.set!([7], [{ e: int64(1) }]);
    expect(store.column!("e", [0, 7])).toEqual({ key: "e", missing: null, values: [0, int64(1)] });
    store.drop!(["e"], [7]);
    const missing = { key: "e", missing: Uint8Array.of(0, 1), values: ndarray(new Float64Array(2)) };
    expect(store.column!("e", [0, 7])).toEqual(missing);
    expect(codeOf(() => store.column!("e", [2100]))).toBe("ERR_INDEX_RANGE");
    store.close();
  });

  it("tells the types of values beside bytes that are none", () => {
    const path = newStore();
    using blobs = BlobIOSync.open(path, { mode: "r+", backend: lmdb });
    blobs.append({ "info.bad": Uint8Array.of(0xc1), "info.good": Uint8Array.of(5) });
    using db = ObjectIOSync.open(path, { mode: "r+", backend: lmdb });
    expect(db.schema()).toMatchObject({ "info.bad": { dtype: "json" }, "info.good": { dtype: "int64" } });
    expect(db.append({ "info.good": 7 })).toBe(2);
  });

  it("makes an empty dataset that other readers take for one", () => {
    const path = newStore();
    openLmdbStore(path, { mode: "w" }).close();
    const store = openLmdbStore(path);
    expect([store.count(), store.schema(), all(store)]).toEqual([0, {}, []]);
    store.close();
    expect(checkLayout(join(path, "default", "data.mdb")).blockSizes).toEqual([]);
  });

  it("keeps groups apart, and removes one and no more", async () => {
    const path = newStore();
    for (const group of ["train", "test"]) {
      await using db = await ObjectIO.open(path, { backend: lmdb, mode: "w", group });
      await db.append({ "info.group": group });
    }
    writeFileSync(join(path, "test", "note.txt"), "mine");
    expect(await ObjectIO.listGroups(path, { backend: lmdb })).toEqual(["test", "train"]);
    const train = ObjectIOSync.open(path, { backend: lmdb, mode: "r+", group: "train" });
    train.destroy();
    expect(codeOf(() => train.append({ a: 1 }))).toBe("ERR_CLOSED");
    expect(readdirSync(path)).toEqual(["test"]);
    ObjectIOSync.open(path, { backend: lmdb, mode: "r+", group: "test" }).destroy();
    expect([readdirSync(join(path, "test")), await ObjectIO.listGroups(path, { backend: lmdb })]).toEqual([
      ["note.txt"],
      [],
    ]);
    const last = newStore();
    ObjectIOSync.open(last, { backend: lmdb, mode: "w" }).destroy();
    expect(existsSync(last)).toBe(false);
  });

  it("shows the same rows as values and as bytes, each what the other wrote", () => {
    using db = ObjectIOSync.open(newStore(), { backend: lmdb, mode: "w" });
    const blobs = db.store.blobs!();
    db.extend([{ n: int64(1), x: 0.5 }, null]);
    expect(blobs.getMany([0, 1])).toEqual([
      {
        n: ndarray(Uint8Array.of(1)),
        x: ndarray(Uint8Array.of(0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0)),
      },
      {},
    ]);
    blobs.update!([1], [{ n: ndarray(Uint8Array.of(0xd0, 0x80)) }]);
    blobs.append!([{ x: ndarray(Uint8Array.of(0xc3)) }]);
    expect(all(db.store)).toEqual([{ n: int64(1), x: 0.5 }, { n: int64(-128) }, { x: true }]);
    expect(blobs.schema()).toEqual({
      n: { dtype: "uint8", shape: [null], perAtom: false, missing: 1 },
      x: { dtype: "uint8", shape: [null], perAtom: false, missing: 1 },
    });
  });

  it("opens as blobs, of any bytes", () => {
    const path = newStore();
    const odd = keyFromBytes(Uint8Array.of(255));
    {
      using db = BlobIOSync.open(path, { backend: lmdb, mode: "w" });
      db.extend([{ k: Uint8Array.of(0xc1, 255) }, null]);
      db.update(1, { [odd]: new Uint8Array(0) });
    }
    using db = BlobIOSync.open(path, { backend: lmdb });
    expect(db.toArray()).toEqual([{ k: Uint8Array.of(0xc1, 255) }, { [odd]: new Uint8Array(0) }]);
    using rows = LmdbRows.open(path);
    expect(rows.fields).toEqual(["k", "\xff"]);
  });

  it("refuses names that do not fit, or leaves them out and says so", () => {
    const path = newStore();
    const long = "ключ".repeat(70);
    const rows: Row[] = [{ a: 1, "two\nlines": 2 }, { [long]: 3 }, { a: 4, "": 5 }];
    const strict = openLmdbStore(path, { mode: "w" });
    for (const row of rows) expect(codeOf(() => strict.append!([{ a: 0 }, row]))).toBe("ERR_LOSS");
    expect(strict.count()).toBe(0);
    strict.close();
    const store = openLmdbStore(path, { mode: "r+", unsupported: "drop" });
    store.append!(rows);
    store.insert!(0, [{ "two\nlines": 1 }]);
    expect(all(store)).toEqual([{}, { a: 1 }, {}, { a: 4 }]);
    expect(store.losses!()).toEqual([
      { key: "two\nlines", kind: "dropped", reason: expect.stringMatching(/line break/) },
      { key: long, kind: "dropped", reason: "its name has 560 bytes, at most 490 fit" },
      { key: "", kind: "dropped", reason: "its name is empty" },
    ]);
    store.close();
  });

  it("is one file for the facades: structures, edits, reserved places", async () => {
    const path = newStore();
    {
      await using db = await AtomsIO.open(path, { backend: lmdb, mode: "w" });
      await db.reserve(2);
      await using rows = await ObjectIO.open(path, { backend: lmdb, mode: "r+" });
      await rows.set(1, {
        "arrays.numbers": ndarray(Uint8Array.of(1, 1)),
        "arrays.positions": ndarray(Float64Array.of(0, 0, 0, 0, 0, 0.74), [2, 3]),
        "calc.energy": float64(-31.7),
      });
      expect([await db.at(0), (await db.at(1))?.formula]).toEqual([null, "H2"]);
      await db.update(1, { info: { note: "x" } });
      expect(await rows.keys(1)).toContain("info.note");
      await expect(rows.insert(9, {})).rejects.toThrow(expect.objectContaining({ code: "ERR_INDEX_RANGE" }));
    }
    expect(checkLayout(join(path, "default", "data.mdb")).sortKeys).toEqual([0, 1]);
  });

  it("grows past the size that its map was made with, of its own and by others", async () => {
    const path = newStore();
    const folder = join(path, "default");
    mkdirSync(folder, { recursive: true });
    // What this process opens afterwards shares this map of a megabyte.
    const small = nativeAddon()!.Environment.open(folder, 1 << 20);
    using first = LmdbRows.open(path, { mode: "r+" });
    using second = LmdbRows.open(path, { mode: "r+" });
    const megabytes = (n: number) => new Map([["v", new Uint8Array(n << 20).fill(n)]]);
    // Another process has a map of another size, and fills more than this one has.
    const { code, stderr } = await ended(startChild(buildChild("append-rows"), [path, "other", 1500]));
    expect([code, stderr]).toEqual([0, ""]);
    expect([small.mapSize(), statSync(join(folder, "data.mdb")).size > 2 << 20]).toEqual([1 << 20, true]);
    for (let i = 1; i <= 4; i++) (i % 2 === 0 ? first : second).append([megabytes(i)]);
    first.append([megabytes(20), megabytes(30)]);
    expect(small.mapSize()).toBeGreaterThan(60 << 20);
    second.refresh();
    expect(Buffer.compare(second.at(-1)!.get("v")!, megabytes(30).get("v")!)).toBe(0);
    expect(first.length).toBe(1506);
    small.close();
  });
});

it("refuses to write without the addon, in every mode", async () => {
  const without = await loadWithoutAddon();
  for (const mode of ["r+", "w"] as const) {
    expect(codeOf(() => without.openLmdbStore(newStore(), { mode }))).toBe("ERR_NATIVE_REQUIRED");
  }
});
