import { MemorySource, type NdArray, ndarray } from "@stowage/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AtpFile } from "../src/index.js";
import { arbitrarySteps, takeStep, toSpec } from "./arbitrary-file.js";
import { bits } from "./equal-bits.js";
import { bitsOfFlat, flatOf } from "./flat-oracle.js";
import { f32, f64, forge, u8, utf8 } from "./forged-file.js";
import { codeOf } from "./outcome.js";
import { freshSeed } from "./seed.js";
import { atom } from "./small-file.js";
import { temporaryFile } from "./temporary-folder.js";

const seed = freshSeed("flat-batch");

test.each(["none", "lz4", "zstd"] as const)("flat equals molecules put together one by one (%s)", (codec) => {
  const path = temporaryFile();
  let whole = 0;
  fc.assert(
    fc.property(arbitrarySteps(), fc.infiniteStream(fc.nat()), (steps, draws) => {
      using db = AtpFile.create(path, { codec, overwrite: true });
      for (const step of steps) codeOf(() => takeStep(db, step));
      const { length } = db;
      const count = length === 0 ? 0 : draws.next().value % 12;
      const indices = Array.from({ length: count }, () => (draws.next().value % (2 * length)) - length);
      const specs = db.getMany(indices).map(toSpec);
      const { fields, positions } = db.schema;
      const expected = flatOf(specs, fields, positions ?? "float32");
      if (expected === null) expect(codeOf(() => db.flat(indices))).toBe("ERR_FLAT_RAGGED");
      else expect(bitsOfFlat(db.flat(indices))).toEqual(expected);

      const chosen = fields.filter(() => draws.next().value % 2 === 0);
      const some = flatOf(specs, chosen, positions ?? "float32");
      const names = { fields: chosen.map(({ name }) => name) };
      if (some === null) expect(codeOf(() => db.flat(indices, names))).toBe("ERR_FLAT_RAGGED");
      else expect(bitsOfFlat(db.flat(indices, names))).toEqual(some);
      if (expected !== null) whole++;
    }),
    { seed, numRuns: 80 },
  );
  expect(whole).toBeGreaterThan(40);
});

