import { Atoms, atomsToRow, isNdArray, type NdArray, ndarray, rowToAtoms, type Value } from "@stowage/core";
import type { Floats } from "./field-value.js";
import type { Molecule } from "./molecule.js";
import { LossLog, moleculeToRow, rowToMolecule } from "./molecule-row.js";
import { toFloat32 } from "./property.js";

export interface AtomsToMoleculeOptions {
  /** `"float32"` casts positions, forces and velocities, as atompack's `from_ase` does. Default: keep the dtypes. */
  precision?: "keep" | "float32";
  /** Leave the cell out where no axis is periodic, as atompack's `from_ase` does. Default: keep it. */
  dropCell?: boolean;
  /** In place of what the atoms hold. eV. */
  energy?: number | NdArray;
  /** (nAtoms, 3), eV/Å. */
  forces?: Floats;
  /** (nAtoms,), e. */
  charges?: Floats;
  /** (nAtoms, 3). */
  velocities?: Floats;
  /** (3, 3), Å. */
  cell?: Floats;
  /** (3, 3) or Voigt (6,), eV/Å³. */
  stress?: Floats;
  /** Take over `atoms.info`. Default true. */
  copyInfo?: boolean;
  /** Take over `atoms.arrays`. Default true. */
  copyArrays?: boolean;
  /** Further properties of the molecule; they win over `atoms.info`. */
  info?: Record<string, Value>;
  /** Names under `info` and `calc` that belong to the atoms (arrays always do). */
  atomKeys?: Iterable<string>;
  /** Values .atp cannot hold: refuse (default) or leave out. */
  unsupported?: "error" | "drop";
}

export interface MoleculeToAtomsOptions {
  /**
   * Results go to `atoms.calc` (default); with false, energy and stress to `info`, forces and charges to `arrays`.
   */
  attachCalc?: boolean;
  /** The peer's names: `"none"` is `attachCalc: false`; the other two are the same here. */
  calcMode?: "singlepoint" | "nocopy" | "none";
  /** Take over molecule properties. Default true. */
  copyInfo?: boolean;
  /** Take over atom properties. Default true. */
  copyArrays?: boolean;
}

/**
 * Molecules of ASE-like atoms, one or many.
 *
 * Dtypes are kept. Arrays become atom properties, `info` and other results molecule properties.
 *
 * @throws {StowageError} ERR_LOSS for what .atp cannot hold: constraints, lists, text for each atom.
 */
export function atomsToMolecule(atoms: Atoms, options?: AtomsToMoleculeOptions): Molecule;
export function atomsToMolecule(atoms: readonly Atoms[], options?: AtomsToMoleculeOptions): Molecule[];
export function atomsToMolecule(
  atoms: Atoms | readonly Atoms[],
  options: AtomsToMoleculeOptions = {},
): Molecule | Molecule[] {
  return atoms instanceof Atoms
    ? convertAtoms(atoms, options)
    : atoms.map((each) => convertAtoms(each, options));
}

function convertAtoms(source: Atoms, options: AtomsToMoleculeOptions): Molecule {
  const { copyInfo = true, copyArrays = true, precision = "keep", unsupported = "error" } = options;
  const n = source.nAtoms;
  const atoms = new Atoms({
    atomicNumbers: source.atomicNumbers,
    positions: source.positions,
    cell: cellOf(source, options),
    pbc: source.pbc,
    arrays: copyArrays ? { ...source.arrays } : {},
    calc: { ...source.calc },
    info: { ...(copyInfo ? source.info : {}), ...options.info },
    constraints: source.constraints,
  });
  atoms.dtypes = source.dtypes;
  if (options.energy !== undefined) atoms.calc.energy = options.energy;
  if (options.forces !== undefined) atoms.calc.forces = shaped(options.forces, [n, 3]);
  if (options.charges !== undefined) atoms.calc.charges = shaped(options.charges, [n]);
  if (options.velocities !== undefined) atoms.arrays.velocities = shaped(options.velocities, [n, 3]);
  if (options.stress !== undefined) atoms.calc.stress = shapedStress(options.stress);
  if (precision === "float32") castToFloat32(atoms);
  const molecule = rowToMolecule(atomsToRow(atoms), { unsupported, losses: new LossLog() });
  leaveNumbersOpen(molecule, atoms);
  for (const key of options.atomKeys ?? []) moveToAtoms(molecule, key);
  return molecule;
}

