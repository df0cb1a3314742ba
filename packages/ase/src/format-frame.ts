import {
  CHEMICAL_SYMBOLS,
  DTYPES,
  describeValue,
  getKey,
  isNdArray,
  isPerAtomKey,
  type NdArray,
  PER_STRUCTURE_RESULTS,
  type Row,
  type RowSchema,
  StowageError,
  type Value,
} from "@stowage/core";
import { maskColumn, type TextColumn, textColumn } from "./column-text.js";
import {
  cellText,
  entryText,
  fitsLine,
  floatResultText,
  matrixValueText,
  stressText,
  toFloat64,
  type ValueText,
  valueText,
} from "./comment-text.js";
import { refuseReservedPlace } from "./errors.js";
import { type LossLog, lossError, Unwritable } from "./losses.js";
import { floatWriter } from "./number-text.js";
import { RAW_RESULTS } from "./properties.js";
import { strip } from "./python-text.js";

export interface FrameFormat {
  /** Plain XYZ: symbols, positions and `info.comment`. */
  readonly plain: boolean;
  readonly losses: LossLog;
  /** What is known of all rows to come, so that the types of each fit the others. */
  readonly schema?: RowSchema;
}

/**
 * One frame as text.
 *
 * @throws {StowageError} ERR_LOSS for what XYZ cannot hold, ERR_ROW for what is no structure.
 */
export function formatFrame(row: Row, { plain, losses, schema }: FrameFormat): string {
  refuseReservedPlace(row, "XYZ");
  const symbols = symbolsOf(row);
  const positions = positionsOf(row, symbols.length, losses);
  const columns = plain ? [] : columnsOf(row, symbols.length, losses);
  const comment = plain ? plainComment(row, losses) : extendedComment(row, columns, losses, schema);
  return `${symbols.length}\n${comment}\n${atomLines(symbols, positions, columns)}`;
}

function symbolsOf(row: Row): string[] {
  const numbers = row["arrays.numbers"];
  if (numbers === undefined) {
    const positions = row["arrays.positions"];
    return new Array<string>(isNdArray(positions) ? (positions.shape[0] ?? 0) : 0).fill(CHEMICAL_SYMBOLS[0]!);
  }
  if (!isNdArray(numbers) || numbers.shape.length !== 1 || !"iu".includes(DTYPES[numbers.dtype].kind)) {
    throw noStructure("arrays.numbers", numbers, "integers of shape (nAtoms,)");
  }
  return Array.from<number | bigint, string>(numbers.data, (number) => {
    const symbol = CHEMICAL_SYMBOLS[Number(number)];
    if (symbol !== undefined) return symbol;
    throw lossError(
      "arrays.numbers",
      new Unwritable(`no element has the number ${number}`, "number 0 is a dummy atom"),
    );
  });
}

function positionsOf(row: Row, nAtoms: number, losses: LossLog): NdArray {
  const positions = row["arrays.positions"] ?? zeros([nAtoms, 3]);
  return floatMatrix("arrays.positions", positions, nAtoms, losses);
}

/** Real numbers of shape (rows, 3), as float64. */
function floatMatrix(rowKey: string, value: Value, rows: number, losses: LossLog): NdArray<"float64"> {
  const fits =
    isNdArray(value) && value.shape.length === 2 && value.shape[0] === rows && value.shape[1] === 3;
  if (!fits || !"fiu".includes(DTYPES[value.dtype].kind)) {
    throw noStructure(rowKey, value, `numbers of shape (${rows}, 3)`);
  }
  if (value.dtype !== "float64") losses.note(rowKey, "widened", `${value.dtype} kept as float64`);
  return toFloat64(value);
}

function zeros(shape: [number, number]): NdArray {
  return { dtype: "float64", shape, data: new Float64Array(shape[0] * shape[1]) };
}

/** Besides symbols and positions, in ASE's order: constraints, arrays, results. */
function columnsOf(row: Row, nAtoms: number, losses: LossLog): TextColumn[] {
  const columns: TextColumn[] = [];
  const taken = new Set(["species", "pos0", "pos1", "pos2"]);
  const add = (rowKey: string, make: () => TextColumn): void => {
    const column = losses.attempt(rowKey, make);
    if (column === undefined) return;
    columns.push(column);
    for (const field of column.fields) taken.add(field);
  };
  const { constraints } = row;
  if (constraints !== undefined && !(Array.isArray(constraints) && constraints.length === 0)) {
    add("constraints", () => maskColumn(constraints, nAtoms, losses));
  }
  const entries = Object.entries(row).filter(([rowKey]) => isPerAtomKey(rowKey));
  for (const prefix of ["arrays.", "calc."]) {
    for (const [rowKey, value] of entries) {
      if (!rowKey.startsWith(prefix)) continue;
      if (rowKey === "arrays.numbers" || rowKey === "arrays.positions") continue;
      add(rowKey, () => textColumn(rowKey, value, nAtoms, taken, losses));
    }
  }
  return columns;
}

/** `Lattice`, `Properties`, `info`, results and `pbc`, in ASE's order. */
function extendedComment(
  row: Row,
  columns: readonly TextColumn[],
  losses: LossLog,
  schema: RowSchema | undefined,
): string {
  const parts: string[] = [];
  const cell = floatMatrix("cell", row.cell ?? zeros([3, 3]), 3, losses);
  if (!isZero(cell)) parts.push(entryText("Lattice", cellText(cell)));
  const list = ["species:S:1", "pos:R:3", ...columns.map(({ header }) => header)].join(":");
  parts.push(entryText("Properties", list));
  const entries = Object.entries(row);
  for (const prefix of ["info.", "calc."]) {
    for (const [rowKey, value] of entries) {
      if (!rowKey.startsWith(prefix) || isPerAtomKey(rowKey)) continue;
      const part = losses.attempt(rowKey, () => commentEntry(rowKey, value, losses, schema));
      if (part !== undefined) parts.push(part);
    }
  }
  for (const [rowKey, value] of entries) checkKey(rowKey, value);
  parts.push(entryText("pbc", pbcText(row)));
  return parts.join(" ");
}

