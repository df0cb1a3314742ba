import { Atoms, type AtomsInit, float64, int64, type NdArray, ndarray, type Value } from "@stowage/core";
import { describe, expect, test } from "vitest";
import { AtpFile, atomsToMolecule, Molecule, moleculeToAtoms } from "../src/index.js";
import { codeOf } from "./outcome.js";
import { temporaryFile } from "./temporary-folder.js";

function methane(more: Partial<AtomsInit> = {}): Atoms {
  return new Atoms({
    atomicNumbers: [6, 1],
    positions: Float64Array.of(0, 0, 0, 0.1, 0.2, 0.3),
    ...more,
  });
}

/** By way of a file. */
function there(atoms: Atoms, options = {}): Atoms {
  using db = AtpFile.create(temporaryFile());
  db.append(atomsToMolecule(atoms, options));
  return moleculeToAtoms(db.at(0));
}

describe("atoms become a molecule", () => {
  const forces = ndarray(Float64Array.of(1, 2, 3, 4, 5, 6), [2, 3]);

  test("and come back the same", () => {
    const atoms = methane({
      cell: Float64Array.of(1, 0, 0, 0, 2, 0, 0, 0, 3),
      pbc: [true, false, false],
      arrays: { tags: ndarray(Int32Array.of(0, 1)), velocities: ndarray(new Float32Array(6), [2, 3]) },
      calc: { energy: -1.5, forces, charges: ndarray(Float32Array.of(0.5, -0.5)), free_energy: -1.25 },
      info: { name: "methane", gap: 2.5, count: 3, nothing: null, v: ndarray(Float64Array.of(1)) },
    });
    const back = there(atoms);
    for (const key of ["positions", "cell", "pbc", "arrays", "calc", "info", "constraints"] as const) {
      expect([key, back[key]]).toEqual([key, atoms[key]]);
    }
    expect(Array.from(back.atomicNumbers)).toEqual([6, 1]);
    expect(there(back)).toEqual(back); // a second time nothing changes
  });

  test("in many at once", () => {
    const molecules = atomsToMolecule([methane(), methane({ info: { n: 2 } })]);
    expect(molecules.map((molecule) => molecule.propertyKeys())).toEqual([[], ["n"]]);
    expect(moleculeToAtoms(molecules).map(({ formula }) => formula)).toEqual(["CH", "CH"]);
    expect([atomsToMolecule([]), moleculeToAtoms([])]).toEqual([[], []]);
  });

  test("with float32 positions, forces and velocities where that is asked for, the rest as it is", () => {
    const atoms = methane({
      cell: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
      calc: { forces, charges: ndarray(new Float64Array(2)) },
      arrays: { velocities: forces, w: forces },
    });
    const m = atomsToMolecule(atoms, { precision: "float32" });
    const dtypes = [m.positions, m.forces, m.velocities, m.charges, m.cell, m.getProperty("w") as NdArray];
    expect(dtypes.map((array) => array?.dtype)).toEqual([
      "float32",
      "float32",
      "float32",
      "float64",
      "float64",
      "float64",
    ]);
    expect(m.positions.data[3]).toBe(Math.fround(0.1));
    expect(atoms.positions.dtype).toBe("float64"); // the given ones stay
    expect(atomsToMolecule(atoms).positions).toEqual(atoms.positions);
  });

  test("without their cell only where no axis is periodic and that is asked for", () => {
    const cell = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
    expect(atomsToMolecule(methane({ cell })).cell?.data).toEqual(cell);
    expect(atomsToMolecule(methane({ cell }), { dropCell: true }).cell).toBeUndefined();
    expect(
      atomsToMolecule(methane({ cell, pbc: [false, true, false] }), { dropCell: true }).cell?.data,
    ).toEqual(cell);
    expect(atomsToMolecule(methane()).cell).toBeUndefined();
    expect(atomsToMolecule(methane()).pbc).toEqual([false, false, false]);
  });

  test("with values in place of their own", () => {
    const atoms = methane({ calc: { energy: 1, forces }, info: { gap: 1, kept: true } });
    const m = atomsToMolecule(atoms, {
      energy: -7,
      forces: new Float32Array(6),
      charges: Float64Array.of(1, -1),
      velocities: new Float32Array(6),
      cell: Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
      stress: Float64Array.of(1, 2, 3, 4, 5, 6),
      info: { gap: 2, more: "x" },
    });
    expect([m.energy, m.forces?.dtype, m.charges?.data[1], m.velocities?.shape]).toEqual([
      -7,
      "float32",
      -1,
      [2, 3],
    ]);
    expect([m.cell?.dtype, m.stress?.data]).toEqual(["float32", Float64Array.of(1, 6, 5, 6, 2, 4, 5, 4, 3)]);
    expect(["gap", "kept", "more"].map((key) => m.getProperty(key))).toEqual([2, 1, "x"]);
    expect([atoms.calc.energy, atoms.info.gap]).toEqual([1, 1]);
  });

  test("without info or arrays, where that is asked for", () => {
    const atoms = methane({
      arrays: { tags: ndarray(Int32Array.of(1, 2)) },
      info: { gap: 1 },
      calc: { energy: 2 },
    });
    const options = { copyInfo: false, copyArrays: false };
    const m = atomsToMolecule(atoms, { ...options, info: { only: "this" } });
    expect([m.propertyKeys(), m.energy]).toEqual([["only"], 2]);
  });

  test("with info that belongs to the atoms, by name", () => {
    const atoms = methane({ info: { q: ndarray(Float64Array.of(1, 2)), v: ndarray(Float64Array.of(3, 4)) } });
    const m = atomsToMolecule(atoms, { atomKeys: ["q", "absent"] });
    expect([m.propertyKeys({ scope: "atom" }), m.propertyKeys({ scope: "molecule" })]).toEqual([
      ["q"],
      ["v"],
    ]);
    expect(codeOf(() => atomsToMolecule(methane({ info: { q: 1 } }), { atomKeys: ["q"] }))).toBe("ERR_SHAPE");
  });

  test("not with what .atp cannot hold, unless it may be dropped", () => {
    const lossy: Partial<AtomsInit>[] = [
      { constraints: [{ name: "FixAtoms", kwargs: { indices: [0] } }] },
      { info: { list: [1, 2] } },
      { arrays: { labels: ["C", "H"] } },
      { calc: { unheard_of: 1 } },
      { info: { energy: 1 } },
      { info: { stress: 1 } },
    ];
    for (const more of lossy) {
      expect(codeOf(() => atomsToMolecule(methane(more)))).toBe("ERR_LOSS");
      expect(atomsToMolecule(methane(more), { unsupported: "drop" }).propertyKeys()).toEqual([]);
    }
  });

  test("whose whole numbers take the type that the key has in the file", () => {
    using db = AtpFile.create(temporaryFile());
    const withGap = (gap: Value) => atomsToMolecule(methane({ info: { gap } }));
    db.append(withGap(2.5));
    db.append(withGap(3)); // written by a person: it follows
    expect(db.at(1).storedProperty("gap")).toEqual(float64(3));
    expect(codeOf(() => db.append(withGap(int64(3))))).toBe("ERR_ATP_SCHEMA");
    const back = moleculeToAtoms(db.at(1));
    expect([back.info.gap, back.dtypes]).toEqual([3, { "info.gap": "float64" }]);
    // Read from a store it keeps its type, also into a new file.
    using other = AtpFile.create(temporaryFile());
    other.append(atomsToMolecule(back));
    expect(other.at(0).storedProperty("gap")).toEqual(float64(3));
  });
});

