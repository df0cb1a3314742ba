import { float64, int64, type NdArray, ndarray, type Row, scalar, type Value } from "@stowage/core";
import { structureRow, without } from "./structure-row.js";

/** Rows that try one thing, written together to a new dataset. */
export interface SampleRows {
  /** What they have: a key of `exceptions`. */
  readonly name: string;
  readonly rows: readonly Row[];
  /** The capability without which a backend may refuse them. */
  readonly needs?: "perAtomExtras" | "nested" | "edit";
}

const N_ATOMS = 3;
const INT64_MAX = 2n ** 63n - 1n;
const FLOATS = [1.5, Number.NaN, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324];
const TEXT = "eau 水 вода ماء 🜄";

/** One row for each value of a key. */
function values(name: string, key: string, ...found: readonly Value[]): SampleRows {
  return { name, rows: found.map((value, i) => ({ ...structureRow(i, N_ATOMS), [key]: value })) };
}

function perAtom(name: string, ...found: readonly Value[]): SampleRows {
  return { ...values(name, "arrays.extra", ...found), needs: "perAtomExtras" };
}

function nested(name: string, ...found: readonly Value[]): SampleRows {
  return { ...values(name, "info.nested", ...found), needs: "nested" };
}

/** One row with more keys. */
function keys(name: string, more: Row, nAtoms = N_ATOMS): SampleRows {
  return { name, rows: [{ ...structureRow(0, nAtoms), ...more }] };
}

function floats(shape: number[]): NdArray {
  const length = shape.reduce((product, extent) => product * extent, 1);
  return ndarray(
    Float64Array.from({ length }, (_, i) => FLOATS[i % FLOATS.length]!),
    shape,
  );
}

const SCALARS: readonly SampleRows[] = [
  values("float64 scalars", "info.value", ...FLOATS, 0, 5, 1e300, 2 ** 53),
  values("int64 scalars", "info.value", ...[0, -7, INT64_MAX, -INT64_MAX - 1n].map(int64)),
  values("uint64 scalars", "info.value", scalar(2n ** 64n - 1n, "uint64"), scalar(1, "uint64")),
  values("int32 scalars", "info.value", scalar(-7, "int32")),
  values("uint8 scalars", "info.value", scalar(255, "uint8")),
  values("float32 scalars", "info.value", scalar(0.1, "float32")),
  values("float16 scalars", "info.value", scalar(0.1, "float16")),
  values("complex128 scalars", "info.value", ndarray(Float64Array.of(1, -2), [], "complex128")),
  values("booleans", "info.value", true, false),
  values("null", "info.value", null),
  values("text in any script", "info.value", TEXT),
  values("text with line ends, tabs and quotes", "info.value", `a\nb\r\n"c" 'd' \\e\t=`),
  values("empty text", "info.value", ""),
  values("text that reads like a value", "info.value", "5", "-1.5e3", "T", "None", "[1, 2]", " padded "),
];

const ARRAYS: readonly SampleRows[] = [
  values("float64 arrays", "info.value", floats([6])),
  values("float64 matrices", "info.value", floats([2, 3])),
  values("float64 arrays of rank 3", "info.value", floats([2, 1, 2])),
  values("float32 arrays", "info.value", ndarray(Float32Array.of(0.1, -0, Number.NaN))),
  values("int64 arrays", "info.value", ndarray(BigInt64Array.of(INT64_MAX, -INT64_MAX - 1n))),
  values("int32 arrays", "info.value", ndarray(Int32Array.of(2 ** 31 - 1, -(2 ** 31)))),
  values("uint8 arrays", "info.value", ndarray(Uint8Array.of(0, 255))),
  values("bool arrays", "info.value", ndarray(Uint8Array.of(1, 0, 1), [3], "bool")),
  values("complex128 arrays", "info.value", ndarray(Float64Array.of(1, 2, 3, -4), [2], "complex128")),
  values("arrays of one element", "info.value", ndarray(Float64Array.of(2.5))),
  values("arrays without elements", "info.value", ndarray(new Float64Array(0))),
  values("arrays without elements of rank 2", "info.value", ndarray(new Float64Array(0), [0, 3])),
];

const NESTED: readonly SampleRows[] = [
  nested("lists", ["a", null, true, "b"]),
  nested("lists in lists", [[0.5], ["a", []], []]),
  nested("lists of whole numbers", [1, 2, 3]),
  nested("lists of fractions", [0.5, -0.25]),
  nested("empty lists", []),
  nested("objects", { a: "b", c: { d: null, e: ["x", 0.5, false] }, f: TEXT }),
  nested("empty objects", {}),
  nested("objects with keys of every object", { constructor: "a", ["__proto__"]: "b", toString: "c" }),
  nested("whole numbers past 2^53 in lists", ["a", 2n ** 60n]),
  nested("whole floats in lists", ["a", float64(5), 0.5]),
  nested("arrays in objects", { a: ndarray(Float64Array.of(0.5, -0)) }),
  { ...keys("constraints", { constraints: fixed([0, 2]) }), needs: "nested" },
];

