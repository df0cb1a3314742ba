import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Atoms,
  AtomsIO,
  AtomsIOSync,
  BlobIOSync,
  COLABFIT,
  ColumnMapping,
  defineBackend,
  encodeValue,
  int64,
  mappedStore,
  memoryStore,
  ndarray,
  ObjectIO,
  ObjectIOSync,
  OPTIMADE,
  type OpenOptions,
  type Row,
  toAsync,
} from "../src/index.js";

const seed = Number(process.env.STOWAGE_SEED ?? Date.now() % 2 ** 31);
console.log(`column mapping: seed ${seed}`);

let names = 0;
const freshName = () => `memory://mapping-${names++}`;
const stowageError = (code: string) => expect.objectContaining({ code });

const mapping = new ColumnMapping({
  positions: "pos",
  numbers: "z",
  cell: "box",
  pbc: "periodic",
  calc: { energy: "total_energy", forces: "f" },
  info: { label: "material_id" },
  arrays: { tags: "t" },
});

/** As a dataset of JSON has it. */
const foreign: Row = {
  pos: [
    [0, 0, 0],
    [0, 0, 1.5],
  ],
  z: [8, 1],
  box: [
    [9, 0, 0],
    [0, 9, 0],
    [0, 0, 9],
  ],
  periodic: [true, false, true],
  total_energy: -1.5,
  f: [
    [0, 0, 0.5],
    [0, 0, -0.5],
  ],
  material_id: "mp-1",
  t: [1, 2],
  gap: 2.5,
};

describe("ColumnMapping", () => {
  it("gives rows by our keys, and lists as arrays", () => {
    const row = mapping.apply(foreign);
    expect(row).toEqual({
      "arrays.positions": ndarray(Float64Array.of(0, 0, 0, 0, 0, 1.5), [2, 3]),
      "arrays.numbers": ndarray(BigInt64Array.of(8n, 1n)),
      cell: ndarray(Float64Array.of(9, 0, 0, 0, 9, 0, 0, 0, 9), [3, 3]),
      pbc: ndarray(Uint8Array.of(1, 0, 1), [3], "bool"),
      "calc.energy": -1.5,
      "calc.forces": ndarray(Float64Array.of(0, 0, 0.5, 0, 0, -0.5), [2, 3]),
      "info.label": "mp-1",
      "arrays.tags": ndarray(BigInt64Array.of(1n, 2n)),
      "info.gap": 2.5,
    });
    expect(Object.keys(mapping.revert(row))).toEqual(Object.keys(foreign));
    expect(mapping.apply(mapping.revert(row))).toEqual(row);
    expect(mapping.apply({ box: null, periodic: null, total_energy: null })).toEqual({ "calc.energy": null });
    expect(mapping.apply({ pos: [["x"]], f: [1, "y"] })).toEqual({
      "arrays.positions": [["x"]],
      "calc.forces": [1, "y"],
    });
  });

  it("reads symbols and dimension types, and writes them where the dataset has them", () => {
    const row = OPTIMADE.apply({
      cartesian_site_positions: [[0, 0, 0]],
      species_at_sites: ["Cl"],
      lattice_vectors: null,
      dimension_types: [1, 0, 1],
      energy: -2,
      nsites: int64(1),
    });
    expect(row).toEqual({
      "arrays.positions": ndarray(new Float64Array(3), [1, 3]),
      "arrays.numbers": ndarray(Uint8Array.of(17)),
      pbc: ndarray(Uint8Array.of(1, 0, 1), [3], "bool"),
      "calc.energy": -2,
      "info.nsites": int64(1),
    });
    expect(OPTIMADE.revert(row)).toMatchObject({
      species_at_sites: ["Cl"],
      dimension_types: ndarray(BigInt64Array.of(1n, 0n, 1n)),
    });
    expect(() => OPTIMADE.apply({ species_at_sites: ["Xx"] })).toThrow(stowageError("ERR_ROW"));
    expect(COLABFIT.keyOf("cauchy_stress")).toBe("calc.stress");
    expect(COLABFIT.revert(COLABFIT.apply({ pbc: [true, true, false] }))).toEqual({
      pbc: ndarray(Uint8Array.of(1, 1, 0), [3], "bool"),
    });
  });

  it("keeps other names where they are ours already, and hides a column whose name is taken", () => {
    const kept = new ColumnMapping({
      calc: { energy: "info.REF_energy", forces: "arrays.REF_forces" },
      others: "keep",
    });
    const row = { "info.REF_energy": -1, "calc.energy": -9, "info.name": "x", pbc: [true, true, true] };
    expect(kept.apply(row)).toEqual({ "calc.energy": -1, "info.name": "x", pbc: [true, true, true] });
    expect(kept.revert({ "calc.energy": -1, "info.name": "x" })).toEqual({
      "info.REF_energy": -1,
      "info.name": "x",
    });
    expect(() => kept.revert({ "info.REF_energy": 1 })).toThrow(/its column holds|no column/);
    expect(kept.columnOf("calc.stress")).toBe("calc.stress");
    // By its default every other column is info, whatever its name.
    expect(mapping.keyOf("calc.stress")).toBe("info.calc.stress");
    expect(new ColumnMapping({ info: { label: "id" } }).keyOf("label")).toBeNull();
  });

  it("refuses names given twice, and keys that have no column", () => {
    expect(() => new ColumnMapping({ positions: "x", numbers: "x" })).toThrow(stowageError("ERR_OPTION"));
    expect(() => new ColumnMapping({ calc: { a: "x" }, info: { a: "x" } })).toThrow(
      stowageError("ERR_OPTION"),
    );
    expect(() => mapping.revert({ "calc.stress": 1 })).toThrow(
      'Cannot store "calc.stress": the mapping names no column for it',
    );
    expect(() => mapping.revert({ "info.total_energy": 1 })).toThrow(
      'Cannot store "info.total_energy": its column holds "calc.energy"',
    );
    expect(() => mapping.revert({ constraints: [] })).toThrow(stowageError("ERR_ROW"));
  });

  it("finds every key again that it has a column for", () => {
    const name = fc.constantFrom(
      "a",
      "b",
      "info.a",
      "calc.a",
      "calc.b",
      "info.calc.a",
      "info.info.a",
      "cell",
    );
    const columns = fc.uniqueArray(name, { maxLength: 3 });
    fc.assert(
      fc.property(columns, fc.constantFrom("info", "keep"), name, (taken, others, key) => {
        const [energy, label, cell] = taken;
        const some = new ColumnMapping({
          calc: energy === undefined ? {} : { a: energy },
          info: label === undefined ? {} : { a: label },
          cell,
          others,
        });
        const column = some.columnOf(key);
        if (column !== null) expect(some.keyOf(column)).toBe(key);
        const back = some.keyOf(key);
        if (back !== null) expect(some.columnOf(back)).toBe(key);
      }),
      { seed, numRuns: 500 },
    );
  });
});

