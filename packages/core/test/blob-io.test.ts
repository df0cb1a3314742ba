import fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  Atoms,
  AtomsIO,
  BlobIO,
  BlobIOSync,
  blobToObject,
  blobValue,
  type ColumnViewSync,
  concat,
  defineBackend,
  encodeRowValue,
  encodeValue,
  int64,
  isStowageError,
  memoryStore,
  ndarray,
  ObjectIO,
  ObjectIOSync,
  openBlobs,
  type Row,
  toAsync,
} from "../src/index.js";

const seed = Number(process.env.STOWAGE_SEED ?? Date.now() % 2 ** 31);
console.log(`rows of bytes: seed ${seed}`);

let names = 0;
const freshName = () => `memory://blobs-${names++}`;
const stowageError = (code: string) => expect.objectContaining({ code });
const bytes = (...values: number[]) => Uint8Array.from(values);

const twins = [
  ["BlobIO", (path: string, options: object) => BlobIO.open(path, options)],
  ["BlobIOSync", async (path: string, options: object) => BlobIOSync.open(path, options)],
] as const;

/** Calls, so that what is thrown at once and what is rejected are the same. */
const attempt = async (call: () => unknown): Promise<unknown> => call();

describe.each(twins)("%s", (name, open) => {
  it("adds, reads, changes and removes rows", async () => {
    const db = await open(freshName(), { mode: "r+" });
    expect(await db.extend([{ a: bytes(1) }, { a: bytes(2, 3), b: bytes() }])).toBe(2);
    expect(await db.append({ a: bytes(9) })).toBe(3);
    await db.insert(0, { c: bytes(0) });
    expect(await db.toArray()).toEqual([
      { c: bytes(0) },
      { a: bytes(1) },
      { a: bytes(2, 3), b: bytes() },
      { a: bytes(9) },
    ]);
    expect(await db.at(-2)).toEqual({ a: bytes(2, 3), b: bytes() });
    expect(await db.get(2, { keys: ["b", "no"] })).toEqual({ b: bytes() });
    expect(await db.keys(2)).toEqual(["a", "b"]);
    await db.set(0, { a: bytes(7) });
    await db.update(-1, { b: bytes(8) });
    await db.slice(1, 3).update({ z: bytes(1) });
    await db
      .column("b")
      .slice(0, 2)
      .set([bytes(4), bytes(5)]);
    await db
      .columns(["a"])
      .pick([1])
      .set([{ a: bytes(6) }]);
    expect(await db.toArray()).toEqual([
      { a: bytes(7), b: bytes(4) },
      { a: bytes(6), z: bytes(1), b: bytes(5) },
      { a: bytes(2, 3), b: bytes(), z: bytes(1) },
      { a: bytes(9), b: bytes(8) },
    ]);
    await db.drop(["z"]);
    await db.pick([0, 2]).delete();
    expect(await db.reserve(1)).toBe(3);
    expect(await db.toArray()).toEqual([{ a: bytes(6), b: bytes(5) }, { a: bytes(9), b: bytes(8) }, null]);
    expect(await db.schema()).toMatchObject({ a: { dtype: "uint8", missing: 1 } });
    await db.flush();
    await db.clear();
    expect(await db.count()).toBe(0);
    await db.destroy();
    await expect(attempt(() => db.count())).rejects.toThrow(stowageError("ERR_CLOSED"));
  });

  it("gives columns as lists of bytes", async () => {
    const db = await open(freshName(), { mode: "r+" });
    await db.extend([{ a: bytes(1, 2), b: bytes() }, { a: bytes(3, 4) }, { a: bytes(5) }]);
    expect(await db.column("a").toArray()).toEqual([bytes(1, 2), bytes(3, 4), bytes(5)]);
    expect(await db.column("a").slice(0, 2).toArray()).toEqual([bytes(1, 2), bytes(3, 4)]);
    expect(await db.column("b").toArray()).toEqual([bytes(), null, null]);
    expect(await db.column("a").at(-1)).toEqual(bytes(5));
    expect(await db.column("b").at(-1)).toBeUndefined();
    expect(await db.columns(["b", "a"]).toColumns()).toEqual({
      b: [bytes(), null, null],
      a: [bytes(1, 2), bytes(3, 4), bytes(5)],
    });
    expect(await db.columns(["b", "a"]).toArray()).toEqual([
      { b: bytes(), a: bytes(1, 2) },
      { a: bytes(3, 4) },
      { a: bytes(5) },
    ]);
    const seen: unknown[] = [];
    for await (const value of db.column("b")) seen.push(value);
    for await (const chunk of db.column("a").chunked(2)) seen.push(chunk);
    for await (const row of db.slice(2)) seen.push(row);
    for await (const rows of db.chunked(2)) seen.push(rows.length);
    expect(seen).toEqual([
      ...[bytes(), null, null],
      ...[[bytes(1, 2), bytes(3, 4)], [bytes(5)]],
      { a: bytes(5) },
      ...[2, 1],
    ]);
    await expect(attempt(() => db.column("no").toArray())).rejects.toThrow(stowageError("ERR_KEY_MISSING"));
  });

  it("shows the same rows as the facades of values", async () => {
    const path = freshName();
    const db = await open(path, { mode: "r+" });
    const objects = ObjectIOSync.open(path, { mode: "r+" });
    objects.append({ "info.n": int64(5), "calc.energy": 5 });
    expect(await db.at(0)).toEqual({ "info.n": bytes(5), "calc.energy": encodeValue(5) });
    await db.append({ "info.n": bytes(6) });
    expect(objects.store.getMany([1])).toEqual([{ "info.n": int64(6) }]);
    // What is written to a row of one kind meets what is there of the other.
    await db.update(0, { "info.m": bytes(0x01) });
    objects.update(1, { "info.text": "x" });
    expect(objects.store.getMany([0, 1])).toEqual([
      { "info.n": int64(5), "calc.energy": 5, "info.m": int64(1) },
      { "info.n": int64(6), "info.text": "x" },
    ]);
    expect(await db.at(1)).toEqual({ "info.n": bytes(6), "info.text": encodeValue("x") });
    expect(objects.schema()).toMatchObject({ "info.n": { dtype: "int64" } });
  });

  it("keeps any bytes as they are in memory", async () => {
    const path = freshName();
    const db = await open(path, { mode: "r+" });
    const five = bytes(0xd3, 0, 0, 0, 0, 0, 0, 0, 5);
    await db.extend([{ raw: bytes(0xc1, 0xff), n: five }, { raw: encodeValue("x") }]);
    const objects = ObjectIOSync.open(path, { mode: "r+" });
    expect(objects.column("n").at(0)).toBe(5);
    expect(await db.at(0)).toEqual({ raw: bytes(0xc1, 0xff), n: five });
    expect(() => objects.at(0)).toThrow(stowageError("ERR_MSGPACK"));
    objects.update(0, { m: 1.5 });
    expect(objects.schema()).toMatchObject({ raw: { dtype: "json" }, n: { dtype: "int64", missing: 1 } });
    objects.pick([0]).drop(["nothing"]);
    expect(await db.at(0)).toEqual({ raw: bytes(0xc1, 0xff), n: five, m: encodeValue(1.5) });
    objects.pick([0]).drop(["raw"]);
    expect(objects.at(0)).toEqual({ n: 5, m: 1.5 });
    expect(await db.at(0)).toEqual({ n: five, m: encodeValue(1.5) });
  });

  it("refuses what is no bytes, and every write to what is open for reading", async () => {
    const path = freshName();
    const db = await open(path, { mode: "r+" });
    await expect(attempt(() => db.append({ a: "text" } as never))).rejects.toThrow(TypeError);
    await expect(attempt(() => db.update(0, { a: [1] } as never))).rejects.toThrow(
      stowageError("ERR_INDEX_RANGE"),
    );
    await db.append({ a: bytes(1) });
    await expect(attempt(() => db.update(0, { a: [1] } as never))).rejects.toThrow(TypeError);
    expect(await db.toArray()).toEqual([{ a: bytes(1) }]);
    const reader = await open(path, {});
    for (const write of [
      () => reader.append({}),
      () => reader.set(0, {}),
      () => reader.update(0, { a: bytes(1) }),
      () => reader.delete(0),
      () => reader.drop(["a"]),
      () => reader.clear(),
      () => reader.destroy(),
      () => reader.flush(),
      () => reader.column("a").set([bytes(2)]),
    ]) {
      await expect(attempt(write)).rejects.toThrow(stowageError("ERR_READ_ONLY"));
    }
    await db.close();
    await expect(attempt(() => db.at(0))).rejects.toThrow(stowageError("ERR_CLOSED"));
  });

  it("is put one after another, and cached", async () => {
    const [path, cache] = [freshName(), freshName()];
    const db = await open(path, { mode: "r+" });
    await db.extend([{ a: bytes(1) }, { a: bytes(0xc1) }]);
    const both = concat(db, db);
    expect(both).toBeInstanceOf(name === "BlobIO" ? BlobIO : BlobIOSync);
    expect(await both.column("a").toArray()).toEqual([bytes(1), bytes(0xc1), bytes(1), bytes(0xc1)]);
    const cached = await open(path, { cacheTo: cache });
    expect(await cached.pick([1, 1]).toArray()).toEqual([{ a: bytes(0xc1) }, { a: bytes(0xc1) }]);
    expect(await cached.at(1)).toEqual({ a: bytes(0xc1) });
    expect(cached.cache).toEqual({ hits: 2, misses: 1 });
    expect(await (await open(cache, {})).toArray()).toEqual([null, { a: bytes(0xc1) }]);
  });
});

