/**
 * The atom lines of a frame, from bytes into columns.
 *
 * Plain numbers, symbols and words are read in place. A line with anything else (`nan`, underscores, other scripts, a
 * missing value) is read once more as text, exactly as ASE reads it, which also finds the words for the error.
 */

import { quote } from "@stowage/core";
import { type FramePlace, formatError } from "./errors.js";
import type { FrameBytes, FrameFacts } from "./frame-decoder.js";
import { newBytes, newFloats } from "./memory.js";
import type { Properties, PropertyColumn } from "./properties.js";
import { parsePythonInt, storePythonFloat } from "./python-number.js";
import { splitWords } from "./python-text.js";
import { lastRows, NOT_A_NUMBER, readNumbers } from "./real-number.js";
import { numberOfSpecies, readSymbol } from "./species.js";
import { asciiText, endOfLine, lineText, nextLine, type TextBlock } from "./text-block.js";
import { readUsualLines, usualColumns } from "./usual-lines.js";

/** The values of one property, row by row: reals; integers; logicals or atomic numbers; text; nothing if skipped. */
export type ColumnData = Float64Array | Int32Array | Uint8Array | string[] | null;

export type Column =
  | { readonly kind: "real"; readonly count: number; readonly data: Float64Array }
  | { readonly kind: "integer"; readonly count: number; readonly data: Int32Array }
  | { readonly kind: "logical" | "symbol"; readonly count: number; readonly data: Uint8Array }
  | { readonly kind: "text"; readonly count: number; readonly data: string[] }
  | { readonly kind: "skip"; readonly count: number; readonly data: null };

/**
 * Reads the atom lines of a frame.
 *
 * @param text   The frame; its last line must have its line end.
 * @param start  Where the first atom line begins.
 * @param wanted  Row keys to read; the columns of others are passed over. Default: all.
 * @returns The data of each property, and where the line after the last atom begins.
 * @throws {StowageError} ERR_XYZ_FORMAT
 */
export function readAtomLines(
  text: FrameBytes,
  start: number,
  frame: FrameFacts,
  properties: Properties,
  wanted?: ReadonlySet<string>,
): { data: ColumnData[]; end: number } {
  const { bytes, end } = text;
  const { nAtoms } = frame;
  // Each value takes a byte and a separator: nobody gets memory for columns that the lines cannot hold.
  if (nAtoms * properties.nColumns * 2 > end - start) {
    findShortLine(text, start, frame, properties);
  }
  const all = properties.columns.map((property) =>
    newColumn(columnKind(property, wanted, nAtoms), nAtoms, property.count),
  );
  // What stands behind the last column of interest is like any further text on the line.
  const columns = all.slice(0, all.findLastIndex(({ kind }) => kind !== "skip") + 1);
  const usual = usualColumns(columns);
  let at = start;
  for (let atom = 0; atom < nAtoms; ) {
    if (at >= end) throw formatError(frame, atom + 2, { found: `${atom} atom lines`, expected: `${nAtoms}` });
    const lineStart = at;
    if (usual !== null) {
      at = readUsualLines(usual, text, lineStart, atom, nAtoms);
      if (at >= 0) {
        atom += lastRows.count;
        at = nextLine(bytes, at);
        continue;
      }
      at = lineStart;
    }
    for (let i = 0; i < columns.length && at >= 0; i++) at = readColumn(columns[i]!, text, at, atom);
    if (at < 0) {
      readAsText(columns, bytes, lineStart, atom, properties, frame);
      at = lineStart;
    }
    atom++;
    at = nextLine(bytes, at);
  }
  return { data: all.map(({ data }) => data), end: at };
}

const KINDS = { R: "real", I: "integer", L: "logical", S: "text" } as const;

/** How the values of a property are read. @param wanted  Row keys to read. Default: all. */
export function columnKind(
  { rowKey, role, type }: PropertyColumn,
  wanted: ReadonlySet<string> | undefined,
  nAtoms: number,
): Column["kind"] {
  if (rowKey === null || wanted?.has(rowKey) === false) return "skip";
  return role === "symbols" && (type === "S" || nAtoms === 0) ? "symbol" : KINDS[type];
}

function newColumn(kind: Column["kind"], nAtoms: number, count: number): Column {
  const length = nAtoms * count;
  switch (kind) {
    case "real":
      return { kind, count, data: newFloats(length) };
    case "integer":
      return { kind, count, data: new Int32Array(length) };
    case "logical":
    case "symbol":
      return { kind, count, data: newBytes(length) };
    case "text":
      return { kind, count, data: new Array<string>(length).fill("") };
    case "skip":
      return { kind, count, data: null };
  }
}

/** Reads the values of one atom in place; {@link NOT_A_NUMBER} for anything that is not plain. */
function readColumn(column: Column, text: TextBlock, position: number, atom: number): number {
  const { count } = column;
  switch (column.kind) {
    case "real":
      return readReals(text, position, column.data, atom * count, count);
    case "symbol": {
      const at = skipBlanks(text.bytes, position);
      const symbol = readSymbol(text.bytes, at);
      column.data[atom] = symbol >> 2;
      return symbol < 0 ? NOT_A_NUMBER : at + (symbol & 3);
    }
    case "integer":
      return readIntegers(text, position, column.data, atom * count, count);
    default:
      return readWords(column, text, position, atom * count);
  }
}

