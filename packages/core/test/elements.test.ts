import { describe, expect, it } from "vitest";
import {
  atomicNumberOf,
  CHEMICAL_SYMBOLS,
  hillFormula,
  isCalculatorResult,
  PER_ATOM_RESULTS,
  PER_STRUCTURE_RESULTS,
  symbolOf,
} from "../src/index.js";

describe("elements", () => {
  it("are numbered from the dummy atom X to oganesson", () => {
    expect(CHEMICAL_SYMBOLS).toHaveLength(119);
    expect(new Set(CHEMICAL_SYMBOLS).size).toBe(119);
    const known = {
      X: 0,
      H: 1,
      C: 6,
      O: 8,
      Ne: 10,
      Cl: 17,
      Fe: 26,
      Xe: 54,
      Lu: 71,
      Au: 79,
      Rn: 86,
      U: 92,
      Og: 118,
    };
    for (const [symbol, number] of Object.entries(known)) {
      expect(atomicNumberOf(symbol)).toBe(number);
      expect(symbolOf(number)).toBe(symbol);
    }
  });

  it("have no other spelling", () => {
    for (const symbol of ["h", "CL", " H", "", "D", "Z119", "constructor"])
      expect(atomicNumberOf(symbol)).toBeUndefined();
    expect([symbolOf(119), symbolOf(255)]).toEqual(["Z119", "Z255"]);
  });
});

describe("hillFormula", () => {
  // As ase.Atoms(...).get_chemical_formula("hill") does.
  it.each([
    ["C2H6O", [8, 1, 1, 6, 1, 1, 6, 1, 1]],
    ["H2O", [1, 1, 8]],
    ["CH4", [1, 1, 1, 1, 6]],
    ["HCl", [17, 1]],
    ["CHCl3", [17, 17, 17, 1, 6]],
    ["C", [6]],
    ["HBrCl", [17, 35, 1]],
    ["Z200", [200]],
    ["", []],
  ])("writes %s", (formula, numbers) => {
    expect(hillFormula(Uint8Array.from(numbers))).toBe(formula);
  });
});

describe("calculator results", () => {
  it("are ASE's, each of one scope", () => {
    // ase.calculators.calculator.all_properties, ASE 3.29
    const all = (
      "energy forces stress stresses dipole charges magmom magmoms free_energy energies dielectric_tensor " +
      "born_effective_charges polarization"
    ).split(" ");
    expect([...PER_ATOM_RESULTS, ...PER_STRUCTURE_RESULTS].sort()).toEqual(all.sort());
    expect(all.every(isCalculatorResult)).toBe(true);
    expect(isCalculatorResult("positions")).toBe(false);
  });
});
