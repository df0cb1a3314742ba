import { elementAt, getKey, isNdArray, type NdArray, plainValue, type Row } from "@stowage/core";
import { ATOMIC_MASSES } from "./atomic-masses.js";
import { constrainedForces } from "./constrained-forces.js";

/** Something that is computed from a row, and the keys it needs. */
export interface Quantity {
  readonly keys: readonly string[];
  /** `undefined` where the row does not have it. */
  of(row: Row, index: number): number | string | undefined;
}

/**
 * The names that stand for the same in `ase db`. Energies in eV, forces in eV/Å, stress in eV/Å³, volume in Å³, masses in u.
 *
 * @see ase 3.29 `ase/db/row.py`
 */
export const QUANTITIES: ReadonlyMap<string, Quantity> = new Map<string, Quantity>([
  // Databases count from 1.
  ["id", { keys: [], of: (_, index) => index + 1 }],
  ["natoms", { keys: ["arrays.numbers"], of: (row) => arrayOf(row, "arrays.numbers")?.data.length }],
  ["energy", { keys: ["calc.energy"], of: (row) => scalarOf(row, "calc.energy") }],
  ["magmom", { keys: ["calc.magmom"], of: (row) => scalarOf(row, "calc.magmom") }],
  ["fmax", { keys: ["calc.forces", "constraints"], of: largestForce }],
  ["smax", { keys: ["calc.stress"], of: (row) => largest(numbersOf(row, "calc.stress")?.map(Math.abs)) }],
  ["volume", { keys: ["cell"], of: volumeOf }],
  ["mass", { keys: ["arrays.masses", "arrays.numbers"], of: massOf }],
  ["charge", { keys: ["arrays.initial_charges", "arrays.numbers"], of: chargeOf }],
  ["pbc", { keys: ["pbc"], of: axesOf }],
]);

/** Scalars of any dtype as numbers, truth values as 1 and 0; `undefined` for what is no real number. */
export function scalarOf(row: Row, key: string): number | undefined {
  const value = plainValue(getKey(row, key) ?? null);
  return typeof value === "number" || typeof value === "boolean" || typeof value === "bigint"
    ? Number(value)
    : undefined;
}

function arrayOf(row: Row, key: string): NdArray | undefined {
  const value = getKey(row, key);
  return value !== undefined && isNdArray(value) ? value : undefined;
}

function numbersOf(row: Row, key: string): number[] | undefined {
  const array = arrayOf(row, key);
  return array && Array.from({ length: array.data.length }, (_, i) => Number(elementAt(array, i)));
}

/** NaN if one of them is NaN. */
function largest(numbers: readonly number[] | undefined): number | undefined {
  if (numbers === undefined || numbers.length === 0) return undefined;
  return numbers.reduce((a, b) => Math.max(a, b));
}

function sum(numbers: readonly number[] | undefined): number | undefined {
  return numbers?.reduce((a, b) => a + b, 0);
}

function largestForce(row: Row): number | undefined {
  const forces = arrayOf(row, "calc.forces");
  if (forces === undefined) return undefined;
  const numbers = constrainedForces(forces, getKey(row, "constraints"));
  const squares = Array.from({ length: numbers.length / 3 }, (_, atom) =>
    numbers.slice(3 * atom, 3 * atom + 3).reduce((squared, force) => squared + force * force, 0),
  );
  const square = largest(squares);
  return square === undefined ? undefined : Math.sqrt(square);
}

/** A cell without volume has none. */
function volumeOf(row: Row): number | undefined {
  const cell = numbersOf(row, "cell");
  if (cell?.length !== 9) return undefined;
  const [ax = 0, ay = 0, az = 0, bx = 0, by = 0, bz = 0, cx = 0, cy = 0, cz = 0] = cell;
  const volume = Math.abs(ax * (by * cz - bz * cy) - ay * (bx * cz - bz * cx) + az * (bx * cy - by * cx));
  return volume === 0 ? undefined : volume;
}

/** Of the row's own masses, or the standard ones. */
function massOf(row: Row): number | undefined {
  const standard = numbersOf(row, "arrays.numbers")?.map((number) => ATOMIC_MASSES[number] ?? Number.NaN);
  return sum(numbersOf(row, "arrays.masses") ?? standard);
}

/** Of the initial charges of the atoms; structures without have none. */
function chargeOf(row: Row): number | undefined {
  const charges = sum(numbersOf(row, "arrays.initial_charges"));
  return charges ?? (arrayOf(row, "arrays.numbers") === undefined ? undefined : 0);
}

function axesOf(row: Row): string | undefined {
  const numbers = numbersOf(row, "pbc");
  return numbers?.map((periodic) => (periodic === 0 ? "F" : "T")).join("");
}