describe("BlobIO", () => {
  it("serves groups, structures, and backends that keep bytes alone", async () => {
    const path = freshName();
    await using train = await openBlobs(path, { mode: "r+", group: "train" });
    await using atoms = await AtomsIO.open(path, { mode: "r+", group: "train" });
    await atoms.append(
      new Atoms({ atomicNumbers: [8], positions: Float64Array.of(0, 0, 0.5), info: { n: 3 } }),
    );
    const row = (await train.at(0))!;
    expect(row["arrays.numbers"]).toEqual(encodeValue(ndarray(BigInt64Array.of(8n))));
    expect(row["info.n"]).toEqual(bytes(3));
    await train.append(row);
    expect((await atoms.at(1))!.positions).toEqual((await atoms.at(0))!.positions);
    expect(await BlobIO.listGroups(path)).toEqual(["train"]);

    const kept: Row[] = [];
    const raw = defineBackend({
      name: "raw",
      extensions: [".raw"],
      capabilities: { create: true, append: true, perAtomExtras: true, nested: true, edit: true },
      open: async (file) => toAsync(blobToObject(memoryStore(kept, file))),
    });
    const objects = await ObjectIO.open("a.raw", { backend: raw, mode: "r+" });
    await objects.append({ "info.n": int64(4), "info.list": [1, 2.5] });
    expect(kept).toEqual([
      {
        "info.n": blobValue(bytes(4)),
        "info.list": blobValue(encodeRowValue("info.list", [1, 2.5])),
      },
    ]);
    const blobs = await BlobIO.open("a.raw", { backend: raw, mode: "r+" });
    await blobs.append({ x: bytes(0xc1) });
    expect(await blobs.at(-1)).toEqual({ x: bytes(0xc1) });
    expect(await (await AtomsIO.open("a.raw", { backend: raw })).at(0)).toMatchObject({
      info: { n: 4, list: [1, 2.5] },
    });
  });

  it("leaves the same bytes after any writes, whatever is read between them", () => {
    const blob = fc.dictionary(fc.constantFrom("a", "b", "é", "__proto__"), fc.uint8Array({ maxLength: 6 }), {
      maxKeys: 3,
    });
    const step = fc.record({
      kind: fc.constantFrom("append", "set", "update", "delete"),
      at: fc.nat(),
      row: blob,
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const path = freshName();
        const db = BlobIOSync.open(path, { mode: "r+" });
        const objects = ObjectIOSync.open(path);
        let model: Record<string, Uint8Array>[] = [];
        for (const { kind, at, row } of steps) {
          const index = model.length === 0 ? 0 : at % model.length;
          if (kind === "append" || model.length === 0) {
            db.append(row);
            model.push(row);
          } else if (kind === "set") {
            db.set(index, row);
            model[index] = row;
          } else if (kind === "update") {
            db.update(index, row);
            model[index] = { ...model[index]!, ...row };
          } else {
            db.delete(index);
            model = model.filter((_, i) => i !== index);
          }
          try {
            objects.toArray();
          } catch (error) {
            if (!isStowageError(error)) throw error;
          }
        }
        expect(db.toArray()).toEqual(model.map((row) => (Object.keys(row).length === 0 ? null : row)));
      }),
      { seed, numRuns: 100 },
    );
  });

  it("is typed as bytes", () => {
    expectTypeOf<Awaited<ReturnType<BlobIO["at"]>>>().toEqualTypeOf<Record<string, Uint8Array> | null>();
    expectTypeOf<ReturnType<BlobIOSync["get"]>>().toEqualTypeOf<Record<string, Uint8Array>>();
    expectTypeOf<ReturnType<ObjectIOSync["get"]>>().toEqualTypeOf<Row>();
    const column = BlobIOSync.open(freshName(), { mode: "r+" }).column("a");
    expectTypeOf<ReturnType<typeof column.slice>>().toEqualTypeOf<ColumnViewSync<Uint8Array>>();
    expectTypeOf(column.toArray).returns.toEqualTypeOf<(Uint8Array | null)[]>();
    expect(column.count()).toBe(0);
  });
});
