import { describe, expect, expectTypeOf, it } from "vitest";
import {
  type BackendMap,
  float64,
  int64,
  isPerAtomKey,
  memory,
  memoryStore,
  ndarray,
  openStore,
  pickKeys,
  type Row,
  schemaOfRows,
} from "../src/index.js";

function stowageError(code: string): unknown {
  return expect.objectContaining({ code });
}

describe("memoryStore", () => {
  it("gives rows in the order asked for, again where asked again", () => {
    const rows: Row[] = [{ a: 0 }, { a: 1 }, { a: 2 }];
    const store = memoryStore(rows);
    expect(store.count()).toBe(3);
    expect(store.getMany([2, 0, 2])).toEqual([{ a: 2 }, { a: 0 }, { a: 2 }]);
    expect(store.getMany(Uint32Array.of(1))[0]).toBe(rows[1]);
    expect(store.getMany([])).toEqual([]);
  });

  it("gives only the keys asked for, leaving out what a row does not have", () => {
    const store = memoryStore([{ a: 0, b: 1 }, { b: 2 }]);
    expect(store.getMany([0, 1], ["b", "a", "c", "constructor"])).toEqual([{ b: 1, a: 0 }, { b: 2 }]);
    expect(store.getMany([0], [])).toEqual([{}]);
  });

  it.each([3, -1, 0.5, Number.NaN])("refuses row %d of 3", (index) => {
    const store = memoryStore([{}, {}, {}], "memory://three");
    expect(() => store.getMany([0, index])).toThrow(stowageError("ERR_INDEX_RANGE"));
    expect(() => store.getMany([index])).toThrow(`Cannot read row ${index} of memory://three: it has 3 rows`);
  });

  it("appends many rows at once", () => {
    const store = memoryStore();
    store.append!(new Array<Row>(300_000).fill({ a: 1 }));
    expect(store.count()).toBe(300_000);
    const rows: Row[] = [{ a: 1 }];
    memoryStore(rows).append!(rows);
    expect(rows).toHaveLength(2);
  });

  it("refuses writes where it was opened for reading, and everything once closed", () => {
    const store = memoryStore([{}], "memory://x", false);
    expect(() => store.append!([{}])).toThrow(stowageError("ERR_READ_ONLY"));
    store.close();
    store.close();
    for (const use of [
      () => store.count(),
      () => store.getMany([0]),
      () => store.schema(),
      () => store.append!([]),
    ]) {
      expect(use).toThrow(stowageError("ERR_CLOSED"));
    }
  });
});

describe("pickKeys", () => {
  it("keeps keys of any name", () => {
    const row = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2, "a": 3}') as Row;
    const picked = pickKeys(row, ["constructor", "__proto__"]);
    expect(Object.entries(picked)).toEqual([
      ["constructor", 2],
      ["__proto__", { x: 1 }],
    ]);
    expect(Object.getPrototypeOf(picked)).toBe(Object.prototype);
    expect(pickKeys({ a: 1 }, ["__proto__", "toString"])).toEqual({});
  });
});

describe("schemaOfRows", () => {
  it("is the union of the keys, in the order first seen, with the rows that miss each", () => {
    const rows: Row[] = [
      { "arrays.numbers": ndarray(new Uint8Array(2)), "calc.energy": -1 },
      { "arrays.numbers": ndarray(new Uint8Array(3)), "info.name": "x", "calc.energy": -2 },
      { "arrays.numbers": ndarray(new Uint8Array(3)), "info.step": int64(1) },
    ];
    const schema = schemaOfRows(rows);
    expect(Object.entries(schema)).toEqual([
      ["arrays.numbers", { dtype: "uint8", shape: [null], perAtom: true, missing: 0 }],
      ["calc.energy", { dtype: "float64", shape: [], perAtom: false, missing: 1 }],
      ["info.name", { dtype: "string", shape: [], perAtom: false, missing: 2 }],
      ["info.step", { dtype: "int64", shape: [], perAtom: false, missing: 2 }],
    ]);
    expect(schemaOfRows([])).toEqual({});
  });

  it("opens extents that differ and falls back to json for types that differ", () => {
    const schema = schemaOfRows([
      { "info.v": ndarray(new Float32Array(3)), "info.mixed": 1, "info.same": float64(1) },
      { "info.v": ndarray(new Float32Array(4)), "info.mixed": "one", "info.same": 2 },
      { "info.v": ndarray(new Float32Array(3)), "info.mixed": 1 },
    ]);
    expect(schema).toEqual({
      "info.v": { dtype: "float32", shape: [null], perAtom: false, missing: 0 },
      "info.mixed": { dtype: "json", shape: [], perAtom: false, missing: 0 },
      "info.same": { dtype: "float64", shape: [], perAtom: false, missing: 1 },
    });
  });

  it("holds keys of any name", () => {
    const names = ["constructor", "__proto__", "toString"];
    const rows = [1, 2].map((n) => JSON.parse(`{${names.map((name) => `"${name}": ${n}`)}}`) as Row);
    const schema = schemaOfRows([...rows, {}]);
    expect(Object.entries(schema)).toEqual(
      names.map((name) => [name, { dtype: "float64", shape: [], perAtom: false, missing: 1 }]),
    );
    expect(Object.getPrototypeOf(schema)).toBe(Object.prototype);
  });

  it("knows per-atom keys by name", () => {
    const perAtom = ["arrays.tags", "calc.forces", "calc.charges"];
    const others = ["info.forces", "calc.energy", "calc.dipole", "cell", "forces", "calc.toString"];
    expect(perAtom.every(isPerAtomKey)).toBe(true);
    expect(others.some(isPerAtomKey)).toBe(false);
  });
});

describe("memory:// datasets", () => {
  it("live by name as long as the process", async () => {
    const writer = await openStore("memory://live", { mode: "w" });
    await writer.append!([{ a: 1 }]);
    await writer.close();
    const reader = await openStore("memory://live");
    expect(await reader.getMany([0])).toEqual([{ a: 1 }]);
    await expect(reader.append!([{}])).rejects.toThrow(stowageError("ERR_READ_ONLY"));
    expect(reader).toMatchObject({ name: "memory://live", backend: "memory", warnings: [] });
  });

  it("are made by r+ and w, and replaced only where that is asked for", async () => {
    await expect(openStore("memory://none")).rejects.toThrow(stowageError("ERR_FILE_MISSING"));
    const appender = await openStore("memory://more", { mode: "r+" });
    await appender.append!([{ a: 1 }]);
    await expect(openStore("memory://more", { mode: "w" })).rejects.toThrow(stowageError("ERR_FILE_EXISTS"));
    const again = await openStore("memory://more", { mode: "r+" });
    expect(await again.count()).toBe(1);
    const fresh = await openStore("memory://more", { mode: "w", overwrite: true });
    expect(await fresh.count()).toBe(0);
  });

  it("keep every kind of value", () => {
    expect(memory.capabilities).toEqual({
      create: true,
      append: true,
      perAtomExtras: true,
      nested: true,
      edit: true,
    });
    expect(memoryStore().capabilities).toBe(memory.capabilities);
  });

  it("open at once as well, with the type that the registry knows", () => {
    const store = memory.openSync!("memory://sync", { mode: "w" });
    store.append!([{ a: 1 }]);
    expect(store.count()).toBe(1);
    expectTypeOf<BackendMap["memory"]>().toEqualTypeOf(memory);
  });
});
