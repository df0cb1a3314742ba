import {
  elementAt,
  float64,
  isCalculatorResult,
  isNdArray,
  type LossNote,
  type NdArray,
  ndarray,
  PER_ATOM_RESULTS,
  type Row,
  StowageError,
  toAtomicNumbers,
  type Value,
} from "@stowage/core";
import { Molecule, type Scope } from "./molecule.js";
import { type PropertyValue, reasonToRefuseKey, toStored } from "./property.js";
import type { BuiltinKey } from "./tags.js";

/*
 * How a row (ASE's keys) stands in an .atp record, and back:
 *
 *   cell, pbc, calc.energy, calc.forces, calc.charges, calc.stress, arrays.velocities, info.name   builtins
 *   other calc.*   custom; atom scope for per-atom results        other arrays.*   custom, atom scope
 *   other info.*   custom, molecule scope
 *
 * Reading turns custom names that are calculator results into calc.*; others into arrays.* and info.*.
 */
export const ROW_KEYS_OF_FIELDS: ReadonlyMap<BuiltinKey, string> = new Map([
  ["velocities", "arrays.velocities"],
  ["name", "info.name"],
  ["energy", "calc.energy"],
  ["forces", "calc.forces"],
  ["charges", "calc.charges"],
  ["stress", "calc.stress"],
]);
const FIELDS_OF_ROW_KEYS = new Map([...ROW_KEYS_OF_FIELDS].map(([field, key]) => [key, field]));

/** What was kept under another type or left out, each case once. */
export class LossLog {
  readonly #notes = new Map<string, LossNote>();

