import { toAtomicNumbers } from "../atoms.js";
import { atomicNumberOf, symbolOf } from "../elements.js";
import { StowageError } from "../errors.js";
import { arrayOfList } from "../list-array.js";
import { elementAt, isNdArray, type NdArray, ndarray } from "../nd-array.js";
import { describeValue, getKey, type Row, setKey, type Value } from "../row.js";

/** Names of columns by what they are. */
export interface ColumnNames {
  /** Column of `arrays.positions`, Å. */
  readonly positions?: string;
  /** Column of `arrays.numbers`. */
  readonly numbers?: string;
  /** Column of `cell`, Å. */
  readonly cell?: string;
  readonly pbc?: string;
  readonly constraints?: string;
  /** Result to column: `{ energy: "total_energy" }` is `calc.energy`. */
  readonly calc?: Readonly<Record<string, string>>;
  readonly info?: Readonly<Record<string, string>>;
  /** Further values an atom. */
  readonly arrays?: Readonly<Record<string, string>>;
  /** Columns that are not named: under `info.` (default), or what they are. */
  readonly others?: "info" | "keep";
  /** The column `numbers` is written as symbols (`"C"`); they are read in any case. */
  readonly speciesAreStrings?: boolean;
  /** The column `pbc` is written as OPTIMADE's 0 and 1; they are read in any case. */
  readonly pbcAreDimensionTypes?: boolean;
}

/**
 * Foreign names of columns: what a dataset calls `total_energy` is `calc.energy` to AtomsIO, both ways.
 *
 * Lists of numbers in columns of structures become arrays, element symbols atomic numbers. Columns that are not named
 * are found under `info.`, and what is written there goes back to them; with `others: "keep"` they stay what they are,
 * for datasets that have ASE's names but for a few. A column whose own name another one has taken is not seen.
 *
 * @example
 * ```ts
 * const mapping = new ColumnMapping({ positions: "pos", numbers: "z", calc: { energy: "y" } });
 * await using db = await AtomsIO.open("foreign.lmdb", { mapping });
 * ```
 */
export class ColumnMapping {
  readonly #names: ColumnNames;
  readonly #keyOfColumn = new Map<string, string>();
  readonly #columnOfKey = new Map<string, string>();

  /** @throws {StowageError} ERR_OPTION for a column that is named twice. */
  constructor(names: ColumnNames) {
    this.#names = names;
    const { positions, numbers, cell, pbc, constraints, calc, info, arrays } = names;
    const structure = { "arrays.positions": positions, "arrays.numbers": numbers, cell, pbc, constraints };
    for (const [key, column] of Object.entries(structure)) this.#name(key, column);
    for (const [prefix, columns] of Object.entries({ calc, info, arrays })) {
      for (const [name, column] of Object.entries(columns ?? {})) this.#name(`${prefix}.${name}`, column);
    }
  }

