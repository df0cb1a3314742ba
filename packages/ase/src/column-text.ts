/** Per-atom values as columns. */

import { equalValues, isCalculatorResult, isNdArray, type NdArray, quote, type Value } from "@stowage/core";
import { constraintsOf } from "./atom-columns.js";
import { fitsLine } from "./comment-text.js";
import { type LossLog, Unwritable } from "./losses.js";
import { floatWriter, textKind } from "./number-text.js";
import { splitWords } from "./python-text.js";

/** A property of the `Properties` list, ready to be written. */
export interface TextColumn {
  /** `name:type:count` */
  readonly header: string;
  /** NumPy's names for the single columns, which must not repeat. */
  readonly fields: readonly string[];
  readonly count: number;
  /** The text of one element, row-major. */
  readonly write: (index: number) => string;
}

/** Names with a meaning of their own in files or in ASE. */
const RESERVED = new Set(["pos", "positions", "Z", "numbers", "species", "symbols", "charge", "move_mask"]);

/**
 * The columns of an array under `arrays.` or a per-atom result under `calc.`.
 *
 * @param taken  Fields of the columns so far.
 * @throws {Unwritable}
 */
export function textColumn(
  rowKey: string,
  value: Value,
  nAtoms: number,
  taken: ReadonlySet<string>,
  losses: LossLog,
): TextColumn {
  const isResult = rowKey.startsWith("calc.");
  const name = rowKey.slice(rowKey.indexOf(".") + 1);
  if (!isResult && isCalculatorResult(name)) {
    throw new Unwritable(
      "ASE reads a column of this name as a result of the calculator",
      `name it calc.${name}`,
    );
  }
  if (name === "" || name.includes(":") || !fitsLine(name))
    throw new Unwritable("no column can have this name");
  if (RESERVED.has(name))
    throw new Unwritable("a column of this name means something else", "choose another name");
  const column = isNdArray(value)
    ? arrayColumn(rowKey, name, value, nAtoms, losses)
    : textListColumn(name, value, nAtoms);
  const clash = column.fields.find((field) => taken.has(field));
  if (clash !== undefined)
    throw new Unwritable(`ASE takes it and another column for the same, ${quote(clash)}`);
  return column;
}

function newColumn(name: string, type: string, count: number, write: TextColumn["write"]): TextColumn {
  const inFile = name === "charges" ? "charge" : name;
  const fields = count === 1 ? [inFile] : Array.from({ length: count }, (_, i) => inFile + i);
  return { header: `${inFile}:${type}:${count}`, fields, count, write };
}

function arrayColumn(
  rowKey: string,
  name: string,
  array: NdArray,
  nAtoms: number,
  losses: LossLog,
): TextColumn {
  const { shape, dtype } = array;
  if (shape[0] !== nAtoms) throw new Unwritable(`it has no value for each of the ${nAtoms} atoms`);
  if (shape.length > 2) throw new Unwritable(`columns hold one or two dimensions, not ${shape.length}`);
  const count = shape[1] ?? 1;
  if (shape.length === 2 && count < 2) {
    throw new Unwritable(`columns of shape (${shape.join(", ")}) would come back with another shape`);
  }
  const floats = rowKey.startsWith("calc.") || rowKey === "arrays.initial_charges";
  if (rowKey === "arrays.initial_charges" && shape.length === 2)
    throw new Unwritable("it must be one number an atom");
  switch (textKind(array)) {
    case "float":
      if (dtype !== "float64") losses.note(rowKey, "widened", `${dtype} kept as float64`);
      losses.wrote(rowKey, "float");
      return newColumn(name, "R", count, floatWriter(array));
    case "integer":
      noteIntegers(rowKey, array, floats, losses);
      return newColumn(name, floats ? "R" : "I", count, integerWriter(array, floats));
    case "logical":
      if (floats) losses.note(rowKey, "widened", "bool kept as float64");
      return newColumn(name, floats ? "R" : "L", count, logicalWriter(array, floats));
    default:
      throw new Unwritable(`XYZ has no ${dtype} numbers`);
  }
}

/** Columns of integers hold 32 bits, those of results become floats. */
function noteIntegers(rowKey: string, array: NdArray, floats: boolean, losses: LossLog): void {
  for (const value of array.data) {
    const integer = Number(value);
    if (floats ? Number.isSafeInteger(integer) : integer === (integer | 0)) continue;
    throw new Unwritable(`${value} does not fit ${floats ? "float64" : "int32, which integer columns hold"}`);
  }
  if (floats) losses.note(rowKey, "widened", `${array.dtype} kept as float64`);
  else if (array.dtype.includes("64") || array.dtype === "uint32")
    losses.note(rowKey, "changed", `${array.dtype} kept as int32`);
  else if (array.dtype !== "int32") losses.note(rowKey, "widened", `${array.dtype} kept as int32`);
  losses.wrote(rowKey, floats ? "float" : "integer");
}

