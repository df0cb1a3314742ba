import fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  type BackendSpec,
  concat,
  defineBackend,
  float64,
  int64,
  isStowageError,
  memoryStore,
  ndarray,
  ObjectIO,
  ObjectIOSync,
  type Row,
  scalar,
  toAsync,
  type Value,
} from "../src/index.js";

const seed = Number(process.env.STOWAGE_SEED ?? Date.now() % 2 ** 31);
console.log(`facades: seed ${seed}`);

let names = 0;
const freshName = () => `memory://io-${names++}`;
const stowageError = (code: string) => expect.objectContaining({ code });

/** Both twins behind one face: `await` takes what is there at once, too. */
const twins = [
  ["ObjectIO", (path: string, options: object) => ObjectIO.open(path, options)],
  ["ObjectIOSync", async (path: string, options: object) => ObjectIOSync.open(path, options)],
] as const;

/** Calls, so that what is thrown at once and what is rejected are the same. */
const attempt = async (call: () => unknown): Promise<unknown> => call();

const energies = (...values: number[]): Row[] => values.map((value) => ({ "calc.energy": value }));

describe.each(twins)("%s", (name, open) => {
  const db = async (rows: Row[] = []) => {
    const made = await open(freshName(), { mode: "r+" });
    await made.extend(rows);
    return made;
  };

  it("adds, reads, changes and removes rows", async () => {
    const rows = await db();
    expect(await rows.count()).toBe(0);
    expect(await rows.extend(energies(0.5, 1.5))).toBe(2);
    expect(await rows.append({ "calc.energy": 2.5, "info.name": "c" })).toBe(3);
    await rows.insert(0, { "calc.energy": -0.5 });
    await rows.insert(4, { "calc.energy": 9.5 });
    await rows.insert(-1, { "calc.energy": 8.5 });
    expect(await rows.column("calc.energy").toArray()).toEqual(
      Float64Array.of(-0.5, 0.5, 1.5, 2.5, 8.5, 9.5),
    );
    await rows.set(-1, { "info.name": "last" });
    await rows.update(0, { "info.name": "first" });
    expect(await rows.at(-1)).toEqual({ "info.name": "last" });
    expect(await rows.at(0)).toEqual({ "calc.energy": -0.5, "info.name": "first" });
    await rows.delete(1);
    expect(await rows.column("info.name").toArray()).toEqual(["first", null, "c", null, "last"]);
    await rows.drop(["info.name"]);
    expect(await rows.keys(0)).toEqual(["calc.energy"]);
    expect(await rows.at(-1)).toBeNull();
    await rows.clear();
    expect(await rows.count()).toBe(0);
  });

  it("shows reserved places as null until they are set", async () => {
    const rows = await db(energies(1));
    expect(await rows.reserve(2)).toBe(3);
    expect(await rows.toArray()).toEqual([{ "calc.energy": 1 }, null, null]);
    expect(await rows.keys(1)).toEqual([]);
    await rows.set(1, { "calc.energy": 2 });
    await rows.update(2, { "calc.energy": 3 });
    expect(await rows.column("calc.energy").toArray()).toEqual(Float64Array.of(1, 2, 3));
    await rows.set(0, null);
    expect(await rows.at(0)).toBeNull();
  });

  it("narrows in any order, and shows what is there when it is used", async () => {
    const rows = await db(energies(0, 1, 2, 3, 4, 5));
    const late = rows.slice(-2);
    expect(await rows.slice(1, 5).slice(undefined, undefined, 2).column("calc.energy").toArray()).toEqual(
      Float64Array.of(1, 3),
    );
    expect(await rows.column("calc.energy").slice(1, 5).pick([-1, 0, 0]).toArray()).toEqual(
      Float64Array.of(4, 1, 1),
    );
    expect(await rows.pick([4, 2]).columns(["calc.energy"]).at(-1)).toEqual({ "calc.energy": 2 });
    expect(await rows.columns(["calc.energy"]).slice(4).toColumns()).toEqual({
      "calc.energy": Float64Array.of(4, 5),
    });
    await rows.append({ "calc.energy": 6 });
    expect(await late.column("calc.energy").toArray()).toEqual(Float64Array.of(5, 6));
    expect(await late.count()).toBe(2);
    expect(await late.at(-1)).toEqual({ "calc.energy": 6 });
  });

  it("gives columns as typed arrays where every row has a number, else as lists", async () => {
    const rows = await db([
      {
        a: 1.5,
        flag: true,
        text: "x",
        v: ndarray(Float32Array.of(1, 2)),
        n: int64(7),
        big: int64(2n ** 60n),
      },
      { a: -2, flag: false, v: ndarray(Float32Array.of(3, 4)), n: int64(8), big: int64(1) },
    ]);
    expect(await rows.column("a").toArray()).toEqual(Float64Array.of(1.5, -2));
    expect(await rows.column("n").toArray()).toEqual(BigInt64Array.of(7n, 8n));
    expect(await rows.column("flag").toArray()).toEqual([true, false]);
    expect(await rows.column("text").toArray()).toEqual(["x", null]);
    expect(await rows.column("v").toArray()).toEqual({
      dtype: "float32",
      shape: [2, 2],
      data: Float32Array.of(1, 2, 3, 4),
    });
    expect(await rows.column("big").at(0)).toBe(2n ** 60n);
    expect(await rows.column("text").at(1)).toBeUndefined();
    await rows.append({ a: 3 });
    expect(await rows.column("n").toArray()).toEqual([7, 8, null]);
    expect(await rows.columns(["n", "text"]).toArray()).toEqual([{ n: 7, text: "x" }, { n: 8 }, {}]);
  });

  it("iterates rows and columns in batches", async () => {
    const rows = await db(Array.from({ length: 700 }, (_, i) => ({ i })));
    const seen: unknown[] = [];
    for await (const row of rows.slice(1)) seen.push(row?.i);
    expect(seen).toEqual(Array.from({ length: 699 }, (_, i) => i + 1));
    const sizes: number[] = [];
    for await (const chunk of rows.chunked(300)) sizes.push(chunk.length);
    expect(sizes).toEqual([300, 300, 100]);
    const values: unknown[] = [];
    for await (const value of rows.column("i")) values.push(value);
    expect(values).toHaveLength(700);
    const chunks: unknown[] = [];
    for await (const chunk of rows.column("i").slice(0, 5).chunked(2)) chunks.push(chunk);
    expect(chunks).toEqual([Float64Array.of(0, 1), Float64Array.of(2, 3), Float64Array.of(4)]);
    for await (const row of rows.columns(["i"]).pick([3])) expect(row).toEqual({ i: 3 });
    await expect(
      attempt(async () => {
        for await (const _ of rows.chunked(0)) break;
      }),
    ).rejects.toThrow(stowageError("ERR_OPTION"));
  });

  it("writes back through views", async () => {
    const rows = await db(energies(0, 1, 2, 3, 4, 5));
    await rows.slice(0, 2).set([{ x: 1 }, null]);
    await rows.pick([4, 2]).update({ x: 9 });
    await rows.column("y").slice(4).set([1, 2]);
    await rows
      .columns(["a"])
      .pick([3])
      .set([{ a: "t" }]);
    expect(await rows.toArray()).toEqual([
      { x: 1 },
      null,
      { "calc.energy": 2, x: 9 },
      { "calc.energy": 3, a: "t" },
      { "calc.energy": 4, x: 9, y: 1 },
      { "calc.energy": 5, y: 2 },
    ]);
    await rows.pick([5, 5]).set([{ "calc.energy": 7 }, { "calc.energy": 5, y: 2 }]);
    await rows.column("y").pick([4, 4]).set([3, 1]);
    await rows.pick([2, 2]).update({ x: 9 });
    await rows.pick([2, 4, 4]).drop(["x", "calc.energy"]);
    expect(await rows.pick([2, 4]).toArray()).toEqual([null, { y: 1 }]);
    await rows.pick([4, 0, 0, -1]).delete();
    expect(await rows.toArray()).toEqual([null, null, { "calc.energy": 3, a: "t" }]);
    await expect(attempt(() => rows.slice(0, 2).set([null]))).rejects.toThrow(stowageError("ERR_SHAPE"));
    await expect(attempt(() => rows.column("x").set([1]))).rejects.toThrow(stowageError("ERR_SHAPE"));
  });

  it("keeps the types that numbers have in the store", async () => {
    const path = freshName();
    const rows = await open(path, { mode: "r+" });
    await rows.extend([
      { "info.n": 3, "info.x": float64(2), "calc.e": 1, "info.h": scalar(1, "float32") },
      { "info.n": 4, "info.x": 5, "calc.e": 2n, "info.h": 7 },
    ]);
    const exact = await (await ObjectIO.open(path)).store.getMany([0, 1]);
    expect(exact[0]).toEqual({
      "info.n": int64(3),
      "info.x": 2,
      "calc.e": 1,
      "info.h": scalar(1, "float32"),
    });
    expect(exact[1]).toEqual({
      "info.n": int64(4),
      "info.x": 5,
      "calc.e": int64(2),
      "info.h": scalar(7, "float32"),
    });
    await rows.append({ "info.n": 6, "info.x": 7, "info.h": 1 });
    await rows.update(0, { "info.n": 2.5 });
    const again = await (await ObjectIO.open(path)).store.getMany([0, 2]);
    expect(again[0]).toMatchObject({ "info.n": 2.5 });
    expect(again[1]).toMatchObject({ "info.n": int64(6) });
  });

  it("refuses with a named error what is not there, and what is not allowed", async () => {
    const path = freshName();
    const rows = await open(path, { mode: "w" });
    await rows.extend(energies(1, 2));
    const reader = await open(path, {});
    const codes: [() => unknown, string][] = [
      [() => rows.at(2), "ERR_INDEX_RANGE"],
      [() => rows.get(-3), "ERR_INDEX_RANGE"],
      [() => rows.insert(3, {}), "ERR_INDEX_RANGE"],
      [() => rows.pick([0, 5]).toArray(), "ERR_INDEX_RANGE"],
      [() => rows.column("nothing").toArray(), "ERR_KEY_MISSING"],
      [() => rows.columns(["calc.energy", "nothing"]).toColumns(), "ERR_KEY_MISSING"],
      [() => open(freshName(), {}), "ERR_FILE_MISSING"],
      [() => open(path, { mode: "w" }), "ERR_FILE_EXISTS"],
    ];
    const writes: (() => unknown)[] = [
      () => reader.extend([{}]),
      () => reader.append({}),
      () => reader.reserve(1),
      () => reader.insert(0, {}),
      () => reader.set(0, {}),
      () => reader.update(0, { a: 1 }),
      () => reader.delete(0),
      () => reader.drop(["a"]),
      () => reader.clear(),
      () => reader.destroy(),
      () => reader.flush(),
      () => reader.slice(0, 1).set([{}]),
      () => reader.slice().update({ a: 1 }),
      () => reader.slice().delete(),
      () => reader.column("a").set([1, 2]),
      () => reader.columns(["a"]).set([{}, {}]),
    ];
    codes.push(...writes.map((write): [() => unknown, string] => [write, "ERR_READ_ONLY"]));
    for (const [call, code] of codes) {
      const failure = await attempt(call).then(
        () => "nothing",
        (error: unknown) => (isStowageError(error) ? error.code : error),
      );
      expect(failure, call.toString()).toBe(code);
    }
    expect(await rows.column("calc.energy").toArray()).toEqual(Float64Array.of(1, 2));
  });

  it("closes itself at the end of a block, and can be destroyed", async () => {
    const path = freshName();
    const rows = await open(path, { mode: "r+", group: "train" });
    await rows.append({ a: 1 });
    expect(await ObjectIO.listGroups(path)).toEqual(["train"]);
    await expect(attempt(() => open(path, {}))).rejects.toThrow(stowageError("ERR_FILE_MISSING"));
    await rows.destroy();
    await expect(attempt(() => rows.count())).rejects.toThrow(stowageError("ERR_CLOSED"));
    expect(await ObjectIO.listGroups(path)).toEqual([]);
    const other = await open(freshName(), { mode: "r+" });
    await other.close();
    await other.close();
    await expect(attempt(() => other.at(0))).rejects.toThrow(stowageError("ERR_CLOSED"));
  });

  it("puts datasets one after the other, for reading", async () => {
    const a = await db(energies(0, 1));
    const b = await db();
    const c = await db([{ "calc.energy": 2, "info.name": "c" }]);
    const all = concat<ObjectIO | ObjectIOSync>(a, b, c);
    expect(await all.count()).toBe(3);
    expect(await all.pick([2, 0, 1, 2]).column("calc.energy").toArray()).toEqual(Float64Array.of(2, 0, 1, 2));
    expect(await all.column("info.name").toArray()).toEqual([null, null, "c"]);
    expect(await all.slice(1).toArray()).toEqual([
      { "calc.energy": 1 },
      { "calc.energy": 2, "info.name": "c" },
    ]);
    expect(await all.schema()).toMatchObject({
      "calc.energy": { dtype: "float64", missing: 0 },
      "info.name": { dtype: "string", missing: 2 },
    });
    await expect(attempt(() => all.append({}))).rejects.toThrow(stowageError("ERR_READ_ONLY"));
    await expect(attempt(() => all.at(3))).rejects.toThrow(stowageError("ERR_INDEX_RANGE"));
    await a.append({ "calc.energy": 1.5 });
    expect(await all.at(2)).toEqual({ "calc.energy": 1.5 });
    expect(() => concat()).toThrow(TypeError);
  });

  it("does what a plain list does, over hundreds of random operations", async () => {
    const row = fc.dictionary(fc.constantFrom("a", "b", "calc.e"), fc.double({ noNaN: true }), {
      maxKeys: 3,
    });
    const at = fc.nat(1000);
    const operation = fc.oneof(
      fc.tuple(fc.constant("extend" as const), fc.array(row, { maxLength: 4 })),
      fc.tuple(fc.constant("insert" as const), at, row),
      fc.tuple(fc.constant("set" as const), at, fc.option(row)),
      fc.tuple(fc.constant("update" as const), at, row),
      fc.tuple(fc.constant("delete" as const), fc.array(at, { maxLength: 4 })),
      fc.tuple(fc.constant("drop" as const), fc.constantFrom("a", "b"), fc.array(at, { maxLength: 4 })),
      fc.tuple(fc.constant("reserve" as const), fc.nat(3)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
        const rows = await db();
        let model: (Row | null)[] = [];
        const orNull = (value: Row | null): Row | null =>
          value === null || Object.keys(value).length === 0 ? null : value;
        const pick = (positions: number[]) =>
          model.length === 0 ? [] : positions.map((position) => position % model.length);
        for (const step of operations) {
          const place = typeof step[1] === "number" && model.length > 0 ? step[1] % model.length : 0;
          switch (step[0]) {
            case "extend":
              await rows.extend(step[1]);
              model.push(...step[1].map(orNull));
              break;
            case "insert":
              await rows.insert(place, step[2]);
              model.splice(place, 0, orNull(step[2]));
              break;
            case "set":
              if (model.length === 0) break;
              await rows.set(place, step[2]);
              model[place] = orNull(step[2]);
              break;
            case "update":
              if (model.length === 0) break;
              await rows.update(place, step[2]);
              model[place] = orNull({ ...model[place], ...step[2] });
              break;
            case "delete": {
              const gone = pick(step[1]);
              await rows.pick(gone).delete();
              model = model.filter((_, i) => !gone.includes(i));
              break;
            }
            case "drop": {
              const chosen = pick(step[2]);
              await rows.pick(chosen).drop([step[1]]);
              for (const i of chosen) {
                const { [step[1]]: _, ...rest } = model[i] ?? {};
                model[i] = orNull(rest);
              }
              break;
            }
            default:
              await rows.reserve(step[1]);
              model.push(...new Array<null>(step[1]).fill(null));
          }
          expect(await rows.count()).toBe(model.length);
        }
        expect(await rows.toArray()).toEqual(model);
        expect(await rows.slice(undefined, undefined, -1).toArray()).toEqual(model.toReversed());
      }),
      { seed, numRuns: 150 },
    );
  });

  it(`is called ${name}`, () => expect(name).toMatch(/^ObjectIO/));
});

