import {
  float64,
  isCalculatorResult,
  isNdArray,
  type LossNote,
  type NdArray,
  ndarray,
  PER_ATOM_RESULTS,
  type Row,
  StowageError,
  scalar,
  toAtomicNumbers,
  type Value,
} from "@stowage/core";
import { Molecule, type Scope } from "./molecule.js";
import { type PropertyValue, toStored } from "./property.js";
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
  switch (key) {
    case "cell":
      if (isNdArray(value) && hasLattice(value)) molecule.cell = value;
      return true;
    case "pbc":
      molecule.pbc = isNdArray(value) ? Array.from(value.data, Boolean) : (value as boolean[]);
      return true;
    case "constraints":
      if (Array.isArray(value) && value.length > 0) refuse(key, ".atp has no constraints", conversion);
      return true;
    case "calc.energy":
      molecule.energy = energyOf(value, conversion);
      return true;
    case "calc.stress":
      molecule.stress = stressOf(value, conversion);
      return true;
    default: {
      const field = FIELDS_OF_ROW_KEYS.get(key);
      if (field === undefined || !(isNdArray(value) || typeof value === "string")) return false;
      Object.assign(molecule, { [field]: value });
      return true;
    }
  }
}

/** A cell of zeros means that there is no lattice. */
function hasLattice(cell: NdArray): boolean {
  return Array.from(cell.data, Number).some((x) => !Object.is(x, 0));
}

function energyOf(value: Value, conversion: RowConversion): number | NdArray {
  if (typeof value === "number") return value;
  if (isNdArray(value) && value.shape.length === 0) {
    if (value.dtype.startsWith("float") && value.dtype !== "float16") return value;
    conversion.losses.note("calc.energy", "widened", `${value.dtype} kept as float64`);
    return scalar(Number(value.data[0]), "float64");
  }
  throw new StowageError("ERR_DTYPE", "Cannot use calc.energy: it must be one number", {
    expected: "a number",
    found: isNdArray(value) ? `shape (${value.shape.join(", ")})` : typeof value,
  });
}

function stressOf(value: Value, { losses }: RowConversion): NdArray {
  if (!isNdArray(value)) throw new TypeError("Cannot use calc.stress: it must be an array");
  if (value.shape.length !== 1 || value.shape[0] !== 6) return value;
  losses.note("calc.stress", "changed", "Voigt (6,) kept as (3, 3)");
  return voigtToMatrix(value);
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
  if (molecule.hasProperty(name)) throw twoPlaces(key);
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
  if (name === "stress") return '"stress" is a name of the format itself';
  return back === key ? null : `it would come back as ${back}`;
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

function twoPlaces(key: string): StowageError<"ERR_LOSS"> {
  const reason = "the name stands in two places";
  return new StowageError("ERR_LOSS", `Cannot keep "${key}": ${reason}`, { key, reason });
}
