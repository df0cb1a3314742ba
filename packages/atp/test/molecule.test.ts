import { readFileSync } from "node:fs";
import {
  float64,
  int64,
  isStowageError,
  MemorySource,
  type NdArray,
  ndarray,
  scalar,
  type Value,
} from "@stowage/core";
import { describe, expect, test } from "vitest";
import { Atom, AtpFile, Molecule, type Scope } from "../src/index.js";
import { f32, forge, u8 } from "./forged-file.js";
import { codeOf } from "./outcome.js";
import { temporaryFile } from "./temporary-folder.js";

function water(): Molecule {
  return new Molecule({
    positions: new Float32Array([0, 0, 0, 0.75, 0.5, 0, -0.75, 0.5, 0]),
    atomicNumbers: [8, 1, 1],
    energy: -14.2,
  });
}

/** The same molecule as it is, and as it comes from a file. */
function bothWays(molecule: Molecule): [string, Molecule][] {
  const path = temporaryFile();
  using db = AtpFile.create(path);
  db.append(molecule);
  db.flush();
  return [
    ["own", molecule],
    ["read", AtpFile.open(path).at(0)],
    ["of bytes in memory", AtpFile.open(new MemorySource(readFileSync(path))).at(0)],
  ];
}

describe("an atom", () => {
  test("has a position, a number, a symbol and a distance to others", () => {
    const atom = new Atom(0, 3, 4, 8);
    expect([atom.position, atom.atomicNumber, atom.symbol, atom.distanceTo(new Atom(0, 0, 0, 1))]).toEqual([
      [0, 3, 4],
      8,
      "O",
      5,
    ]);
  });

  test("is asked of a molecule by an index that may be negative", () => {
    for (const [, molecule] of bothWays(water())) {
      expect(molecule.atom(0)).toEqual(new Atom(0, 0, 0, 8));
      expect(molecule.atom(-1)).toEqual(new Atom(-0.75, 0.5, 0, 1));
      expect(Array.from(molecule.atoms(), (atom) => atom.symbol)).toEqual(["O", "H", "H"]);
      expect(codeOf(() => molecule.atom(3))).toBe("ERR_INDEX_RANGE");
      expect(codeOf(() => molecule.atom(-4))).toBe("ERR_INDEX_RANGE");
      expect(() => molecule.atom(1.5)).toThrow(TypeError);
    }
  });
});

