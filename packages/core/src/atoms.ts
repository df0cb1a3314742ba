import { DTYPES, type DType } from "./dtype.js";
import { hillFormula } from "./elements.js";
import { StowageError } from "./errors.js";
import { exactScalar, fitsDType } from "./exact-scalar.js";
import { describeArray, elementAt, isNdArray, type NdArray, ndarray } from "./nd-array.js";
import { describeValue, type Row, setKey, type Value } from "./row.js";

/** Values with one entry an atom: numbers in an array, text in a list. */
export type AtomArray = NdArray | Value[];

export interface AtomsInit {
  /** One an atom. */
  atomicNumbers: ArrayLike<number>;
  /** Shape (nAtoms, 3), Å. A bare `Float32Array` or `Float64Array` is taken row by row. */
  positions: NdArray | Float32Array | Float64Array;
  /** Shape (3, 3), rows are lattice vectors, Å. Default: zeros. */
  cell?: NdArray | Float32Array | Float64Array;
  /** Periodic along each lattice vector. Default: none. */
  pbc?: readonly boolean[];
  /** Besides positions and numbers; the first extent of each is the number of atoms. */
  arrays?: Record<string, AtomArray>;
  calc?: Record<string, Value>;
  info?: Record<string, Value>;
  constraints?: Value[];
}

type Dtypes = Record<string, DType>;

/**
 * One structure, as ASE's `Atoms` holds it: geometry, per-atom arrays, calculator results and free information.
 *
 * | member | shape, unit |
 * |---|---|
 * | `atomicNumbers` | (nAtoms,) |
 * | `positions` | (nAtoms, 3), Å |
 * | `cell` | (3, 3), rows are vectors, Å; zeros without a lattice |
 * | `calc.energy`, `calc.forces` | eV; (nAtoms, 3), eV/Å |
 * | `calc.stress` | (6,) Voigt xx, yy, zz, yz, xz, xy, or (3, 3); eV/Å³ |
 * | `arrays` | one entry an atom, besides positions and numbers |
 */
export class Atoms {
  atomicNumbers: Uint8Array;
  positions: NdArray;
  cell: NdArray;
  pbc: [boolean, boolean, boolean];
  arrays: Record<string, AtomArray>;
  calc: Record<string, Value>;
  info: Record<string, Value>;
  /** As ASE's `todict()` gives them: `{ name, kwargs }`. */
  constraints: Value[];
  /**
   * The stored dtype of scalars whose plain value does not tell it, by row key: `{ "info.charge": "float64" }` for a
   * float that is integral. Filled on reading, used on writing, so that a copy keeps the dtypes of its source.
   */
  dtypes: Dtypes | undefined;

  /** @throws {StowageError} ERR_SHAPE, ERR_DTYPE */
  constructor(init: AtomsInit) {
    this.atomicNumbers = toAtomicNumbers(init.atomicNumbers);
    this.positions = asArray(init.positions, [this.atomicNumbers.length, 3], "positions");
    this.cell = asArray(init.cell ?? new Float64Array(9), [3, 3], "cell");
    this.pbc = [init.pbc?.[0] ?? false, init.pbc?.[1] ?? false, init.pbc?.[2] ?? false];
    this.arrays = init.arrays ?? {};
    for (const [name, value] of Object.entries(this.arrays)) {
      if (!isPerAtom(value, this.nAtoms)) throw wrongArray(name, value, this.nAtoms);
    }
    this.calc = init.calc ?? {};
    this.info = init.info ?? {};
    this.constraints = init.constraints ?? [];
    this.dtypes = undefined;
  }

  /** Number of atoms. */
  get nAtoms(): number {
    return this.atomicNumbers.length;
  }

  /** Composition as ASE writes it, such as `C2H6O`. */
  get formula(): string {
    return hillFormula(this.atomicNumbers);
  }
}

/**
 * Checks atomic numbers and keeps them as bytes.
 *
 * @throws {StowageError} ERR_DTYPE for anything but whole numbers from 0 to 255.
 */