function integerWriter({ data }: NdArray, floats: boolean): TextColumn["write"] {
  return floats ? (index) => `${data[index]}.0` : (index) => String(data[index]);
}

function logicalWriter({ data }: NdArray, floats: boolean): TextColumn["write"] {
  const [no, yes] = floats ? ["0.0", "1.0"] : ["F", "T"];
  return (index) => (data[index] === 0 ? no : yes);
}

/** Text: one word an atom, or rows of words of one length. */
function textListColumn(name: string, value: Value, nAtoms: number): TextColumn {
  if (!Array.isArray(value) || value.length !== nAtoms) {
    throw new Unwritable(`it has no value for each of the ${nAtoms} atoms`);
  }
  const rows = value.map((item) => (Array.isArray(item) ? item : [item]));
  const count = rows[0]?.length ?? 1;
  const nested = Array.isArray(value[0]);
  for (const [i, row] of rows.entries()) {
    if (Array.isArray(value[i]) !== nested || row.length !== count || (nested && count < 2)) {
      throw new Unwritable("rows of text must have one length, of two or more");
    }
    for (const word of row) checkWord(word);
  }
  return newColumn(name, "S", count, (index) => rows[Math.floor(index / count)]![index % count] as string);
}

function checkWord(word: Value): void {
  if (typeof word !== "string") throw new Unwritable("a list with one entry an atom can only hold text");
  if (!fitsLine(word) || splitWords(word).length !== 1 || splitWords(word)[0] !== word) {
    throw new Unwritable(`the text ${quote(word)} is empty or has white space, which ends a column`);
  }
}

/**
 * The column `move_mask` that says the same as a list of constraints.
 *
 * @throws {Unwritable} unless reading it gives these constraints back.
 */
export function maskColumn(constraints: Value, nAtoms: number, losses: LossLog): TextColumn {
  const moves = moveMask(constraints, nAtoms);
  if (moves === null) {
    throw new Unwritable(
      "XYZ holds one FixAtoms, or one FixCartesian for each atom, and no other constraints",
    );
  }
  const count = moves.length === nAtoms ? 1 : 3;
  if (!equalValues(constraintsOf(count, moves), constraints)) {
    losses.note("constraints", "changed", "the indices of FixAtoms are kept as a sorted list");
  }
  return newColumn("move_mask", "L", count, (index) => (moves[index] === 0 ? "F" : "T"));
}

/** 1 where an atom may move: one value an atom for FixAtoms, three for FixCartesian; `null` for anything else. */
function moveMask(constraints: Value, nAtoms: number): Uint8Array | null {
  if (!Array.isArray(constraints)) return null;
  const kwargs = constraints.map(kwargsOf);
  const indices = kwargs.length === 1 ? indicesOf(kwargs[0]!.indices) : null;
  if (indices !== null && isConstraint(constraints[0]!, "FixAtoms", 1)) {
    if (
      new Set(indices).size < indices.length ||
      !indices.every((i) => Number.isInteger(i) && i >= 0 && i < nAtoms)
    )
      return null;
    const moves = new Uint8Array(nAtoms).fill(1);
    for (const i of indices) moves[i] = 0;
    return moves;
  }
  if (constraints.length !== nAtoms) return null;
  const moves = Uint8Array.from(
    kwargs.flatMap(({ mask }) => (Array.isArray(mask) ? mask : [])),
    (fixed) => (fixed === true ? 0 : 1),
  );
  if (moves.length !== 3 * nAtoms) return null;
  return equalValues(constraintsOf(3, moves), constraints) ? moves : null;
}

function kwargsOf(constraint: Value): { [key: string]: Value } {
  if (
    typeof constraint !== "object" ||
    constraint === null ||
    Array.isArray(constraint) ||
    isNdArray(constraint)
  )
    return {};
  const { kwargs } = constraint;
  return typeof kwargs === "object" && kwargs !== null && !Array.isArray(kwargs) && !isNdArray(kwargs)
    ? kwargs
    : {};
}

function isConstraint(constraint: Value, name: string, parameters: number): boolean {
  const { name: found } = constraint as { [key: string]: Value };
  return found === name && Object.keys(kwargsOf(constraint)).length === parameters;
}

function indicesOf(value: Value | undefined): number[] | null {
  if (isNdArray(value))
    return value.shape.length === 1 ? Array.from<number | bigint, number>(value.data, Number) : null;
  return Array.isArray(value) ? value.map((index) => (typeof index === "number" ? index : Number.NaN)) : null;
}