describe("fields", () => {
  const full = () =>
    new Molecule({
      positions: new Float64Array([1, 2, 3, 4, 5, 6]),
      atomicNumbers: Uint8Array.of(6, 8),
      energy: -1.5,
      forces: new Float32Array(6).fill(0.5),
      charges: new Float64Array([0.25, -0.25]),
      velocities: new Float64Array(6),
      cell: new Float32Array([1, 0, 0, 0, 2, 0, 0, 0, 3]),
      stress: new Float32Array(9).fill(-1),
      pbc: [true, false, true],
      name: "carbon monoxide",
    });

  test("come back with their dtypes, from the molecule and from a file", () => {
    for (const [, m] of bothWays(full())) {
      expect([m.nAtoms, m.length, m.energy, m.pbc, m.name]).toEqual([
        2,
        2,
        -1.5,
        [true, false, true],
        "carbon monoxide",
      ]);
      const dtypes = [m.positions, m.forces, m.charges, m.velocities, m.cell, m.stress].map(
        (array) => array?.dtype,
      );
      expect(dtypes).toEqual(["float64", "float32", "float64", "float64", "float32", "float32"]);
      expect(m.stress).toEqual(ndarray(new Float32Array(9).fill(-1), [3, 3]));
      expect(Array.from(m.atomicNumbers)).toEqual([6, 8]);
    }
  });

  test("that are absent are undefined", () => {
    const bare = new Molecule({ positions: new Float32Array(0), atomicNumbers: [] });
    for (const [, m] of bothWays(bare)) {
      expect([m.energy, m.forces, m.charges, m.velocities, m.cell, m.stress, m.pbc, m.name]).toEqual(
        Array.from({ length: 8 }, () => undefined),
      );
      expect([m.nAtoms, m.positions.shape, m.fieldKeys(), m.propertyKeys()]).toEqual([0, [0, 3], [], []]);
    }
  });

  test.each([null, undefined])("are taken away by %s", (nothing) => {
    for (const [, m] of bothWays(full())) {
      m.energy = nothing;
      m.forces = nothing;
      m.charges = nothing;
      m.velocities = nothing;
      m.cell = nothing;
      m.stress = nothing;
      m.pbc = nothing;
      m.name = nothing;
      expect(m.fieldKeys()).toEqual([]);
      expect([m.energy, m.name, m.pbc]).toEqual([undefined, undefined, undefined]);
    }
  });

  test("are set one by one", () => {
    for (const [, m] of bothWays(water())) {
      m.forces = new Float64Array(9).fill(2);
      m.pbc = [false, false, true];
      m.energy = scalar(1.5, "float32");
      m.name = "";
      expect([m.forces?.dtype, m.pbc, m.energy, m.name]).toEqual(["float64", [false, false, true], 1.5, ""]);
      expect(m.storedField("energy")).toEqual(scalar(1.5, "float32"));
    }
  });

  test("of the wrong shape or type are refused, and what was there stays", () => {
    const wrong: [string, unknown, string][] = [
      ["forces", new Float32Array(6), "ERR_SHAPE"],
      ["forces", ndarray(new Float32Array(9), [9]), "ERR_SHAPE"],
      ["forces", ndarray(new Int32Array(9), [3, 3]), "ERR_DTYPE"],
      ["velocities", new Float64Array(8), "ERR_SHAPE"],
      ["charges", new Float64Array(2), "ERR_SHAPE"],
      ["cell", new Float64Array(6), "ERR_SHAPE"],
      ["stress", ndarray(new Float64Array(6), [6]), "ERR_SHAPE"],
      ["energy", ndarray(Float64Array.of(1, 2)), "ERR_SHAPE"],
      ["energy", int64(1), "ERR_DTYPE"],
    ];
    for (const [, m] of bothWays(water())) {
      for (const [key, value, code] of wrong) {
        expect([key, codeOf(() => Object.assign(m, { [key]: value }))]).toEqual([key, code]);
      }
      for (const [key, value] of [
        ["energy", "-1"],
        ["pbc", [true]],
        ["pbc", "yes"],
        ["name", 7],
        ["name", "half \ud800"],
        ["forces", [1, 2, 3]],
      ]) {
        expect(() => Object.assign(m, { [key as string]: value })).toThrow(TypeError);
      }
      expect([m.energy, m.forces]).toEqual([-14.2, undefined]);
    }
  });

  test("of a new molecule have to fit together", () => {
    const make = (positions: Float32Array | NdArray, atomicNumbers: ArrayLike<number>) =>
      codeOf(() => new Molecule({ positions, atomicNumbers }));
    expect(make(new Float32Array(4), [1, 1])).toBe("ERR_SHAPE");
    expect(make(ndarray(new Float32Array(4), [2, 2]), [1, 1])).toBe("ERR_SHAPE");
    expect(make(new Float32Array(6), [1])).toBe("ERR_SHAPE");
    expect(make(ndarray(new Int32Array(3), [1, 3]), [1])).toBe("ERR_DTYPE");
    expect(make(new Float32Array(3), [256])).toBe("ERR_DTYPE");
    expect(make(new Float32Array(3), [1.5])).toBe("ERR_DTYPE");
    expect(make(new Float32Array(3), [-1])).toBe("ERR_DTYPE");
    expect(new Molecule({ positions: new Float32Array(6), atomicNumbers: [0, 255] }).atomicNumbers).toEqual(
      u8(0, 255),
    );
  });
});