  #name(key: string, column: string | undefined): void {
    if (column === undefined) return;
    if (this.#columnOfKey.has(key) || this.#keyOfColumn.has(column)) {
      const twice = this.#keyOfColumn.has(column) ? `the column "${column}"` : `"${key}"`;
      throw new StowageError("ERR_OPTION", `Cannot map columns: ${twice} is named twice`, {
        option: "mapping",
        value: column,
      });
    }
    this.#columnOfKey.set(key, column);
    this.#keyOfColumn.set(column, key);
  }

  /** The key of a column; `null` if another column has taken it. */
  keyOf(column: string): string | null {
    const named = this.#keyOfColumn.get(column);
    if (named !== undefined) return named;
    const key = this.#names.others === "keep" ? column : `info.${column}`;
    return this.#columnOfKey.has(key) ? null : key;
  }

  /** The column of a key; `null` if the mapping has none for it. */
  columnOf(key: string): string | null {
    const named = this.#columnOfKey.get(key);
    if (named !== undefined) return named;
    const kept = this.#names.others === "keep";
    if (!kept && !key.startsWith("info.")) return null;
    const column = kept ? key : key.slice("info.".length);
    return this.#keyOfColumn.has(column) ? null : column;
  }

  /** A row of the dataset by our keys, with all columns or some. An empty cell or pbc (`null`) is left out. */
  apply(row: Row): Row {
    const applied: Row = {};
    for (const column of Object.keys(row)) {
      const key = this.keyOf(column);
      if (key === null) continue;
      const value = this.read(key, row[column]!);
      if (value !== undefined) setKey(applied, key, value);
    }
    return applied;
  }

  /**
   * A row as the dataset has it.
   *
   * @throws {StowageError} ERR_ROW for a key that has no column.
   */
  revert(row: Row): Row {
    const reverted: Row = {};
    for (const key of Object.keys(row)) {
      const column = this.columnOf(key);
      if (column === null) throw this.#noColumn(key);
      setKey(reverted, column, this.#write(key, row[key]!));
    }
    return reverted;
  }

  /** The named column of positions or numbers that a whole row lacks: without it a row is no structure. */
  missingColumn(row: Row): string | null {
    const required = [this.#names.positions, this.#names.numbers];
    return required.find((column) => column !== undefined && getKey(row, column) === undefined) ?? null;
  }

  /** What a column holds, by its key: `undefined` for an empty cell or pbc. */
  read(key: string, value: Value): Value | undefined {
    if (!this.#columnOfKey.has(key) || key.startsWith("info.") || key === "constraints") return value;
    switch (key) {
      case "arrays.numbers":
        return readNumbers(value);
      case "arrays.positions":
      case "cell":
        if (value === null) return undefined;
        return Array.isArray(value) ? (arrayOfList(value, "float64") ?? value) : value;
      case "pbc":
        return value === null ? undefined : readPbc(value);
      default:
        return Array.isArray(value) ? (arrayOfList(value) ?? value) : value;
    }
  }

  #write(key: string, value: Value): Value {
    const { speciesAreStrings = false, pbcAreDimensionTypes = false } = this.#names;
    if (key === "arrays.numbers" && speciesAreStrings && isNdArray(value)) {
      return Array.from(toAtomicNumbers(value.data), symbolOf);
    }
    if (key === "pbc" && pbcAreDimensionTypes) return writeDimensionTypes(value);
    return value;
  }

  #noColumn(key: string): StowageError<"ERR_ROW"> {
    const column = key.startsWith("info.") ? key.slice("info.".length) : null;
    const taken = column === null ? undefined : this.#keyOfColumn.get(column);
    const reason = taken === undefined ? "the mapping names no column for it" : `its column holds "${taken}"`;
    return new StowageError(
      "ERR_ROW",
      `Cannot store "${key}": ${reason}`,
      { key },
      { hint: 'name a column for it in the mapping, or keep the names of others with others: "keep"' },
    );
  }
}

/** Numbers, or symbols of elements. */
function readNumbers(value: Value): Value {
  if (!Array.isArray(value)) return value;
  if (!value.every((item) => typeof item === "string")) return arrayOfList(value) ?? value;
  return ndarray(
    toAtomicNumbers(
      value.map((symbol) => {
        const number = atomicNumberOf(symbol);
        if (number !== undefined) return number;
        throw new StowageError(
          "ERR_ROW",
          `Cannot read "arrays.numbers": ${describeValue(symbol)} is no symbol of an element`,
          { key: "arrays.numbers" },
        );
      }),
    ),
  );
}

/** Booleans, or OPTIMADE's 0 and 1. */
function readPbc(value: Value): Value {
  const array = arrayOf(value);
  if (array === null || array.dtype === "bool") return array ?? value;
  return ndarray(Uint8Array.from(truthsOf(array), Number), array.shape, "bool");
}

function writeDimensionTypes(value: Value): Value {
  const array = arrayOf(value);
  if (array === null) return value;
  return ndarray(BigInt64Array.from(truthsOf(array), BigInt), array.shape);
}

function arrayOf(value: Value): NdArray | null {
  if (Array.isArray(value)) return arrayOfList(value);
  return isNdArray(value) ? value : null;
}

/** Whether each element is something. */
function truthsOf(array: NdArray): boolean[] {
  return Array.from({ length: array.data.length }, (_, i) => Boolean(elementAt(array, i)));
}

/** Datasets of ColabFit. */
export const COLABFIT: ColumnMapping = new ColumnMapping({
  positions: "positions",
  numbers: "atomic_numbers",
  cell: "cell",
  pbc: "pbc",
  calc: { energy: "energy", forces: "atomic_forces", stress: "cauchy_stress" },
});

/** Structures as OPTIMADE has them. */
export const OPTIMADE: ColumnMapping = new ColumnMapping({
  positions: "cartesian_site_positions",
  numbers: "species_at_sites",
  cell: "lattice_vectors",
  pbc: "dimension_types",
  calc: { energy: "energy", forces: "forces", stress: "stress_tensor" },
  speciesAreStrings: true,
  pbcAreDimensionTypes: true,
});