export function toAtomicNumbers(numbers: ArrayLike<number | bigint>): Uint8Array {
  if (numbers instanceof Uint8Array) return numbers;
  const bytes = new Uint8Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    const number = Number(numbers[i]);
    bytes[i] = number;
    if (bytes[i] !== number) {
      throw new StowageError(
        "ERR_DTYPE",
        `Cannot use atomic number ${number} of atom ${i}: it must be 0 to 255`,
        {
          expected: "0 to 255",
          found: String(number),
        },
      );
    }
  }
  return bytes;
}

function asArray(value: NdArray | Float32Array | Float64Array, shape: number[], name: string): NdArray {
  if (!isNdArray(value)) {
    if (!ArrayBuffer.isView(value))
      throw new TypeError(`Cannot use ${name}: expected an NdArray or a typed array`);
    return ndarray(value, shape);
  }
  if (value.shape.length !== shape.length || value.shape.some((extent, i) => extent !== shape[i])) {
    throw new StowageError(
      "ERR_SHAPE",
      `Cannot use ${name} of ${describeArray(value)}: the shape must be (${shape.join(", ")})`,
      { expected: `(${shape.join(", ")})`, found: `(${value.shape.join(", ")})` },
    );
  }
  return value;
}

function wrongArray(name: string, value: AtomArray, nAtoms: number): StowageError<"ERR_SHAPE"> {
  const found = describeValue(value);
  return new StowageError(
    "ERR_SHAPE",
    `Cannot use arrays.${name}: it is ${found}, expected one value for each of ${nAtoms} atoms`,
    { expected: `${nAtoms} values`, found },
  );
}

/**
 * The flat row of a structure, in the key order of ASE's world: cell, pbc, arrays, info, calc, constraints.
 *
 * Arrays are shared with the atoms, not copied. Plain numbers take the dtype that reading noted in `atoms.dtypes`;
 * without one an integral number under `info` becomes an int64, any other a float64.
 *
 * @throws {StowageError} ERR_ROW if `arrays` holds positions or numbers once more; ERR_DTYPE for a bigint of more
 * than 64 bits.
 */
export function atomsToRow(atoms: Atoms): Row {
  return rowOfAtoms(atoms, () => undefined);
}

/**
 * As {@link atomsToRow}.
 *
 * @param known  The dtypes that keys have where the row is going to: they come after those that reading noted.
 */
export function rowOfAtoms(atoms: Atoms, known: (key: string) => DType | undefined): Row {
  const typeOf = (key: string): DType | undefined => atoms.dtypes?.[key] ?? known(key);
  const row: Row = {
    cell: atoms.cell,
    pbc: ndarray(flagsOf(atoms.pbc), [3], "bool"),
    "arrays.numbers": ndarray(atoms.atomicNumbers),
    "arrays.positions": atoms.positions,
  };
  for (const name of Object.keys(atoms.arrays)) {
    if (name === "numbers" || name === "positions") throw givenTwice(name);
    row[ARRAYS.key(name)] = atoms.arrays[name]!;
  }
  for (const name of Object.keys(atoms.info)) {
    const key = INFO.key(name);
    row[key] = exactScalar(key, atoms.info[name]!, typeOf(key));
  }
  for (const name of Object.keys(atoms.calc)) {
    const key = CALC.key(name);
    row[key] = exactScalar(key, atoms.calc[name]!, typeOf(key));
  }
  if (atoms.constraints.length > 0) row.constraints = atoms.constraints;
  return row;
}

/** The row keys of one namespace. They are kept: text that was just joined is slow to look up. */
class Namespace {
  readonly #prefix: string;
  readonly #keys = new Map<string, string>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  key(name: string): string {
    let key = this.#keys.get(name);
    if (key !== undefined) return key;
    key = this.#prefix + name;
    if (this.#keys.size >= 1000) this.#keys.clear();
    this.#keys.set(name, key);
    return key;
  }
}

const ARRAYS = new Namespace("arrays.");
const INFO = new Namespace("info.");
const CALC = new Namespace("calc.");

function flagsOf(pbc: readonly boolean[]): Uint8Array {
  const flags = new Uint8Array(3);
  for (let axis = 0; axis < 3; axis++) if (pbc[axis]) flags[axis] = 1;
  return flags;
}

function givenTwice(name: string): StowageError<"ERR_ROW"> {
  const key = `arrays.${name}`;
  return new StowageError("ERR_ROW", `Cannot make a row of these atoms: "${key}" is given twice`, { key });
}

