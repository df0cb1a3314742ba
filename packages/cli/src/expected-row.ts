import {
  allocate,
  DTYPES,
  type DType,
  type DTypeInfo,
  equalValues,
  getKey,
  isDType,
  isNdArray,
  type LossNote,
  type NdArray,
  ndarray,
  type Row,
  type RowSchema,
  setElements,
  setKey,
  type Value,
} from "@stowage/core";

/** A difference that the target's documented rules do not explain. */
export interface Mismatch {
  readonly row: number;
  readonly key: string;
  /** `undefined`: the row has no such key. */
  readonly source: Value | undefined;
  readonly target: Value | undefined;
}

/** What the target said it changes, and the types it keeps. */
export interface TargetRules {
  readonly losses: readonly LossNote[];
  readonly schema: RowSchema;
}

/**
 * The row that the target must give back for a source row: the same values, except where the target announced
 * otherwise. Each announced change is applied to the source value and must itself be exact, so that a wrong value
 * never passes as an expected change.
 *
 * @param target  The row that came back: it tells whether a key that may be dropped was.
 */
export function expectedRow(row: Row, { losses, schema }: TargetRules, target: Row = {}): Row {
  const expected: Row = { ...structureDefaults(row, schema), ...row };
  // Every store keeps atomic numbers in a dtype of its own.
  const numbers = getKey(row, "arrays.numbers");
  if (numbers !== undefined) expected["arrays.numbers"] = retyped("arrays.numbers", numbers, schema);
  for (const { key, kind } of losses) {
    const value = getKey(row, key);
    if (value === undefined) continue;
    // Some rows may hold a value that the target could keep.
    if (kind === "dropped" && !Object.hasOwn(target, key)) delete expected[key];
    else if (kind !== "dropped") setKey(expected, key, changedValue(key, value, schema));
  }
  return expected;
}

/** No cell means a cell of zeros, no pbc means none is periodic: stores that always have both say it that way. */
function structureDefaults(row: Row, schema: RowSchema): Row {
  if (!Object.hasOwn(row, "arrays.numbers")) return {};
  const defaults: Row = {};
  if (Object.hasOwn(schema, "cell")) defaults.cell = ndarray(new Float64Array(9), [3, 3]);
  if (Object.hasOwn(schema, "pbc")) defaults.pbc = ndarray(new Uint8Array(3), [3], "bool");
  return defaults;
}

function changedValue(key: string, value: Value, schema: RowSchema): Value {
  return key === "calc.stress" && isNdArray(value) ? expandVoigt(value) : retyped(key, value, schema);
}

function retyped(key: string, value: Value, schema: RowSchema): Value {
  const dtype = getKey(schema, key)?.dtype;
  return dtype !== undefined && isDType(dtype) ? widen(value, dtype) : value;
}

/** Stress as xx, yy, zz, yz, xz, xy in its symmetric 3 × 3 form; any other shape stays. */
export function expandVoigt(stress: NdArray): NdArray {
  if (stress.shape.length !== 1 || stress.shape[0] !== 6) return stress;
  const order = [0, 5, 4, 5, 1, 3, 4, 3, 2];
  const data = allocate(stress.dtype, 9);
  order.forEach((from, to) => {
    setElements(data, stress.data.subarray(from, from + 1) as NdArray["data"], to);
  });
  return ndarray(data, [3, 3], stress.dtype);
}

/**
 * The same numbers in another dtype; the value itself where a number would change, so that the comparison shows it.
 */
export function widen(value: Value, dtype: DType): Value {
  const array = asArray(value);
  if (array === null || array.dtype === dtype) return value;
  const from = DTYPES[array.dtype] as DTypeInfo;
  const to = DTYPES[dtype] as DTypeInfo;
  // float16 keeps bit patterns and complex pairs: none of our formats widens them.
  if (from.lanes !== to.lanes || array.dtype === "float16" || dtype === "float16") return value;
  const data = allocate(dtype, array.data.length / from.lanes);
  const isWide = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (let i = 0; i < array.data.length; i++) {
    const number = array.data[i]!;
    if (isWide && typeof number === "number" && !Number.isInteger(number)) return value;
    if (isWide) data[i] = BigInt(number);
    else data[i] = Number(number);
    if (!sameNumber(number, data[i]!)) return value;
  }
  // Between backends a float64 scalar is a plain number.
  return dtype === "float64" && array.shape.length === 0 ? Number(data[0]) : { ...array, dtype, data };
}

/** Whether two elements of any dtypes are one number; -0 is not 0, NaN is NaN. */
function sameNumber(a: number | bigint, b: number | bigint): boolean {
  if (Object.is(a, -0) || Object.is(b, -0) || Number.isNaN(a)) return Object.is(a, b);
  // biome-ignore lint/suspicious/noDoubleEquals: 1n and 1 are the same number in two types
  return a == b;
}

/** A number, or numbers, as an array of its dtype; `null` for what is none. */
export function asArray(value: Value): NdArray | null {
  if (isNdArray(value)) return value;
  if (typeof value === "boolean") return { dtype: "bool", shape: [], data: Uint8Array.of(value ? 1 : 0) };
  if (typeof value === "number") return { dtype: "float64", shape: [], data: Float64Array.of(value) };
  if (typeof value === "bigint" && BigInt.asIntN(64, value) === value) {
    return { dtype: "int64", shape: [], data: BigInt64Array.of(value) };
  }
  return null;
}

/** Every key in which the target's row is not what it must be. */
export function compareRows(source: Row, target: Row, index: number, rules: TargetRules): Mismatch[] {
  const expected = expectedRow(source, rules, target);
  const mismatches: Mismatch[] = [];
  for (const key of new Set([...Object.keys(expected), ...Object.keys(target)])) {
    const [wanted, found] = [getKey(expected, key), getKey(target, key)];
    if (wanted !== undefined && found !== undefined && equalValues(wanted, found)) continue;
    mismatches.push({ row: index, key, source: getKey(source, key), target: found });
  }
  return mismatches;
}