describe("a property", () => {
  const values: [string, Value, NdArray | string | null][] = [
    ["a float", 2.5, float64(2.5)],
    ["a whole number", 3, int64(3)],
    ["a whole number that is said to be a float", float64(3), float64(3)],
    ["minus zero", -0, float64(-0)],
    ["a bigint", 2n ** 63n - 1n, int64(2n ** 63n - 1n)],
    ["true", true, int64(1)],
    ["text", "a\0é\u{1f9ea}", "a\0é\u{1f9ea}"],
    ["nothing", null, null],
    ["float32", ndarray(Float32Array.of(1, 2)), ndarray(Float32Array.of(1, 2))],
    ["int32 (1,)", ndarray(Int32Array.of(-1)), ndarray(Int32Array.of(-1))],
    ["int64 (2, 3)", ndarray(new BigInt64Array(6), [2, 3]), ndarray(new BigInt64Array(6), [2, 3])],
    ["float64 (2, 3)", ndarray(new Float64Array(6), [2, 3]), ndarray(new Float64Array(6), [2, 3])],
    ["float32 of rank 3", ndarray(new Float32Array(8), [2, 2, 2]), ndarray(new Float32Array(8), [2, 2, 2])],
    ["no rows", ndarray(new Float32Array(0), [0, 3]), ndarray(new Float32Array(0), [0, 3])],
    ["a float32 scalar", scalar(0.1, "float32"), float64(Math.fround(0.1))],
    ["a uint8 scalar", scalar(200, "uint8"), int64(200)],
    ["bytes", ndarray(u8(1, 200)), ndarray(Int32Array.of(1, 200))],
    ["booleans", ndarray(u8(1, 0), [2], "bool"), ndarray(Int32Array.of(1, 0))],
    ["uint32", ndarray(Uint32Array.of(2 ** 32 - 1)), ndarray(BigInt64Array.of(2n ** 32n - 1n))],
    ["float16", ndarray(Uint16Array.of(0x3e00), [1], "float16"), ndarray(Float32Array.of(1.5))],
  ];

  test.each(values)("of %s comes back as the format holds it", (_, value, stored) => {
    const [, [, read]] = bothWays(water().setProperty("key", value));
    expect(read!.storedProperty("key")).toEqual(stored);
    expect(read!.hasProperty("key")).toBe(true);
  });

  test("of a scalar is a plain number to its user, a bigint past 2^53", () => {
    for (const [, m] of bothWays(
      water()
        .setProperty("a", 3)
        .setProperty("b", 2n ** 60n)
        .setProperty("c", float64(4)),
    )) {
      expect([m.getProperty("a"), m.getProperty("b"), m.getProperty("c")]).toEqual([3, 2n ** 60n, 4]);
    }
  });

  test.each([
    ["a list", [1, 2]],
    ["an object", { a: 1 }],
    ["complex numbers", ndarray(new Float64Array(2), [1], "complex128")],
    ["text with half of a surrogate pair", "\udc00"],
    ["an integer past 64 bits", 2n ** 64n],
    ["a uint64 past int64", ndarray(BigUint64Array.of(2n ** 63n))],
    ["a uint64 scalar past int64", scalar(2n ** 63n, "uint64")],
  ] as [string, Value][])("of %s is refused, and the one before stays", (_, value) => {
    for (const [, m] of bothWays(water().setProperty("key", "before"))) {
      expect(codeOf(() => m.setProperty("key", value))).toBe("ERR_DTYPE");
      expect(m.getProperty("key")).toBe("before");
    }
  });

  test("may have any key of 255 bytes but stress", () => {
    const m = water();
    for (const key of ["", "k".repeat(255), "\u{1f9ea}".repeat(63), "energy", "__proto__", "\ufeff"]) {
      expect(m.setProperty(key, key).getProperty(key)).toBe(key);
    }
    for (const key of ["stress", "k".repeat(256), "é".repeat(128), "\ud800"]) {
      expect(codeOf(() => m.setProperty(key, 1))).toBe("ERR_PROPERTY");
      expect(m.hasProperty(key)).toBe(false);
    }
    expect(m.energy).toBe(-14.2); // a shadow is no field
  });

  test("has a key in the order of UTF-8 bytes, which is not that of UTF-16", () => {
    const keys = ["b", "a", "\u{1f9ea}", "\uffee", "é", "Z", ""];
    const m = water();
    for (const key of keys) m.setProperty(key, 1);
    for (const [, each] of bothWays(m))
      expect(each.propertyKeys()).toEqual(["", "Z", "a", "b", "é", "\uffee", "\u{1f9ea}"]);
  });

  test("that is not there is undefined, also under a name that every object has", () => {
    for (const [, m] of bothWays(water())) {
      for (const key of ["gap", "constructor", "toString", "energy", "stress"]) {
        expect([m.getProperty(key), m.hasProperty(key), m.deleteProperty(key)]).toEqual([
          undefined,
          false,
          false,
        ]);
      }
    }
  });
});

