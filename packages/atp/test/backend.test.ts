import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  columnFromValues,
  equalValues,
  getKey,
  isStowageError,
  memoryStore,
  type NdArray,
  ndarray,
  openStore,
  type Row,
  type RowStore,
  registerPlugin,
  scalar,
  schemaOfRows,
  type Value,
} from "@stowage/core";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import plugin, { AtpFile, type AtpStoreOptions, atp } from "../src/index.js";
import { arbitraryFile, type MoleculeSpec } from "./arbitrary-file.js";
import { bits } from "./equal-bits.js";
import { codeOf } from "./outcome.js";
import { freshSeed } from "./seed.js";
import { smallFile } from "./small-file.js";
import { temporaryFile, temporaryFolder } from "./temporary-folder.js";

const seed = freshSeed("backend");

function open(path: string, options: AtpStoreOptions = {}): RowStore<"sync"> {
  return atp.openSync!(path, options);
}

/** Zeros, which stand for what is not there. */
const NO_CELL = ndarray(new Float64Array(9), [3, 3]);
const NO_PBC = ndarray(new Uint8Array(3), [3], "bool");

/** A row that .atp holds without loss. */
function rowOf({ positions, atomicNumbers, builtins, atom, molecule }: MoleculeSpec): Row {
  const { cell = NO_CELL, pbc = NO_PBC, velocities, name, ...results } = builtins;
  const row: Row = { cell, pbc, "arrays.numbers": atomicNumbers, "arrays.positions": positions };
  if (velocities !== undefined) row["arrays.velocities"] = velocities;
  if (name !== undefined) row["info.name"] = name;
  for (const [key, value] of Object.entries(results)) row[`calc.${key}`] = plain(value);
  for (const [key, value] of Object.entries(atom)) row[`arrays.${key}`] = value;
  for (const [key, value] of Object.entries(molecule)) row[`info.${key}`] = plain(value);
  return row;
}

/** Rows hold float64 scalars as plain numbers. */
function plain(value: Value): Value {
  const array = value as NdArray;
  return array !== null && array.dtype === "float64" && array.shape.length === 0
    ? Number(array.data[0])
    : value;
}

const SHADOWS = new Set(["energy", "forces", "cell", "name"]);

/** NaN payloads do not survive being plain numbers. */
const rows = arbitraryFile().map(({ molecules }) =>
  molecules.map((spec) => {
    const without = <T>(values: Readonly<Record<string, T>>) =>
      Object.fromEntries(Object.entries(values).filter(([key]) => !SHADOWS.has(key)));
    return rowOf({ ...spec, atom: without(spec.atom), molecule: without(spec.molecule) });
  }),
);

const ROW: Row = {
  cell: NO_CELL,
  pbc: NO_PBC,
  "arrays.numbers": ndarray(Uint8Array.of(8, 1)),
  "arrays.positions": ndarray(new Float64Array(6), [2, 3]),
};