/** Reads numbers that end with white space, as all values of atom lines do. */
function readReals(
  text: TextBlock,
  position: number,
  out: Float64Array,
  index: number,
  count: number,
): number {
  const at = readNumbers(text, position, out, index, count);
  return at >= 0 && text.bytes[at]! <= 32 ? at : NOT_A_NUMBER;
}

const integer = new Float64Array(1);

function readIntegers(
  text: TextBlock,
  position: number,
  data: Int32Array,
  first: number,
  count: number,
): number {
  let at = position;
  for (let i = first; i < first + count; i++) {
    at = readReals(text, at, integer, 0, 1);
    data[i] = integer[0]!;
    if (at < 0 || !lastRows.integral || data[i] !== integer[0]) return NOT_A_NUMBER;
  }
  return at;
}

function readWords(column: Column, text: TextBlock, position: number, first: number): number {
  const { bytes } = text;
  let at = position;
  for (let i = first; i < first + column.count; i++) {
    const start = skipBlanks(bytes, at);
    at = endOfWord(bytes, start);
    if (at <= start) return NOT_A_NUMBER;
    if (column.kind !== "skip" && store(column, i, asciiText(bytes, start, at)) !== null) return NOT_A_NUMBER;
  }
  return at;
}

function skipBlanks(bytes: Uint8Array, position: number): number {
  let at = position;
  while (bytes[at] === 32 || bytes[at] === 9) at++;
  return at;
}

/** Where a word of ASCII ends; -1 if other control characters or scripts are next, which may be white space. */
function endOfWord(bytes: Uint8Array, position: number): number {
  let at = position;
  while (bytes[at]! > 32 && bytes[at]! < 127) at++;
  const byte = bytes[at]!;
  return byte === 32 || byte === 9 || byte === 10 || byte === 13 ? at : -1;
}

/** Reads the values of one atom from its line as text. */
function readAsText(
  columns: readonly Column[],
  bytes: Uint8Array,
  start: number,
  atom: number,
  properties: Properties,
  place: FramePlace,
): void {
  const words = wordsOf(bytes, start, atom, place);
  let position = 0;
  for (const column of columns) {
    for (let k = 0; k < column.count; k++) {
      const word = words[position++];
      if (word === undefined) throw tooShort(words.length, properties, atom, place);
      const expected = store(column, atom * column.count + k, word);
      if (expected === null) continue;
      throw formatError(place, atom + 2, {
        found: `${quote(word)} in column ${position}`,
        expected,
        hint: hintFor(word),
      });
    }
  }
}

/** The words of the line that begins at `start`, the one of atom number `atom`. */
export function wordsOf(bytes: Uint8Array, start: number, atom: number, place: FramePlace): string[] {
  const text = lineText(bytes, start, endOfLine(bytes, start));
  if (text !== undefined) return splitWords(text);
  throw formatError(place, atom + 2, { found: "bytes that are not UTF-8", expected: "text" });
}

/** Stores one word. @returns What it should have been, `null` if it is fine. */
function store(column: Column, index: number, word: string): string | null {
  switch (column.kind) {
    case "real":
      return storePythonFloat(column.data, index, word) ? null : "a number";
    case "integer": {
      const integer = Number(parsePythonInt(word) ?? Number.NaN);
      column.data[index] = integer;
      return column.data[index] === integer ? null : "an integer of 32 bits";
    }
    case "symbol": {
      const number = numberOfSpecies(word);
      column.data[index] = number ?? 0;
      return number === undefined ? "a chemical symbol" : null;
    }
    case "logical":
      column.data[index] = word === "T" || word === "True" ? 1 : 0;
      return column.data[index] === 1 || word === "F" || word === "False" ? null : "T, F, True or False";
    case "text":
      column.data[index] = word;
      return null;
    case "skip":
      return null;
  }
}

function hintFor(word: string): string | undefined {
  return /^[+-]?[\d.]+[dD][+-]?\d+$/.test(word)
    ? 'write the exponent with "e": Fortran wrote it with "d"'
    : undefined;
}

function findShortLine(
  { bytes, end }: FrameBytes,
  start: number,
  frame: FrameFacts,
  properties: Properties,
): void {
  let at = start;
  for (let atom = 0; atom < frame.nAtoms && at < end; atom++, at = nextLine(bytes, at)) {
    const { length } = wordsOf(bytes, at, atom, frame);
    if (length < properties.nColumns) throw tooShort(length, properties, atom, frame);
  }
}

function tooShort(found: number, { nColumns }: Properties, atom: number, place: FramePlace): Error {
  return formatError(place, atom + 2, {
    found: found === 1 ? "1 value" : `${found} values`,
    expected: `at least ${nColumns}, as the comment line says`,
  });
}