describe("a scope", () => {
  const q = Float32Array.of(1, 2, 3);

  test("of the atoms holds one value for each", () => {
    for (const [, m] of bothWays(water().setProperty("q", q, { scope: "atom" }).setProperty("gap", 1.5))) {
      expect(m.propertyKeys()).toEqual(["gap", "q"]);
      expect([m.propertyKeys({ scope: "atom" }), m.propertyKeys({ scope: "molecule" })]).toEqual([
        ["q"],
        ["gap"],
      ]);
      expect([m.hasProperty("q", { scope: "atom" }), m.hasProperty("q", { scope: "molecule" })]).toEqual([
        true,
        false,
      ]);
      expect([m.getProperty("q"), m.getProperty("q", { scope: "molecule" })]).toEqual([
        ndarray(q),
        undefined,
      ]);
      for (const value of [
        1.5,
        "text",
        null,
        Float32Array.of(1, 2),
        ndarray(new Float32Array(6), [2, 3]),
      ] as Value[]) {
        expect(codeOf(() => m.setProperty("p", value, { scope: "atom" }))).toBe("ERR_SHAPE");
      }
    }
  });

  test("is kept when a value is replaced, and changed by deleting it first", () => {
    for (const [, m] of bothWays(water().setProperty("q", q, { scope: "atom" }))) {
      m.setProperty("q", new Float64Array(3));
      expect(m.propertyKeys({ scope: "atom" })).toEqual(["q"]);
      expect(codeOf(() => m.setProperty("q", new Float64Array(2)))).toBe("ERR_SHAPE");
      expect(codeOf(() => m.setProperty("q", 1, { scope: "molecule" }))).toBe("ERR_PROPERTY");
      expect([
        m.deleteProperty("q", { scope: "molecule" }),
        m.deleteProperty("q"),
        m.deleteProperty("q"),
      ]).toEqual([false, true, false]);
      expect(m.setProperty("q", 1, { scope: "molecule" }).propertyKeys({ scope: "molecule" })).toEqual(["q"]);
    }
  });

  test("of another name is a wrong argument", () => {
    const scope = "bond" as Scope;
    for (const [, m] of bothWays(water().setProperty("q", 1))) {
      expect(() => m.setProperty("q", 1, { scope })).toThrow(TypeError);
      expect(() => m.getProperty("q", { scope })).toThrow(TypeError);
      expect(() => m.hasProperty("q", { scope })).toThrow(TypeError);
      expect(() => m.propertyKeys({ scope })).toThrow(TypeError);
      expect(() => m.deleteProperty("q", { scope })).toThrow(TypeError);
    }
  });

  test("has to be named for a key that a file has in both", () => {
    const sections = [
      { kind: 1, key: "x", tag: 6, payload: f32(1) },
      { kind: 2, key: "x", tag: 6, payload: f32(2, 3) },
    ];
    const schema = {
      entries: [
        { kind: 1, key: "x", tag: 6, perAtom: 1, elemBytes: 4, slotBytes: 4 },
        { kind: 2, key: "x", tag: 6, elemBytes: 4, slotBytes: 8 },
      ],
    };
    const db = AtpFile.open(new MemorySource(forge({ records: [{ sections }], schema })));
    const m = db.at(0);
    expect(codeOf(() => m.getProperty("x"))).toBe("ERR_PROPERTY");
    expect(m.getProperty("x", { scope: "atom" })).toEqual(ndarray(Float32Array.of(1)));
    expect(m.getProperty("x", { scope: "molecule" })).toEqual(ndarray(Float32Array.of(2, 3)));
    expect(m.propertyKeys()).toEqual(["x"]);
    const flat = db.flat([0]);
    expect([flat.atomProperties.x?.shape, (flat.properties.x as NdArray).shape]).toEqual([[1], [1, 2]]);
  });
});