/**
 * The structure that a row describes. Arrays are shared with the row, not copied.
 *
 * @throws {StowageError} ERR_ROW for keys outside ASE's namespaces, or arrays of the wrong shape; ERR_DTYPE for
 * atomic numbers outside 0 to 255.
 */
export function rowToAtoms(row: Row): Atoms {
  const numbers = row["arrays.numbers"];
  const atomicNumbers = numbers === undefined ? new Uint8Array(0) : numbersOf(numbers);
  const nAtoms = atomicNumbers.length;
  const positions = row["arrays.positions"] ?? ndarray(new Float64Array(nAtoms * 3), [nAtoms, 3]);
  if (!isMatrix(positions, nAtoms)) {
    throw wrongRow("arrays.positions", positions, `an array of shape (${nAtoms}, 3): one row an atom`);
  }
  const cell = row.cell ?? ndarray(new Float64Array(9), [3, 3]);
  if (!isMatrix(cell, 3)) throw wrongRow("cell", cell, "an array of shape (3, 3)");
  const atoms = new Atoms({ atomicNumbers, positions, cell, pbc: pbcOf(row.pbc) });
  const dtypes: Dtypes = {};
  for (const [key, value] of Object.entries(row)) {
    const prefixLength = key.indexOf(".") + 1;
    const name = key.slice(prefixLength);
    switch (key.slice(0, prefixLength) || key) {
      case "arrays.":
        if (name === "numbers" || name === "positions") break;
        if (!isPerAtom(value, nAtoms)) throw wrongRow(key, value, `one value for each of ${nAtoms} atoms`);
        setKey(atoms.arrays, name, value);
        break;
      case "calc.":
        setKey(atoms.calc, name, noteScalar(key, value, dtypes));
        break;
      case "info.":
        setKey(atoms.info, name, noteScalar(key, value, dtypes));
        break;
      case "constraints":
        if (!Array.isArray(value)) throw wrongRow(key, value, "a list of { name, kwargs }");
        atoms.constraints = value;
        break;
      case "cell":
      case "pbc":
        break;
      default:
        throw wrongRow(key, value, "keys under arrays., calc. or info., or cell, pbc, constraints");
    }
  }
  if (Object.keys(dtypes).length > 0) atoms.dtypes = dtypes;
  return atoms;
}

function isMatrix(value: Value, rows: number): value is NdArray {
  return isNdArray(value) && value.shape.length === 2 && value.shape[0] === rows && value.shape[1] === 3;
}

function isPerAtom(value: Value, nAtoms: number): value is AtomArray {
  if (isNdArray(value)) return value.shape[0] === nAtoms;
  return Array.isArray(value) && value.length === nAtoms;
}

/** Unwraps a scalar and notes its dtype where the plain value would be taken for another. */
function noteScalar(key: string, value: Value, dtypes: Dtypes): Value {
  if (typeof value === "number") {
    if (key.startsWith("info.") && fitsDType("int64", value)) dtypes[key] = "float64";
    return value;
  }
  if (!isNdArray(value) || value.shape.length > 0 || value.dtype.startsWith("complex")) return value;
  if (value.dtype === "bool") return elementAt(value);
  if (value.dtype !== "int64" || !key.startsWith("info.")) dtypes[key] = value.dtype;
  return elementAt(value);
}

function numbersOf(value: Value): Uint8Array {
  if (isNdArray(value) && value.shape.length === 1 && "iu".includes(DTYPES[value.dtype].kind)) {
    return toAtomicNumbers(value.data);
  }
  throw wrongRow("arrays.numbers", value, "integers of shape (nAtoms,)");
}

function pbcOf(value: Value | undefined): boolean[] {
  if (value === undefined) return [false, false, false];
  if (isNdArray(value) && value.data.length === 3) return Array.from(value.data, Boolean);
  if (Array.isArray(value) && value.length === 3 && value.every((v) => typeof v === "boolean")) return value;
  throw wrongRow("pbc", value, "three booleans");
}

function wrongRow(key: string, value: Value, expected: string): StowageError<"ERR_ROW"> {
  return new StowageError(
    "ERR_ROW",
    `Cannot make atoms of this row: "${key}" is ${describeValue(value)}, expected ${expected}`,
    { key },
  );
}