describe("rows", () => {
  test.each(["none", "lz4", "zstd"] as const)("go in and come out the same (%s)", (codec) => {
    const path = temporaryFile();
    fc.assert(
      fc.property(rows, (given) => {
        const store = open(path, { mode: "w", overwrite: true, codec, schema: schemaOfRows(given) });
        store.append!(given);
        store.close();
        const reader = open(path);
        const indices = given.map((_, i) => i);
        const back = reader.getMany(indices);
        expect(back.map(sortedKeys)).toEqual(given.map(sortedKeys));
        for (const [i, row] of given.entries()) {
          for (const [key, value] of Object.entries(row)) {
            expect([i, key, equalValues(back[i]![key]!, value)]).toEqual([i, key, true]);
          }
        }
        expect([reader.count(), store.losses!(), reader.warnings]).toEqual([given.length, [], []]);
        reader.close();
      }),
      { seed, numRuns: 50 },
    );
  });

  test("of some keys are those rows without the others, and columns what rows hold", () => {
    const folder = temporaryFolder();
    let stacked = 0;
    let runs = 0;
    fc.assert(
      fc.property(rows, fc.infiniteStream(fc.nat()), (given, draws) => {
        const store = open(join(folder, `${runs++}.atp`), { mode: "w", schema: schemaOfRows(given) });
        store.append!(given);
        const indices = Array.from(
          { length: draws.next().value % 9 },
          () => draws.next().value % given.length,
        );
        const keys = [...new Set(given.flatMap((row) => Object.keys(row)))];
        for (const key of [...keys, "info.nowhere", "calc.forces", "calc.energy", "cell"]) {
          const some = store.getMany(indices, [key]);
          const values = indices.map((i) => getKey(given[i]!, key));
          expect(some.map((row) => bits(getKey(row, key)))).toEqual(values.map(bits));
          expect(some.every((row) => Object.keys(row).length <= 1)).toBe(true);
          const column = store.column!(key, indices);
          expect([key, bits(column)]).toEqual([key, bits(columnFromValues(key, values))]);
          if (!Array.isArray(column.values) && column.missing !== null) stacked++;
        }
        store.close();
      }),
      { seed, numRuns: 80 },
    );
    expect(stacked).toBeGreaterThan(10);
  });

  test("have a schema that says what they hold", () => {
    const path = temporaryFile();
    fc.assert(
      fc.property(rows, (given) => {
        const store = open(path, { mode: "w", overwrite: true, schema: schemaOfRows(given) });
        store.append!(given);
        const schema = store.schema();
        for (const [key, field] of Object.entries(schemaOfRows(given))) {
          if (field.dtype === "json") continue; // tensors of several ranks
          const found = schema[key]!;
          if (key !== "cell") expect([key, found.dtype]).toEqual([key, field.dtype]);
          if (key.startsWith("arrays.")) expect([key, found.perAtom]).toEqual([key, true]);
          if (found.shape.length === field.shape.length) {
            found.shape.forEach((extent, axis) => {
              if (extent !== null && field.shape[axis] !== null) expect(extent).toBe(field.shape[axis]);
            });
          }
        }
        expect(Object.keys(schema).sort()).toEqual(
          [...new Set(given.flatMap((row) => Object.keys(row)))].sort(),
        );
        store.close();
      }),
      { seed, numRuns: 50 },
    );
  });

  test("with a Voigt stress come back with its matrix, and a note says so", () => {
    const store = open(temporaryFile(), { mode: "w" });
    store.append!([{ ...ROW, "calc.stress": ndarray(Float32Array.of(1, 2, 3, 4, 5, 6)) }]);
    expect(store.getMany([0], ["calc.stress"])).toEqual([
      { "calc.stress": ndarray(Float32Array.of(1, 6, 5, 6, 2, 4, 5, 4, 3), [3, 3]) },
    ]);
    expect(store.losses!()).toEqual([
      { key: "calc.stress", kind: "changed", reason: "Voigt (6,) kept as (3, 3)" },
    ]);
  });

  test("keep the other results of a calculation in calc, each atom's apart from the molecule's", () => {
    const row: Row = {
      ...ROW,
      "calc.free_energy": -1.5,
      "calc.dipole": ndarray(Float64Array.of(1, 2, 3)),
      "calc.magmoms": ndarray(Float32Array.of(0.5, -0.5)),
      "calc.magmom": 0,
      "calc.energies": ndarray(Float64Array.of(-1, -0.5)),
      "calc.energy": -1.5,
      "info.energy": "stands beside the builtin",
    };
    const store = open(temporaryFile(), { mode: "w" });
    store.append!([row]);
    expect(bits(store.getMany([0])[0])).toEqual(bits(row));
    const schema = store.schema();
    expect(["calc.magmoms", "calc.energies", "calc.dipole"].map((key) => schema[key]?.perAtom)).toEqual([
      true,
      true,
      false,
    ]);
  });
});

function sortedKeys(row: Row): string[] {
  return Object.keys(row).sort();
}