describe("a molecule becomes atoms", () => {
  const full = (): Molecule => {
    const molecule = new Molecule({
      positions: new Float32Array(6),
      atomicNumbers: [6, 1],
      energy: -1,
      forces: new Float32Array(6),
      charges: new Float64Array(2),
      stress: new Float64Array(9),
    });
    molecule.setProperty("gap", 1.5).setProperty("dipole", new Float64Array(3));
    return molecule.setProperty("q", new Float64Array(2), { scope: "atom" });
  };

  test("with its results in calc", () => {
    const { calc, info, arrays } = moleculeToAtoms(full());
    expect(Object.keys(calc).sort()).toEqual(["charges", "dipole", "energy", "forces", "stress"]);
    expect([Object.keys(info), Object.keys(arrays)]).toEqual([["gap"], ["q"]]);
    expect(moleculeToAtoms(full(), { calcMode: "nocopy" })).toEqual(moleculeToAtoms(full()));
  });

  test.each([{ attachCalc: false }, { calcMode: "none" }] as const)("or beside it (%j)", (options) => {
    const { calc, info, arrays } = moleculeToAtoms(full(), options);
    expect([Object.keys(calc), Object.keys(info).sort(), Object.keys(arrays).sort()]).toEqual([
      ["dipole"],
      ["energy", "gap", "stress"],
      ["charges", "forces", "q"],
    ]);
  });

  test("without properties, where that is asked for", () => {
    const { calc, info, arrays } = moleculeToAtoms(full(), { copyInfo: false, copyArrays: false });
    expect([Object.keys(calc).sort(), info, arrays]).toEqual([
      ["charges", "energy", "forces", "stress"],
      {},
      {},
    ]);
  });

  test("without a lattice has a cell of zeros, and no axis is periodic", () => {
    const atoms = moleculeToAtoms(full());
    expect([atoms.cell, atoms.pbc]).toEqual([ndarray(new Float64Array(9), [3, 3]), [false, false, false]]);
  });
});