  note(key: string, kind: LossNote["kind"], reason: string): void {
    const id = `${kind} ${key} ${reason}`;
    if (!this.#notes.has(id)) this.#notes.set(id, { key, kind, reason });
  }

  get notes(): LossNote[] {
    return [...this.#notes.values()];
  }
}

export interface RowConversion {
  /** Values the format cannot hold: refuse the row, or leave them out and note it. */
  unsupported: "error" | "drop";
  losses: LossLog;
}

/** Which keys of a row are wanted, and whether they come from a builtin or a custom property. */
export type SelectKey = (rowKey: string, scope: Scope | "builtin") => boolean;

/**
 * The exact row of a molecule: scalars that are not float64 are arrays of shape [].
 *
 * @param select  Only these keys; nothing else is decoded. Default: all.
 */
export function moleculeToRow(molecule: Molecule, select: SelectKey = () => true): Row {
  const row: Row = {};
  const builtins = new Set<string>(molecule.fieldKeys());
  const put = (key: string, scope: Scope | "builtin", read: () => Value): void => {
    if (!select(key, scope)) return;
    if (Object.hasOwn(row, key)) throw twoPlaces(key);
    row[key] = read();
  };
  put("cell", "builtin", () => molecule.cell ?? ndarray(new Float64Array(9), [3, 3]));
  put("pbc", "builtin", () => molecule.storedField("pbc") ?? ndarray(new Uint8Array(3), [3], "bool"));
  put("arrays.numbers", "builtin", () => ndarray(molecule.atomicNumbers));
  put("arrays.positions", "builtin", () => molecule.positions);
  for (const [field, key] of ROW_KEYS_OF_FIELDS) {
    if (builtins.has(field)) put(key, "builtin", () => exactValue(molecule.storedField(field)!));
  }
  for (const scope of ["atom", "molecule"] as const) {
    for (const key of molecule.propertyKeys({ scope })) {
      put(rowKeyOf(scope, key, builtins), scope, () => exactValue(molecule.storedProperty(key, scope)!));
    }
  }
  return row;
}

function exactValue(value: PropertyValue): Value {
  return isNdArray(value) && value.dtype === "float64" && value.shape.length === 0
    ? Number(value.data[0])
    : value;
}

/**
 * Where a custom property belongs in a row; a result whose place a builtin holds stays beside it.
 *
 * @param builtins  The builtin fields that are there too.
 */
export function rowKeyOf(scope: Scope, key: string, builtins: ReadonlySet<string>): string {
  if (isCalculatorResult(key) && !builtins.has(key)) return `calc.${key}`;
  return scope === "atom" ? `arrays.${key}` : `info.${key}`;
}

/**
 * The molecule of a row.
 *
 * @throws {StowageError} ERR_LOSS for what the format cannot hold (unless dropped), ERR_ROW for keys that are none of
 *                        ASE's, ERR_SHAPE and ERR_DTYPE for arrays that do not fit.
 */
export function rowToMolecule(row: Row, conversion: RowConversion): Molecule {
  const numbers = row["arrays.numbers"];
  const positions = row["arrays.positions"];
  if (!isNdArray(numbers) || !isNdArray(positions)) {
    throw new StowageError(
      "ERR_ROW",
      "Cannot make a molecule of this row: it has no arrays.numbers or arrays.positions",
      {
        key: isNdArray(numbers) ? "arrays.positions" : "arrays.numbers",
      },
    );
  }
  const molecule = new Molecule({ atomicNumbers: toAtomicNumbers(numbers.data), positions });
  for (const [key, value] of Object.entries(row)) {
    if (key === "arrays.numbers" || key === "arrays.positions") continue;
    if (!putField(molecule, key, value, conversion)) putProperty(molecule, key, value, row, conversion);
  }
  return molecule;
}

/** Sets a builtin; false if the key is none. */
function putField(molecule: Molecule, key: string, value: Value, conversion: RowConversion): boolean {
  if (key === "pbc") {
    molecule.pbc = isNdArray(value) ? Array.from(value.data, Boolean) : (value as boolean[]);
    return true;
  }
  if (key === "constraints") {
    if (Array.isArray(value) && value.length > 0) refuse(key, ".atp has no constraints", conversion);
    return true;
  }
  const field = key === "cell" ? key : FIELDS_OF_ROW_KEYS.get(key);
  if (field === undefined || (field === "name" && typeof value !== "string")) return false;
  if (field === "cell" && !hasLattice(value)) return true;
  const stored = fieldValue(field, value, conversion.losses);
  if (stored === null) refuse(key, `.atp holds ${field} as float32 or float64 only`, conversion);
  else Object.assign(molecule, { [field]: stored });
  return true;
}

/** A cell of zeros means that there is no lattice. */
function hasLattice(cell: Value): boolean {
  return !isNdArray(cell) || Array.from(cell.data, Number).some((x) => !Object.is(x, 0));
}

/** The value of a builtin; `null` if it cannot hold this one. */
function fieldValue(field: BuiltinKey, value: Value, losses: LossLog): number | string | NdArray | null {
  if (field === "name") return value as string;
  if (field === "energy" && typeof value === "number") return value;
  if (!isNdArray(value)) return null;
  if (field === "energy" && value.shape.length === 0) return energyOf(value, losses);
  if (value.dtype !== "float32" && value.dtype !== "float64") return null;
  if (field !== "stress" || value.shape.length !== 1 || value.shape[0] !== 6) return value;
  losses.note("calc.stress", "changed", "Voigt (6,) kept as (3, 3)");
  return voigtToMatrix(value);
}

function energyOf(value: NdArray, losses: LossLog): NdArray | null {
  const { dtype } = value;
  if (dtype === "float32" || dtype === "float64") return value;
  if (dtype.startsWith("complex")) return null;
  const energy = elementAt(value);
  if (typeof energy === "bigint") return null; // float64 would round it
  losses.note("calc.energy", "widened", `${dtype} kept as float64`);
  return float64(Number(energy));
}

/** Voigt order xx, yy, zz, yz, xz, xy as a symmetric (3, 3) matrix of the same dtype. */
export function voigtToMatrix(voigt: NdArray): NdArray {
  const [xx, yy, zz, yz, xz, xy] = voigt.data as Float64Array;
  const matrix = [xx!, xy!, xz!, xy!, yy!, yz!, xz!, yz!, zz!];
  return ndarray(voigt.dtype === "float32" ? Float32Array.from(matrix) : Float64Array.from(matrix), [3, 3]);
}

function putProperty(
  molecule: Molecule,
  key: string,
  value: Value,
  row: Row,
  conversion: RowConversion,
): void {
  const [, space, name] = /^(arrays|calc|info)\.(.*)$/s.exec(key) ?? [];
  if (space === undefined || name === undefined) {
    throw new StowageError("ERR_ROW", `Cannot make a molecule of this row: "${key}" is none of ASE's keys`, {
      key,
    });
  }
  const scope = scopeOf(space, name, value, molecule.nAtoms);
  // A plain number in a row is a float64, also when it is whole.
  const stored = toStored(typeof value === "number" ? float64(value) : value);
  const reason = reasonToRefuse(key, name, rowKeyOf(scope, name, resultsOf(row)), value, stored === null);
  if (reason !== null) {
    refuse(key, reason, conversion);
    return;
  }
  if (molecule.hasProperty(name)) {
    refuse(key, TWO_PLACES, conversion);
    return;
  }
  if (stored!.widened !== null) conversion.losses.note(key, "widened", stored!.widened);
  molecule.setProperty(name, stored!.value, { scope });
}

function reasonToRefuse(
  key: string,
  name: string,
  back: string,
  value: Value,
  unheld: boolean,
): string | null {
  if (unheld) return Array.isArray(value) ? ".atp holds no lists" : ".atp holds no such value";
  return reasonToRefuseKey(name) ?? (back === key ? null : `it would come back as ${back}`);
}

/** The results of a row that are builtins. */
function resultsOf(row: Row): Set<string> {
  return new Set(
    ["energy", "forces", "charges", "stress"].filter((name) => Object.hasOwn(row, `calc.${name}`)),
  );
}

function scopeOf(space: string, name: string, value: Value, nAtoms: number): Scope {
  if (space === "arrays") return "atom";
  if (space === "info" || !isNdArray(value) || value.shape[0] !== nAtoms) return "molecule";
  return PER_ATOM_RESULTS.has(name) || !isCalculatorResult(name) ? "atom" : "molecule";
}

function refuse(key: string, reason: string, conversion: RowConversion): void {
  if (conversion.unsupported === "drop") {
    conversion.losses.note(key, "dropped", reason);
    return;
  }
  throw new StowageError(
    "ERR_LOSS",
    `Cannot keep "${key}" in .atp: ${reason}`,
    { key, reason },
    {
      hint: `leave it out: unsupported: "drop" (on the command line --drop ${key} or --drop-unsupported)`,
    },
  );
}

const TWO_PLACES = "the name stands in two places";

function twoPlaces(key: string): StowageError<"ERR_LOSS"> {
  return new StowageError("ERR_LOSS", `Cannot keep "${key}": ${TWO_PLACES}`, { key, reason: TWO_PLACES });
}