describe("a value under a wider type", () => {
  test.each([
    ["info.flag", true, scalar(1, "int64"), "boolean kept as int64"],
    ["info.flag", scalar(1, "bool"), scalar(1, "int64"), "bool kept as int64"],
    ["info.n", scalar(-3, "int32"), scalar(-3, "int64"), "int32 kept as int64"],
    ["info.x", scalar(0.5, "float32"), 0.5, "float32 kept as float64"],
    ["info.x", scalar(1.5, "float16"), 1.5, "float16 kept as float64"],
    ["arrays.tags", ndarray(Int8Array.of(1, -1)), ndarray(Int32Array.of(1, -1)), "int8 array kept as int32"],
    [
      "arrays.fixed",
      ndarray(Uint8Array.of(1, 0), [2], "bool"),
      ndarray(Int32Array.of(1, 0)),
      "bool array kept as int32",
    ],
    [
      "info.u",
      ndarray(Uint32Array.of(2 ** 32 - 1)),
      ndarray(BigInt64Array.of(2n ** 32n - 1n)),
      "uint32 array kept as int64",
    ],
    ["calc.energy", scalar(-3, "int32"), -3, "int32 kept as float64"],
    ["calc.energy", scalar(1.5, "float16"), 1.5, "float16 kept as float64"],
  ] as [string, Value, Value, string][])("(%s, %j) is noted once", (key, value, back, reason) => {
    const store = open(temporaryFile(), { mode: "w" });
    store.append!([
      { ...ROW, [key]: value },
      { ...ROW, [key]: value },
    ]);
    expect(bits(store.getMany([0, 1], [key]))).toEqual(bits([{ [key]: back }, { [key]: back }]));
    expect(store.losses!()).toEqual([{ key, kind: "widened", reason }]);
  });
});

