import { int64, type NdArray, ndarray, type Row, sizeOf, type Value } from "@stowage/core";
import fc from "fast-check";

/** Any bits; NaN as JavaScript writes it, because JSON has one NaN only. */
const float = fc.double().map((value) => (Number.isNaN(value) ? Number.NaN : value));

function floats(shape: number[]): fc.Arbitrary<NdArray> {
  const length = sizeOf(shape);
  return fc
    .array(float, { minLength: length, maxLength: length })
    .map((values) => ndarray(Float64Array.from(values), shape));
}

const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("", 'é\n"\\', "\ud800", "漢"));
const key = fc
  .oneof(text, fc.constantFrom("a", "b.c", "__proto__", "constructor", "ndarray"))
  .filter(isPlainKey);

/** Python's integers, and what ASE's JSON keeps for itself. */
function isPlainKey(name: string): boolean {
  return !/^__(?!proto)|^\s*[+-]?[\d_\s]*\d[\d_\s]*$|\p{Nd}/u.test(name);
}

const bytes = fc.uint8Array({ minLength: 0, maxLength: 12 });
const array: fc.Arbitrary<NdArray> = fc.oneof(
  fc.constantFrom<number[]>([2], [0], [0, 3], [1, 2], [2, 1, 2]).chain(floats),
  bytes.map((data) => ndarray(data)),
  bytes.map((data) =>
    ndarray(
      data.map((value) => value & 1),
      undefined,
      "bool",
    ),
  ),
  fc
    .array(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), { maxLength: 4 })
    .map((v) => ndarray(BigInt64Array.from(v))),
  fc.array(fc.bigInt(0n, 2n ** 64n - 1n), { maxLength: 4 }).map((v) => ndarray(BigUint64Array.from(v))),
  fc.array(fc.float({ noNaN: true }), { maxLength: 4 }).map((v) => ndarray(Float32Array.from(v))),
  floats([2, 2]).map(({ data }) => ndarray(data as Float64Array, [2], "complex128")),
  fc.constant(ndarray(Uint16Array.of(0x3c00, 0xbc00, 0x7c00, 0x0001), undefined, "float16")),
);
const nested: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<Value>(null, true, false, 1, -7, 0.5, -0, 2 ** 53 - 1),
    text,
    fc.bigInt(2n ** 53n, 2n ** 70n),
    fc.integer().map((value) => ndarray(Float64Array.of(value), [])),
    array,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(key, tie("value"), { maxKeys: 3 }),
  ),
})).value;
const info: fc.Arbitrary<Value> = fc.oneof(
  float,
  fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(int64),
  nested.filter((value) => typeof value !== "number" && !isFloatScalar(value)),
);

/** Reads back as a plain number. */
function isFloatScalar(value: Value): boolean {
  return (
    typeof value === "bigint" ||
    (typeof value === "object" && value !== null && "shape" in value && String(value.shape) === "")
  );
}

/** Rows that a trajectory holds without any loss. */
export const trajRow: fc.Arbitrary<Row> = fc.nat(3).chain((nAtoms) => {
  const optional: Record<string, fc.Arbitrary<Value>> = {
    "arrays.tags": fc.constant(ndarray(new BigInt64Array(nAtoms).fill(-2n))),
    "arrays.masses": floats([nAtoms]),
    "arrays.initial_magmoms": fc.oneof(floats([nAtoms]), floats([nAtoms, 3])),
    "arrays.initial_charges": floats([nAtoms]),
    "arrays.momenta": floats([nAtoms, 3]),
  };
  const results: Record<string, fc.Arbitrary<Value>> = {
    "calc.energy": float,
    "calc.forces": floats([nAtoms, 3]),
    "calc.stress": floats([6]),
    "calc.dipole": floats([3]),
    "calc.magmom": float,
    "calc.dielectric_tensor": floats([3, 3]),
  };
  return fc
    .record({
      cell: floats([3, 3]),
      pbc: fc
        .uint8Array({ min: 0, max: 1, minLength: 3, maxLength: 3 })
        .map((data) => ndarray(data, [3], "bool")),
      numbers: fc.constant(ndarray(new BigInt64Array(nAtoms).map((_, i) => BigInt(i * 7)))),
      positions: floats([nAtoms, 3]),
      arrays: fc.record(optional, { requiredKeys: [] }),
      results: fc.record(results, { requiredKeys: [] }),
      info: fc.dictionary(key, info, { maxKeys: 4 }),
      indices: fc.option(fc.subarray(Array.from({ length: nAtoms }, (_, i) => i)), { nil: undefined }),
    })
    .map(({ cell, pbc, numbers, positions, arrays, results, info, indices }) => ({
      cell,
      pbc,
      "arrays.numbers": numbers,
      "arrays.positions": positions,
      ...arrays,
      ...Object.fromEntries(Object.entries(info).map(([name, value]) => [`info.${name}`, value])),
      ...results,
      ...(indices && { constraints: [{ name: "FixAtoms", kwargs: { indices } }] }),
    }));
});

/** A small row that differs from others by `i`. */
export function plainRow(i: number, nAtoms = 2): Row {
  return {
    cell: ndarray(Float64Array.of(i, 0, 0, 0, 1, 0, 0, 0, 1), [3, 3]),
    pbc: ndarray(Uint8Array.of(1, 0, 1), [3], "bool"),
    "arrays.numbers": ndarray(new BigInt64Array(nAtoms).fill(8n)),
    "arrays.positions": ndarray(new Float64Array(nAtoms * 3).fill(i), [nAtoms, 3]),
    "info.i": int64(i),
    "calc.energy": i + 0.5,
  };
}