describe("a flat read", () => {
  test("has no rows for no molecules", () => {
    using db = AtpFile.create(temporaryFile());
    const empty = db.flat([]);
    expect([empty.nAtoms.length, empty.positions.shape, empty.atomicNumbers.length, empty.missing]).toEqual([
      0,
      [0, 3],
      0,
      {},
    ]);
    db.append(atom().setProperty("v", new Float64Array(2)));
    expect(db.flat([]).properties.v).toEqual(ndarray(new Float64Array(0), [0, 2]));
  });

  test("marks what is missing and reads zero there, in any order of the molecules", () => {
    using db = AtpFile.create(temporaryFile());
    const full = atom(1).setProperty("gap", 1.5).setProperty("source", "dft");
    full.energy = -2;
    full.forces = new Float32Array([1, 2, 3]);
    db.append([atom(2), full, atom(3)]);
    const batch = db.flat([2, 1, 0]);
    expect(batch.missing).toEqual({
      energy: u8(1, 0, 1),
      forces: u8(1, 0, 1),
      "properties.gap": u8(1, 0, 1),
      "properties.source": u8(1, 0, 1),
    });
    expect(batch.energy).toEqual(ndarray(Float64Array.of(0, -2, 0)));
    expect(batch.forces?.data).toEqual(Float32Array.of(0, 0, 0, 1, 2, 3, 0, 0, 0));
    expect(batch.properties.source).toEqual([null, "dft", null]);
    expect(db.flat([1, 1]).missing).toEqual({});
  });

  test("gives vectors of the molecule a row each", () => {
    using db = AtpFile.create(temporaryFile());
    const values = {
      v: Float32Array.of(1, 2),
      w: ndarray(new Float64Array(6), [2, 3]),
      t: ndarray(new Int32Array(4), [2, 2]),
    };
    for (const number of [1, 2, 3]) {
      const molecule = atom(number);
      for (const [key, value] of Object.entries(values)) molecule.setProperty(key, value);
      db.append(molecule);
    }
    const { properties } = db.flat([0, 1, 2]);
    const shapes = Object.entries(properties).map(([key, value]) => [key, (value as NdArray).shape]);
    expect(Object.fromEntries(shapes)).toEqual({ v: [3, 2], w: [3, 2, 3], t: [3, 2, 2] });
  });

  test("of some fields takes their names, and bare keys of properties", () => {
    using db = AtpFile.create(temporaryFile());
    const molecule = atom().setProperty("gap", 1.5).setProperty("energy", "shadow");
    molecule.setProperty("q", Float32Array.of(1), { scope: "atom" });
    molecule.energy = -1;
    db.append(molecule);
    const keys = (fields: string[]) => {
      const {
        nAtoms: _,
        positions: __,
        atomicNumbers: ___,
        missing: ____,
        properties,
        atomProperties,
        ...rest
      } = db.flat([0], { fields });
      return [Object.keys(rest), Object.keys(properties), Object.keys(atomProperties)];
    };
    expect(keys([])).toEqual([[], [], []]);
    expect(keys(["positions", "nAtoms", "atomicNumbers"])).toEqual([[], [], []]);
    expect(keys(["energy"])).toEqual([["energy"], [], []]); // not the property that has its name
    expect(keys(["properties.energy"])).toEqual([[], ["energy"], []]);
    expect(keys(["gap", "q"])).toEqual([[], ["gap"], ["q"]]);
    expect(keys(["atomProperties.q", "properties.gap"])).toEqual([[], ["gap"], ["q"]]);
    expect(codeOf(() => db.flat([0], { fields: ["gap", "forces"] }))).toBe("ERR_OPTION");
  });

  test("of a projection passes over what it does not want, sound or not", () => {
    const bad = { tag: 0, key: "bad", payload: u8(1, 2, 3) };
    const db = AtpFile.open(
      new MemorySource(
        forge({
          records: [{ sections: [bad, { tag: 0, key: "good", payload: f64(2.5) }] }],
          schema: {
            entries: [
              { kind: 2, key: "bad", tag: 0 },
              { kind: 2, key: "good", tag: 0 },
            ],
          },
        }),
      ),
    );
    expect(db.flat([0], { fields: ["good"] }).properties.good).toEqual(ndarray(Float64Array.of(2.5)));
    expect(codeOf(() => db.flat([0]))).toBe("ERR_ATP_RECORD");
  });

  test("refuses arrays of several shapes and names the key", () => {
    using db = AtpFile.create(temporaryFile(), { tensors: ["v"] });
    db.append([2, 3].map((length) => atom().setProperty("v", new Float64Array(length))));
    expect(() => db.flat([0, 1])).toThrow(
      expect.objectContaining({ code: "ERR_FLAT_RAGGED", details: { key: "v" } }),
    );
    expect(db.flat([1, 1]).properties.v).toEqual(ndarray(new Float64Array(6), [2, 3]));
    expect(bits(db.flat([0, 1], { fields: [] }).missing)).toEqual([]);
  });

  test("refuses a section that the schema of the file does not know", () => {
    const file = {
      schema: { entries: [] },
      records: [{ sections: [{ tag: 0, key: "x", payload: f64(1) }] }],
    };
    const db = AtpFile.open(new MemorySource(forge(file)));
    expect(db.at(0).getProperty("x")).toBe(1);
    expect(codeOf(() => db.flat([0]))).toBe("ERR_ATP_RECORD");
    expect(db.flat([0], { fields: [] }).positions.data).toEqual(Float32Array.of(1, 2, 3));
  });

  test("passes over fields of a later release", () => {
    const later = { kind: 0, key: "positions", tag: 4, payload: f32(9, 9, 9) };
    const db = AtpFile.open(
      new MemorySource(
        forge({
          records: [{ sections: [later, { kind: 3, tag: 77, payload: utf8("?") }] }],
          schema: {
            entries: [{ kind: 0, key: "positions", tag: 4, perAtom: 1, elemBytes: 12, slotBytes: 12 }],
          },
        }),
      ),
    );
    expect(db.schema.fields).toEqual([]);
    expect(db.flat([0]).positions.data).toEqual(Float32Array.of(1, 2, 3));
    expect([db.at(0).fieldKeys(), db.at(0).propertyKeys()]).toEqual([[], []]);
    expect(db.at(0).copy().positions.data).toEqual(Float32Array.of(1, 2, 3));
  });

  test("says so where there is no room for so many molecules", () => {
    // 2000 entries share a record of 16 MiB of zeros in zstd, which 1 KiB holds.
    using db = AtpFile.create(temporaryFile(), { codec: "zstd" });
    db.append(atom().setProperty("zeros", new Float64Array(2 << 20)));
    expect(codeOf(() => db.flat(new Uint32Array(2000)))).toBe("ERR_ATP_LIMIT");
  });
});