function fixed(indices: number[]): Value {
  return [{ name: "FixAtoms", kwargs: { indices } }];
}

const PER_ATOM: readonly SampleRows[] = [
  perAtom("float64 for each atom", floats([N_ATOMS])),
  perAtom("float64 vectors for each atom", floats([N_ATOMS, 2])),
  perAtom("float64 matrices for each atom", floats([N_ATOMS, 3, 3])),
  perAtom("float32 for each atom", ndarray(Float32Array.of(0.1, -0, 1))),
  perAtom("int32 for each atom", ndarray(Int32Array.of(1, -2, 2 ** 31 - 1))),
  perAtom("int64 for each atom", ndarray(BigInt64Array.of(1n, -2n, INT64_MAX))),
  perAtom("booleans for each atom", ndarray(Uint8Array.of(1, 0, 1), [3], "bool")),
  perAtom("text for each atom", ["CA", "水", "C-beta"]),
];

const RESULTS: readonly SampleRows[] = [
  values("energies of every kind", "calc.energy", ...FLOATS),
  values("energies as float32", "calc.energy", scalar(-1.5, "float32")),
  values("forces as float32", "calc.forces", ndarray(new Float32Array(9).fill(0.1), [3, 3])),
  values("stress of six components", "calc.stress", ndarray(Float64Array.of(1, 2, 3, 4, 5, 6))),
  values(
    "stress of nine components",
    "calc.stress",
    ndarray(Float64Array.of(1, 6, 5, 6, 2, 4, 5, 4, 3), [3, 3]),
  ),
  keys("other results", {
    "calc.free_energy": -1.75,
    "calc.dipole": ndarray(Float64Array.of(0.5, -0, 1)),
    "calc.magmoms": ndarray(Float64Array.of(0.5, 1, -2)),
    "calc.charges": ndarray(Float64Array.of(0.25, -0.25, 0)),
  }),
  keys("results of one's own", { "calc.uncertainty": 0.125 }),
  keys("masses, momenta and tags", {
    "arrays.masses": ndarray(Float64Array.of(1.008, 12.011, 2.014)),
    "arrays.momenta": floats([N_ATOMS, 3]),
    "arrays.tags": ndarray(BigInt64Array.of(0n, 1n, -2n)),
  }),
];

const WHOLE_ROWS: readonly SampleRows[] = [
  keys("no atoms", {}, 0),
  keys("one atom", {}, 1),
  keys("a thousand atoms", {}, 1000),
  keys("no lattice", {
    cell: ndarray(new Float64Array(9), [3, 3]),
    pbc: ndarray(new Uint8Array(3), [3], "bool"),
  }),
  values(
    "positions of every kind",
    "arrays.positions",
    ndarray(Float64Array.from(floats([9]).data, Number), [3, 3]),
  ),
  values("positions as float32", "arrays.positions", ndarray(new Float32Array(9).fill(0.1), [3, 3])),
  keys("keys in any script", { "info.größe 水": 0.5, [`info.${"k".repeat(200)}`]: "long" }),
  keys("a key of 600 letters", { [`info.${"k".repeat(600)}`]: "long" }),
  keys("keys with dots", { "info.a.b": 0.5, "info..c": "d", "info.e.": "f" }),
  keys("keys of every object", { "info.constructor": "a", "info.__proto__": "b", "info.toString": "c" }),
  keys("keys that are numbers", { "info.7": "seven" }),
  {
    name: "keys that differ from row to row",
    rows: [structureRow(0), without(structureRow(1), "calc.energy", "info.name"), structureRow(2)],
  },
  values("whole numbers and fractions under one key", "info.value", int64(1), 2.5),
  values("numbers and text under one key", "info.value", 0.5, "half"),
  values("null and numbers under one key", "info.value", null, 0.5),
  values("arrays of several lengths under one key", "info.value", floats([2]), floats([4])),
  { name: "a row without keys", rows: [structureRow(0), {}, structureRow(1)], needs: "edit" },
];

/** All sample rows: what the contract asks of every backend, unless an exception names them. */
export const sampleRows: readonly SampleRows[] = [
  ...SCALARS,
  ...ARRAYS,
  ...NESTED,
  ...PER_ATOM,
  ...RESULTS,
  ...WHOLE_ROWS,
];