function cellOf(source: Atoms, { cell, dropCell = false }: AtomsToMoleculeOptions): Floats {
  if (cell !== undefined) return cell;
  return dropCell && !source.pbc.includes(true) ? new Float64Array(9) : source.cell;
}

function shaped(value: Floats, shape: number[]): NdArray {
  return isNdArray(value) ? value : ndarray(value, shape);
}

function shapedStress(value: Floats): NdArray {
  return isNdArray(value) ? value : ndarray(value, value.length === 6 ? [6] : [3, 3]);
}

function castToFloat32(atoms: Atoms): void {
  atoms.positions = toFloat32(atoms.positions);
  if (isNdArray(atoms.calc.forces)) atoms.calc.forces = toFloat32(atoms.calc.forces);
  if (isNdArray(atoms.arrays.velocities)) atoms.arrays.velocities = toFloat32(atoms.arrays.velocities);
}

/** Whole numbers that a user wrote take the dtype of the file; those read from a store keep the one noted. */
function leaveNumbersOpen(molecule: Molecule, atoms: Atoms): void {
  for (const [key, value] of Object.entries(atoms.info)) {
    const noted = atoms.dtypes?.[`info.${key}`] !== undefined;
    if (typeof value === "number" && !noted && molecule.hasProperty(key)) molecule.setProperty(key, value);
  }
}

function moveToAtoms(molecule: Molecule, key: string): void {
  const value = molecule.storedProperty(key, "molecule");
  if (value === undefined) return;
  molecule.deleteProperty(key);
  molecule.setProperty(key, value, { scope: "atom" });
}

/** ASE-like atoms of molecules, one or many. */
export function moleculeToAtoms(molecule: Molecule, options?: MoleculeToAtomsOptions): Atoms;
export function moleculeToAtoms(molecules: readonly Molecule[], options?: MoleculeToAtomsOptions): Atoms[];
export function moleculeToAtoms(
  molecules: Molecule | readonly Molecule[],
  options: MoleculeToAtomsOptions = {},
): Atoms | Atoms[] {
  return Array.isArray(molecules)
    ? molecules.map((each: Molecule) => convertMolecule(each, options))
    : convertMolecule(molecules as Molecule, options);
}

function convertMolecule(molecule: Molecule, options: MoleculeToAtomsOptions): Atoms {
  const { attachCalc = true, calcMode = "singlepoint", copyInfo = true, copyArrays = true } = options;
  const wanted = { builtin: true, atom: copyArrays, molecule: copyInfo };
  const atoms = rowToAtoms(moleculeToRow(molecule, (_, scope) => wanted[scope]));
  if (!attachCalc || calcMode === "none") detachResults(atoms);
  return atoms;
}

function detachResults(atoms: Atoms): void {
  for (const key of ["energy", "stress"]) {
    const value = atoms.calc[key];
    if (value === undefined) continue;
    atoms.info[key] = value;
    // Under info a whole number would be taken for an int64.
    if (typeof value === "number") {
      atoms.dtypes = { ...atoms.dtypes, [`info.${key}`]: atoms.dtypes?.[`calc.${key}`] ?? "float64" };
    }
    delete atoms.calc[key];
  }
  for (const key of ["forces", "charges"]) {
    const value = atoms.calc[key];
    if (isNdArray(value)) atoms.arrays[key] = value;
    delete atoms.calc[key];
  }
}