describe("what .atp cannot hold", () => {
  const refused: [string, Value, string][] = [
    ["constraints", [{ name: "FixAtoms", kwargs: { indices: [0] } }], ".atp has no constraints"],
    ["info.list", [1, 2], ".atp holds no lists"],
    ["info.object", { a: 1 }, ".atp holds no such value"],
    ["arrays.labels", ["C1", "H2"], ".atp holds no lists"],
    ["info.z", ndarray(new Float64Array(2), [1], "complex128"), ".atp holds no such value"],
    ["info.half", "\ud800", ".atp holds no such value"],
    ["info.large", 2n ** 64n, ".atp holds no such value"],
    ["info.large", ndarray(BigUint64Array.of(2n ** 63n)), ".atp holds no such value"],
    ["info.stress", 1, "stress is a field of the molecule itself"],
    [`info.${"k".repeat(256)}`, 1, "the key has 256 bytes, the format ends at 255"],
    ["info.energy", 1, "it would come back as calc.energy"],
    ["info.dipole", 1, "it would come back as calc.dipole"],
    ["arrays.magmoms", ndarray(new Float64Array(2)), "it would come back as calc.magmoms"],
    ["calc.gap", 1.5, "it would come back as info.gap"],
    ["info.velocities", 1, "it would come back as info.velocities"],
    ["calc.energy", null, ".atp holds energy as float32 or float64 only"],
    ["calc.energy", "-1.5", ".atp holds energy as float32 or float64 only"],
    ["calc.energy", scalar(2n ** 60n, "int64"), ".atp holds energy as float32 or float64 only"],
    [
      "calc.energy",
      ndarray(new Float64Array(2), [], "complex128"),
      ".atp holds energy as float32 or float64 only",
    ],
    ["calc.forces", ndarray(new Int32Array(6), [2, 3]), ".atp holds forces as float32 or float64 only"],
    ["calc.stress", ndarray(new BigInt64Array(6)), ".atp holds stress as float32 or float64 only"],
    [
      "cell",
      ndarray(Int32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1), [3, 3]),
      ".atp holds cell as float32 or float64 only",
    ],
  ];

  test.each(refused.filter(([key]) => key !== "info.velocities"))(
    "(%s, %s) is refused, or dropped with a note",
    (key, value, reason) => {
      const path = temporaryFile();
      const store = open(path, { mode: "w" });
      const row = { ...ROW, [key]: value };
      expect(() => store.append!([ROW, row])).toThrow(
        expect.objectContaining({ code: "ERR_LOSS", details: { key, reason } }),
      );
      expect([store.count(), store.losses!()]).toEqual([0, []]);
      store.close();

      const dropping = open(path, { mode: "w", overwrite: true, unsupported: "drop" });
      dropping.append!([ROW, row]);
      const { [key]: _, ...rest } = row;
      const expected = key === "cell" ? ROW : rest;
      expect(bits(dropping.getMany([1])[0])).toEqual(bits(expected));
      expect(dropping.losses!()).toEqual([{ key, kind: "dropped", reason }]);
      dropping.close();
    },
  );

  test("is one name in two places", () => {
    const row = { ...ROW, "arrays.x": ndarray(new Float64Array(2)), "info.x": 1.5 };
    expect(codeOf(() => open(temporaryFile(), { mode: "w" }).append!([row]))).toBe("ERR_LOSS");
    const store = open(temporaryFile(), { mode: "w", unsupported: "drop" });
    store.append!([row]);
    expect(Object.keys(store.getMany([0])[0]!)).not.toContain("info.x");
    expect(store.losses!()).toMatchObject([{ key: "info.x", kind: "dropped" }]);
  });

  test("is a row that is no structure, or keys that are none of ASE's", () => {
    const store = open(temporaryFile(), { mode: "w" });
    const { "arrays.positions": _, ...noPositions } = ROW;
    expect(codeOf(() => store.append!([noPositions]))).toBe("ERR_ROW");
    expect(codeOf(() => store.append!([{ ...ROW, energy: 1 }]))).toBe("ERR_ROW");
    expect(codeOf(() => store.append!([{ ...ROW, "results.energy": 1 }]))).toBe("ERR_ROW");
    expect(codeOf(() => store.append!([{ ...ROW, "arrays.q": ndarray(new Float64Array(3)) }]))).toBe(
      "ERR_SHAPE",
    );
    expect(codeOf(() => store.append!([{ ...ROW, "arrays.numbers": ndarray(Int32Array.of(1, 300)) }]))).toBe(
      "ERR_DTYPE",
    );
    expect(store.count()).toBe(0);
  });

  test("is another type under a key that is there; the schema that is known beforehand helps with shapes", () => {
    const v = (length: number): Row => ({ ...ROW, "info.v": ndarray(new Float64Array(length)) });
    const store = open(temporaryFile(), { mode: "w" });
    store.append!([v(2)]);
    expect(codeOf(() => store.append!([v(3)]))).toBe("ERR_ATP_SCHEMA");
    const planned = open(temporaryFile(), { mode: "w", schema: schemaOfRows([v(2), v(3)]) });
    planned.append!([v(2)]);
    planned.append!([v(3)]);
    expect(planned.getMany([0, 1], ["info.v"])).toEqual(
      [2, 3].map((n) => ({ "info.v": ndarray(new Float64Array(n)) })),
    );
  });
});