describe("ObjectIO", () => {
  it("rejects where its twin throws", async () => {
    const rows = await ObjectIO.open(freshName(), { mode: "r+" });
    const failed = rows.at(0);
    await expect(failed).rejects.toThrow(stowageError("ERR_INDEX_RANGE"));
    await expect(rows.slice().set([{}])).rejects.toThrow(stowageError("ERR_SHAPE"));
  });

  it("types rows, as far as they are known", async () => {
    const rows = await ObjectIO.open<{ "calc.energy": number }>(freshName(), { mode: "r+" });
    await rows.append({ "calc.energy": 1 });
    const row = await rows.at(0);
    expectTypeOf(row).toEqualTypeOf<{ "calc.energy": number } | null>();
    const energy = await rows.slice(0).column("calc.energy").at(0);
    expectTypeOf(energy).toEqualTypeOf<number | undefined>();
    // @ts-expect-error: no such key
    expect(await rows.column("calc.forces").at(0)).toBeUndefined();
    const plain = await ObjectIO.open(rows.name);
    const any = await plain.column("any").at(0);
    expectTypeOf(any).toEqualTypeOf<Value | undefined>();
    expect([row, energy, any]).toEqual([{ "calc.energy": 1 }, 1, undefined]);
  });

  it("says what a store cannot do", async () => {
    const still: BackendSpec = defineBackend({
      name: "still",
      extensions: [".still"],
      capabilities: { create: false, append: false, perAtomExtras: true, nested: true },
      open: async () => {
        const {
          insert: _i,
          set: _s,
          update: _u,
          delete: _d,
          drop: _p,
          append: _a,
          clear: _c,
          ...rest
        } = toAsync(memoryStore([{ a: 1 }], "x.still"));
        return rest;
      },
    });
    const rows = await ObjectIO.open("x.still", { backend: still, mode: "r+" });
    expect(await rows.at(0)).toEqual({ a: 1 });
    await expect(rows.append({})).rejects.toThrow(stowageError("ERR_UNSUPPORTED"));
    await expect(rows.slice().delete()).rejects.toThrow(/Cannot delete rows of x.still/);
    await expect(ObjectIO.open("x.still", { backend: still, group: "g" })).rejects.toThrow(
      stowageError("ERR_UNSUPPORTED"),
    );
    expect(() => ObjectIOSync.open("x.still", { backend: still })).toThrow(stowageError("ERR_UNSUPPORTED"));
    expect(await ObjectIO.listGroups("x.still", { backend: still })).toEqual([]);
  });

  it("reads the next batch while one is in use, and drops its failure where nobody looks", async () => {
    const store = toAsync(memoryStore(Array.from({ length: 6 }, (_, i) => ({ i }))));
    const reads: number[] = [];
    const slow: BackendSpec = defineBackend({
      name: "slow",
      extensions: [],
      capabilities: store.capabilities,
      open: async () => ({
        ...store,
        getMany: async (indices: ArrayLike<number>) => {
          reads.push(indices[0]!);
          if (indices[0] === 4) throw new RangeError("the disk is gone");
          return store.getMany(indices);
        },
      }),
    });
    const rows = await ObjectIO.open("slow", { backend: slow });
    for await (const chunk of rows.chunked(2)) {
      expect(chunk).toEqual([{ i: 0 }, { i: 1 }]);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(reads).toEqual([0, 2]);
      break;
    }
    await expect(
      attempt(async () => {
        for await (const _ of rows.chunked(2));
      }),
    ).rejects.toThrow("the disk is gone");
  });
});
