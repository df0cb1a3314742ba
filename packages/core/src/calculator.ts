/**
 * The calculator results that ASE knows, by scope.
 *
 * Decides which names belong under `calc.` when a format does not say, and which hold one value an atom.
 *
 * @see ase 3.29 `ase/calculators/calculator.py` (`all_properties`) and `ase/outputs.py` (shapes)
 */
export const PER_ATOM_RESULTS: ReadonlySet<string> = new Set([
  "forces",
  "stresses",
  "charges",
  "magmoms",
  "energies",
  "born_effective_charges",
]);

/** Results with one value a structure. */
export const PER_STRUCTURE_RESULTS: ReadonlySet<string> = new Set([
  "energy",
  "stress",
  "dipole",
  "magmom",
  "free_energy",
  "dielectric_tensor",
  "polarization",
]);

/** Whether a name is one of ASE's calculator results. */
export function isCalculatorResult(name: string): boolean {
  return PER_ATOM_RESULTS.has(name) || PER_STRUCTURE_RESULTS.has(name);
}