describe("a store", () => {
  test("answers by the contract at both ends, and after its end", () => {
    const path = temporaryFile();
    const store = open(path, { mode: "w" });
    store.append!([ROW, ROW]);
    const memory = memoryStore([ROW, ROW]);
    for (const indices of [[2], [-1], [0, 5]]) {
      expect(codeOf(() => memory.getMany(indices))).toBe("ERR_INDEX_RANGE");
      expect(codeOf(() => store.getMany(indices))).toBe("ERR_INDEX_RANGE");
      expect(codeOf(() => store.column!("calc.energy", indices))).toBe("ERR_INDEX_RANGE");
    }
    expect([store.getMany([]), store.count(), store.backend, store.name]).toEqual([[], 2, "atp", path]);
    store.flush!();
    store.close();
    store.close();
    for (const act of [
      () => store.count(),
      () => store.getMany([0]),
      () => store.schema(),
      () => store.append!([ROW]),
      () => store.flush!(),
    ]) {
      expect(codeOf(act)).toBe("ERR_CLOSED");
    }
  });

  test("has no schema without rows, and no columns of keys that every object has", () => {
    const store = open(temporaryFile(), { mode: "w" });
    expect(store.schema()).toEqual({});
    store.append!([ROW, ROW]);
    expect(Object.keys(store.schema())).toContain("arrays.positions");
    for (const key of ["constructor", "__proto__"]) {
      expect(store.column!(key, [0, 1])).toEqual(columnFromValues(key, [undefined, undefined]));
    }
    for (const index of [0.5, Number.NaN]) {
      expect(codeOf(() => store.getMany([index]))).toBe("ERR_INDEX_RANGE");
      expect(codeOf(() => store.column!("calc.energy", [index]))).toBe("ERR_INDEX_RANGE");
    }
    store.close();
  });

  test("opens in its modes", () => {
    const path = temporaryFile();
    expect(codeOf(() => open(path))).toBe("ERR_FILE_MISSING");
    const made = open(path, { mode: "r+" }); // makes what is missing
    made.append!([ROW]);
    made.close();
    expect(codeOf(() => open(path, { mode: "w" }))).toBe("ERR_FILE_EXISTS");
    const more = open(path, { mode: "r+" });
    more.append!([ROW]);
    more.discard!();
    expect(open(path).count()).toBe(1);
    expect(codeOf(() => open(path).append!([ROW]))).toBe("ERR_READ_ONLY");
    expect(codeOf(() => open(path, { mode: "x" as "r" }))).toBe("ERR_OPTION");
    open(path, { mode: "w", overwrite: true }).close();
    expect(open(path).count()).toBe(0);
  });

  test("tells of damage it overlooked", () => {
    const path = temporaryFile();
    const bytes = smallFile([[1], [2]]);
    bytes[100]! ^= 1;
    writeFileSync(path, bytes);
    expect(open(path).warnings).toEqual([expect.stringContaining("commit 1 is in use")]);
    writeFileSync(path, smallFile([[1], [2]]).subarray(0, -1));
    expect(codeOf(() => open(path))).toBe("ERR_ATP_TRUNCATED");
    expect(open(path, { recover: true }).count()).toBe(1);
  });

  test("of a file whose molecule has a name in two places cannot give that row, but the others", () => {
    const path = temporaryFile();
    using db = AtpFile.create(path);
    db.append(
      AtpFile.open(writeSmall([[1], [2]]))
        .getMany([0, 1])
        .map((m, i) => {
          m.name = "builtin";
          return i === 0 ? m : m.setProperty("name", "property");
        }),
    );
    db.flush();
    const store = open(path);
    expect(store.getMany([0], ["info.name"])).toEqual([{ "info.name": "builtin" }]);
    expect(() => store.getMany([1])).toThrow(
      expect.objectContaining({ code: "ERR_LOSS", details: expect.objectContaining({ key: "info.name" }) }),
    );
  });
});

function writeSmall(commits: number[][]): string {
  const path = temporaryFile("small.atp");
  writeFileSync(path, smallFile(commits));
  return path;
}

describe("by the registry", () => {
  beforeAll(() => registerPlugin(plugin));

  test("a path is opened by its ending, or by its first bytes", async () => {
    const bytes = smallFile([[1, 2]]);
    for (const name of ["water.atp", "WATER.ATP"]) {
      const path = temporaryFile(name);
      writeFileSync(path, bytes);
      const store = await openStore(path);
      expect([store.backend, await store.count()]).toEqual(["atp", 2]);
      await store.close();
    }
    expect(atp.sniff!(bytes.subarray(0, 100))).toBe(true);
    expect(atp.sniff!(bytes.subarray(1, 100))).toBe(false);
    expect(atp.sniff!(new Uint8Array(0))).toBe(false);
  });

  test("the promises of an asynchronous store answer as the sync one does", async () => {
    const path = temporaryFile();
    const store = await openStore(path, { mode: "w" });
    await store.append!([{ ...ROW, "calc.energy": -1 }]);
    await store.flush!();
    expect(existsSync(path) && readFileSync(path).length > 8192).toBe(true);
    expect(await store.column!("calc.energy", [0])).toEqual({
      key: "calc.energy",
      values: ndarray(Float64Array.of(-1)),
      missing: null,
    });
    const failure = await store.getMany([1]).catch((error: unknown) => error);
    expect(isStowageError(failure, "ERR_INDEX_RANGE")).toBe(true);
    await store.close();
  });
});