describe("a store under other names", () => {
  const open = (rows: Row[]) =>
    defineBackend({
      name: "foreign",
      extensions: [".foreign"],
      capabilities: { create: true, append: true, perAtomExtras: true, nested: true, edit: true },
      openSync: (file: string, { mode = "r" }: OpenOptions = {}) => memoryStore(rows, file, mode !== "r"),
      open: async (file: string, { mode = "r" }: OpenOptions = {}) =>
        toAsync(memoryStore(rows, file, mode !== "r")),
    });

  it("reads as structures, rows and columns, by promise and at once", async () => {
    const backend = open([foreign, {}, { ...foreign, total_energy: -2.5, gap: 3 }]);
    await using atoms = await AtomsIO.open("a.foreign", { backend, mapping });
    const first = (await atoms.at(0))!;
    expect([first.formula, first.calc.energy, first.info.label, first.pbc]).toEqual([
      "HO",
      -1.5,
      "mp-1",
      [true, false, true],
    ]);
    expect(await atoms.at(1)).toBeNull();
    using sync = AtomsIOSync.open("a.foreign", { backend, mapping });
    expect(sync.at(2)!.calc.energy).toBe(-2.5);
    await using rows = await ObjectIO.open("a.foreign", { backend, mapping });
    expect(await rows.column("calc.energy").pick([0, 2]).toArray()).toEqual(Float64Array.of(-1.5, -2.5));
    expect(await rows.column("info.gap").toArray()).toEqual([2.5, null, 3]);
    expect(await rows.column("calc.forces").at(0)).toEqual(mapping.apply(foreign)["calc.forces"]);
    const forces = await rows.column("calc.forces").pick([0, 2]).toArray();
    expect(forces).toMatchObject({ dtype: "float64", shape: [2, 2, 3] });
    expect(await rows.get(0, { keys: ["info.gap", "calc.energy", "calc.nothing"] })).toEqual({
      "info.gap": 2.5,
      "calc.energy": -1.5,
    });
    expect(await rows.keys(0)).toContain("info.label");
    await expect(rows.column("calc.stress").toArray()).rejects.toThrow(stowageError("ERR_KEY_MISSING"));
    expect(await rows.schema()).toMatchObject({
      "arrays.positions": { dtype: "float64", shape: [null, 3], perAtom: true, missing: 1 },
      "arrays.numbers": { dtype: "uint8", perAtom: true },
      "calc.energy": { dtype: "float64", shape: [], missing: 1 },
      pbc: { dtype: "bool", shape: [3] },
      "info.gap": { dtype: "float64" },
    });
  });

  it("is written under its own names", async () => {
    const kept: Row[] = [];
    using db = AtomsIOSync.open("b.foreign", { backend: open(kept), mapping, mode: "r+" });
    db.append(
      new Atoms({
        atomicNumbers: [6],
        positions: Float64Array.of(0, 0, 1),
        calc: { energy: -3 },
        info: { label: "mp-2", gap: 1.5 },
      }),
    );
    expect(Object.keys(kept[0]!).sort()).toEqual(
      ["box", "gap", "material_id", "periodic", "pos", "total_energy", "z"].sort(),
    );
    expect(kept[0]!.total_energy).toBe(-3);
    db.update(0, { calc: { energy: -4 }, info: { gap: 2.5 } });
    db.column("info.extra").set([int64(1)]);
    expect(kept[0]).toMatchObject({ total_energy: -4, gap: 2.5, extra: int64(1) });
    db.drop(["info.gap", "calc.nothing"]);
    expect(kept[0]).not.toHaveProperty("gap");
    expect(db.at(0)!.calc.energy).toBe(-4);
    const stressed = new Atoms({ atomicNumbers: [], positions: new Float64Array(0), calc: { stress: 1 } });
    expect(() => db.append(stressed)).toThrow(stowageError("ERR_ROW"));
    expect(db.length).toBe(1);
    using reader = AtomsIOSync.open("b.foreign", { backend: open(kept), mapping });
    expect(() => reader.update(0, { calc: { energy: 1 } })).toThrow(stowageError("ERR_READ_ONLY"));
  });

  it("refuses a row without the positions or numbers that the mapping names", () => {
    const store = mappedStore(memoryStore([{ z: [1], total_energy: 1 }], "c.foreign"), mapping);
    expect(() => store.getMany([0])).toThrow(
      'Cannot read a row of c.foreign: it has no column "pos", which the mapping names',
    );
    expect(store.getMany([0], ["calc.energy"])).toEqual([{ "calc.energy": 1 }]);
  });

  it("serves bytes and caches", () => {
    const backend = open([foreign]);
    const bytes = BlobIOSync.open("d.foreign", { backend, mapping });
    expect(bytes.column("calc.energy").at(0)).toEqual(encodeValue(-1.5));
    const cache = freshName();
    const cached = ObjectIOSync.open("d.foreign", { backend, mapping, cacheTo: cache });
    const row = cached.at(0);
    expect(cached.at(0)).toEqual(row);
    expect(cached.cache).toEqual({ hits: 1, misses: 1 });
    expect(ObjectIOSync.open(cache).at(0)).toEqual(row);
  });

  it("tells a new dataset the types of rows to come by its names", () => {
    let given: OpenOptions["schema"];
    const backend = defineBackend({
      ...open([]),
      openSync: (file: string, { schema }: OpenOptions = {}) => {
        given = schema;
        return memoryStore([], file);
      },
    });
    const field = { dtype: "float32" as const, shape: [], perAtom: false };
    ObjectIOSync.open("e.foreign", {
      backend,
      mapping,
      mode: "w",
      schema: { "calc.energy": field, "info.gap": field, "calc.unnamed": field },
    });
    expect(given).toEqual({ total_energy: field, gap: field });
  });
});