describe("a molecule that was read", () => {
  test("can be changed without changing the file, its neighbours or a fresh one", () => {
    const path = temporaryFile();
    using db = AtpFile.create(path);
    db.append([water().setProperty("gap", 1), water().setProperty("gap", 2)]);
    db.flush();
    const bytes = readFileSync(path);
    const [first, second] = db.getMany([0, 1]) as [Molecule, Molecule];
    first.energy = 0;
    first.setProperty("gap", 7).setProperty("new", "x");
    first.deleteProperty("gap");
    first.positions.data[0] = 99;
    expect([db.at(0).energy, db.at(0).getProperty("gap"), db.at(0).propertyKeys()]).toEqual([
      -14.2,
      1,
      ["gap"],
    ]);
    expect([second.getProperty("gap"), second.positions.data[0], db.at(0).positions.data[0]]).toEqual([
      2, 0, 0,
    ]);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  test("and copied has memory of its own, and nothing is missing", () => {
    for (const [, m] of bothWays(water().setProperty("q", Float32Array.of(1, 2, 3), { scope: "atom" }))) {
      const copy = m.copy();
      copy.positions.data[0] = 99;
      copy.atomicNumbers[0] = 1;
      (copy.getProperty("q") as NdArray).data[0] = 99;
      expect([m.positions.data[0], m.atomicNumbers[0], (m.getProperty("q") as NdArray).data[0]]).toEqual([
        0, 8, 1,
      ]);
      expect([copy.energy, copy.propertyKeys({ scope: "atom" }), copy.record]).toEqual([-14.2, ["q"], null]);
    }
  });

  test("gives the same arrays each time it is asked", () => {
    const [, [, m]] = bothWays(water().setProperty("v", new Float64Array(4)));
    expect(m!.positions).toBe(m!.positions);
    expect(m!.getProperty("v")).toBe(m!.getProperty("v"));
  });

  test("outlives its file", () => {
    const path = temporaryFile();
    const db = AtpFile.create(path, { codec: "zstd" });
    db.append(water());
    const molecule = db.at(0);
    db.close();
    expect([molecule.energy, molecule.positions.data[3]]).toEqual([-14.2, 0.75]);
  });
});

test("an error names the property, the molecule or the file that it is about", () => {
  const messageOf = (action: () => unknown) => {
    try {
      action();
      return "";
    } catch (error) {
      return isStowageError(error) ? `${error.message} / ${error.hint}` : String(error);
    }
  };
  expect(messageOf(() => water().setProperty("stress", 1))).toContain(
    'Cannot set property "stress": stress is a field',
  );
  expect(messageOf(() => water().setProperty("list", [1]))).toContain(
    'Cannot set property "list": .atp holds no such value',
  );
  expect(messageOf(() => water().setProperty("q", 1, { scope: "atom" }))).toContain(
    '"q": it needs one value for each of 3 atoms',
  );
});