/** Keys of a comment that say what the frame is, and hold no value of their own. */
const STRUCTURAL_KEYS = new Set(["Lattice", "Properties", "pbc"]);

/** @throws {Unwritable} */
function commentEntry(rowKey: string, value: Value, losses: LossLog, schema: RowSchema | undefined): string {
  const name = rowKey.slice(rowKey.indexOf(".") + 1);
  const isResult = rowKey.startsWith("calc.");
  if (isResult !== PER_STRUCTURE_RESULTS.has(name)) {
    throw isResult
      ? new Unwritable("ASE has no calculator result of this name", `name it info.${name}`)
      : new Unwritable("ASE reads a key of this name as a result of the calculator", `name it calc.${name}`);
  }
  if (STRUCTURAL_KEYS.has(name))
    throw new Unwritable("in a comment, this key describes the frame", "choose another name");
  const floats = schema !== undefined && getKey(schema, rowKey)?.dtype === "float64";
  const integers = isNdArray(value) && "iu".includes(DTYPES[value.dtype].kind) ? value : null;
  if (floats && integers !== null) losses.note(rowKey, "widened", `${integers.dtype} kept as float64`);
  const written = textOf(name, floats && integers !== null ? toFloat64(integers) : value);
  const text = entryText(name, written.text);
  if (written.change !== undefined) losses.note(rowKey, written.change.kind, written.change.reason);
  if (written.type !== undefined) losses.wrote(rowKey, written.type);
  return text;
}

function textOf(name: string, value: Value): ValueText {
  if (name === "stress") return stressText(value);
  if (name === "virial") return matrixValueText(value);
  if (!PER_STRUCTURE_RESULTS.has(name)) return valueText(name, value);
  if (!RAW_RESULTS.has(name)) return floatResultText(value);
  if (value === null) throw new Unwritable("ASE leaves out results that are None");
  return valueText(name, value);
}

function pbcText({ pbc }: Row): string {
  if (pbc === undefined) return "F F F";
  const flags = isNdArray(pbc) && pbc.dtype === "bool" ? Array.from(pbc.data, Boolean) : pbc;
  if (!Array.isArray(flags) || flags.length !== 3 || !flags.every((flag) => typeof flag === "boolean")) {
    throw noStructure("pbc", pbc, "three booleans");
  }
  return flags.map((flag) => (flag ? "T" : "F")).join(" ");
}

/** The comment of a plain frame. Whatever else the row has is lost. */
function plainComment(row: Row, losses: LossLog): string {
  const comment = row["info.comment"] ?? "";
  if (
    typeof comment !== "string" ||
    !fitsLine(comment) ||
    strip(comment) !== comment ||
    comment.includes("=")
  ) {
    const reason = 'a plain comment is one line of text, without "=" and without white space around it';
    throw lossError("info.comment", new Unwritable(reason, "leave out plain: true"));
  }
  for (const [rowKey, value] of Object.entries(row)) {
    checkKey(rowKey, value);
    if (PLAIN_KEYS.has(rowKey) || isTrivial(rowKey, value)) continue;
    losses.attempt(rowKey, () => {
      throw new Unwritable("plain XYZ has symbols, positions and a comment only");
    });
  }
  return comment;
}

const PLAIN_KEYS = new Set(["arrays.numbers", "arrays.positions", "info.comment"]);

/** Whether a key says nothing that its absence would not say too. */
function isTrivial(rowKey: string, value: Value): boolean {
  if (rowKey === "cell") return isNdArray(value) && isZero(value);
  if (rowKey === "pbc") return pbcText({ pbc: value }) === "F F F";
  return rowKey === "constraints" && Array.isArray(value) && value.length === 0;
}

/** -0 counts as a value. */
function isZero({ data }: NdArray): boolean {
  return Array.from<number | bigint, number>(data, Number).every((value) => Object.is(value, 0));
}

function checkKey(rowKey: string, value: Value): void {
  if (rowKey.startsWith("info.") || rowKey.startsWith("calc.") || rowKey.startsWith("arrays.")) return;
  if (rowKey === "cell" || rowKey === "pbc" || rowKey === "constraints") return;
  throw noStructure(rowKey, value, "keys under arrays., calc. or info., or cell, pbc, constraints");
}

function noStructure(key: string, value: Value, expected: string): StowageError<"ERR_ROW"> {
  return new StowageError(
    "ERR_ROW",
    `Cannot write this row as XYZ: "${key}" is ${describeValue(value)}, expected ${expected}`,
    { key },
  );
}

function atomLines(symbols: readonly string[], positions: NdArray, columns: readonly TextColumn[]): string {
  const position = floatWriter(positions);
  let text = "";
  for (let atom = 0; atom < symbols.length; atom++) {
    text += `${symbols[atom]!} ${position(3 * atom)} ${position(3 * atom + 1)} ${position(3 * atom + 2)}`;
    for (const { count, write } of columns) {
      for (let index = atom * count; index < (atom + 1) * count; index++) text += ` ${write(index)}`;
    }
    text += "\n";
  }
  return text;
}
