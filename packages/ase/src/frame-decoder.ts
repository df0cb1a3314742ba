import {
  Atoms,
  type DType,
  elementAt,
  isNdArray,
  type NdArray,
  type Row,
  setKey,
  type Value,
} from "@stowage/core";
import { atomicNumbers, columnValue, constraintsOf } from "./atom-columns.js";
import { type ColumnData, readAtomLines } from "./atom-lines.js";
import { hasEquals } from "./comment-bytes.js";
import { CommentReader } from "./comment-reader.js";
import { readCount } from "./count-line.js";
import { atPlace, type FramePlace, formatError } from "./errors.js";
import type { KeyTable } from "./key-table.js";
import { newFloats } from "./memory.js";
import type { Properties, PropertyColumn } from "./properties.js";
import { endOfLine, nextLine, type TextBlock, textBlock } from "./text-block.js";
import { readVectors } from "./vec-lines.js";

/** The bytes of one frame, all of it or the first two lines. */
export interface FrameBytes extends TextBlock {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** Where a frame is, and what is known before it is read. */
export interface FrameFacts extends FramePlace {
  readonly nAtoms: number;
  /** Number of VEC lines after the atoms. */
  readonly nVectors: number;
}

/** How comments without a `=` are read: by the rule of the file, or in a stream each by itself. */
export type CommentStyle = "extended" | "plain" | "each";

/** Who else may have read the atom lines of a frame; `null` leaves them to the decoder. */
export type AtomLines = (properties: Properties, headerLength: number) => ColumnData[] | null;

type Flags = readonly [boolean, boolean, boolean];

/** A frame whose lines are read but not yet sorted into a row or a structure. */
interface ReadFrame {
  readonly facts: FrameFacts;
  readonly bytes: Uint8Array;
  readonly data: readonly ColumnData[];
  readonly cell: Float64Array | null;
  readonly pbc: Flags;
}

/** Reads frames as rows or structures, with the types that their keys have over the whole file. */
export class FrameDecoder {
  readonly #keys: KeyTable;
  readonly #style: CommentStyle;
  readonly #comment: CommentReader;

  constructor(keys: KeyTable, style: CommentStyle) {
    this.#keys = keys;
    this.#style = style;
    this.#comment = new CommentReader(keys);
  }

  /**
   * The row of a whole frame.
   *
   * @param lines   Asked for the atom lines first.
   * @param wanted  Row keys to read; columns of others are passed over. Default: all.
   * @throws {StowageError} ERR_XYZ_FORMAT
   */
  decode(frame: FrameBytes, facts: FrameFacts, lines?: AtomLines, wanted?: ReadonlySet<string>): Row {
    const read = this.#read(frame, facts, lines, wanted);
    const { extras } = this.#comment.properties;
    const row: Row = {};
    putBox(row, read, wanted);
    if (wants(wanted, "arrays.numbers")) {
      row["arrays.numbers"] = { dtype: "uint8", shape: [facts.nAtoms], data: this.#numbers(read) };
    }
    if (wants(wanted, "arrays.positions")) row["arrays.positions"] = this.#positions(read);
    const putColumns = (results: boolean): void => {
      for (const column of extras) {
        if (column.isResult !== results || !wants(wanted, column.rowKey!)) continue;
        row[column.rowKey!] = this.#columnValue(column, read);
      }
    };
    putColumns(false);
    this.#putEntries(row, false, read.bytes, wanted);
    putColumns(true);
    this.#putEntries(row, true, read.bytes, wanted);
    if (wants(wanted, "constraints")) {
      const constraints = this.#constraints(read);
      if (constraints.length > 0) row.constraints = constraints;
    }
    return row;
  }

  /**
   * The structure of a whole frame: what `rowToAtoms` makes of its row, without the row in between.
   *
   * @param lines  Asked for the atom lines first.
   * @throws {StowageError} ERR_XYZ_FORMAT
   */
  decodeAtoms(frame: FrameBytes, facts: FrameFacts, lines?: AtomLines): Atoms {
    const read = this.#read(frame, facts, lines);
    const { entries, properties } = this.#comment;
    const atoms = new Atoms({
      atomicNumbers: this.#numbers(read),
      positions: this.#positions(read),
      cell: cellOf(read),
      pbc: read.pbc,
    });
    for (const column of properties.extras) {
      const value = this.#columnValue(column, read);
      if (column.isResult) atoms.calc[column.name] = value;
      else setKey(atoms.arrays, column.name, value as NdArray | Value[]);
    }
    for (let i = 0; i < entries.count; i++) {
      const { name, isResult, values } = entries.keys[i]!;
      const value = entries.valueOf(i, read.bytes, values.widens);
      const dtype = notedType(value, isResult);
      if (dtype !== undefined) {
        atoms.dtypes ??= {};
        setKey(atoms.dtypes, values.rowKey, dtype);
      }
      setKey(isResult ? atoms.calc : atoms.info, name, plainScalar(value));
    }
    atoms.constraints = this.#constraints(read);
    return atoms;
  }

  /**
   * What the first two lines of a frame say.
   *
   * @param frame  These two lines.
   * @throws {StowageError} ERR_XYZ_FORMAT
   */
  decodeHeader(frame: FrameBytes, facts: FrameFacts, wanted: ReadonlySet<string>): Row {
    const header = withLineEnd(frame);
    const end = this.#readHeader(header, facts);
    if (end !== header.end || (header !== frame && facts.nAtoms > 0)) throw notIndexed(facts, "other lines");
    const row: Row = {};
    const { cell, pbc } = this.#comment;
    putBox(row, { cell, pbc: pbc ?? periodic(cell) }, wanted);
    this.#putEntries(row, false, header.bytes, wanted);
    this.#putEntries(row, true, header.bytes, wanted);
    return row;
  }

  #read(frame: FrameBytes, facts: FrameFacts, lines?: AtomLines, wanted?: ReadonlySet<string>): ReadFrame {
    const whole = withLineEnd(frame);
    const { bytes } = whole;
    const start = this.#readHeader(whole, facts);
    const { properties, cell, pbc } = this.#comment;
    const known = lines?.(properties, start - whole.start);
    if (known) return { facts, bytes, data: known, cell, pbc: pbc ?? periodic(cell) };
    const { data, end } = readAtomLines(whole, start, facts, properties, wanted);
    if (facts.nVectors === 0 && end === whole.end)
      return { facts, bytes, data, cell, pbc: pbc ?? periodic(cell) };
    const vectors = readVectors(whole, end, facts);
    if (vectors.end !== whole.end) throw notIndexed(facts, `${whole.end - vectors.end} bytes too many`);
    return {
      facts,
      bytes,
      data,
      cell: vectors.cell,
      pbc: [1, 2, 3].map((n) => n <= facts.nVectors) as [boolean, boolean, boolean],
    };
  }

  /** @returns Where the atom lines begin. */
  #readHeader(frame: FrameBytes, facts: FrameFacts): number {
    const { bytes, start, end } = frame;
    const comment = nextLine(bytes, start);
    if (comment >= end || readCount(bytes, start) !== facts.nAtoms)
      throw notIndexed(facts, "another atom count");
    const commentEnd = endOfLine(bytes, comment);
    try {
      this.#readComment(frame, comment, commentEnd, facts.nVectors);
    } catch (error) {
      throw atPlace(error, facts, 1);
    }
    return nextLine(bytes, commentEnd);
  }

  #readComment(text: TextBlock, start: number, end: number, nVectors: number): void {
    const plain = this.#style === "plain" || (this.#style === "each" && !hasEquals(text.bytes, start, end));
    if (plain || nVectors > 0) this.#comment.readAsText(text, start, end, nVectors > 0);
    else this.#comment.read(text, start, end);
  }

  #numbers({ data, facts }: ReadFrame): Uint8Array {
    const { numbers } = this.#comment.properties;
    if (numbers === null) return new Uint8Array(facts.nAtoms); // of "X", the dummy atom
    return atomicNumbers(numbers, data[numbers.index]!, facts);
  }

  #positions(read: ReadFrame): NdArray {
    const { positions } = this.#comment.properties;
    if (positions !== null) return this.#columnValue(positions, read) as NdArray;
    const { nAtoms } = read.facts;
    return { dtype: "float64", shape: [nAtoms, 3], data: newFloats(3 * nAtoms) };
  }

  #columnValue(column: PropertyColumn, { data, facts }: ReadFrame): Value {
    const widens = this.#keys.typesOf(column.rowKey!).widens;
    return columnValue(column, data[column.index]!, facts.nAtoms, widens, facts);
  }

  #constraints({ data }: ReadFrame): Value[] {
    const { mask } = this.#comment.properties;
    return mask === null ? [] : constraintsOf(mask.count, data[mask.index]!);
  }

  #putEntries(row: Row, results: boolean, bytes: Uint8Array, wanted: ReadonlySet<string> | undefined): void {
    const { entries } = this.#comment;
    for (let i = 0; i < entries.count; i++) {
      const { isResult, values } = entries.keys[i]!;
      if (isResult !== results || !wants(wanted, values.rowKey)) continue;
      row[values.rowKey] = entries.valueOf(i, bytes, values.widens);
    }
  }
}

function wants(wanted: ReadonlySet<string> | undefined, rowKey: string): boolean {
  return wanted === undefined || wanted.has(rowKey);
}

/** Without a word on it, a cell is periodic in all directions. */
function periodic(cell: Float64Array | null): Flags {
  return cell === null ? [false, false, false] : [true, true, true];
}

function cellOf({ cell }: Pick<ReadFrame, "cell">): NdArray {
  return { dtype: "float64", shape: [3, 3], data: cell ?? newFloats(9) };
}

function putBox(
  row: Row,
  box: Pick<ReadFrame, "cell" | "pbc">,
  wanted: ReadonlySet<string> | undefined,
): void {
  if (wants(wanted, "cell")) row.cell = cellOf(box);
  if (!wants(wanted, "pbc")) return;
  const [a, b, c] = box.pbc;
  row.pbc = { dtype: "bool", shape: [3], data: Uint8Array.of(a ? 1 : 0, b ? 1 : 0, c ? 1 : 0) };
}

/** A frame whose last line has no line end gets one: it is what stops the loops that read it. */
function withLineEnd(frame: FrameBytes): FrameBytes {
  const { bytes, start, end } = frame;
  const last = bytes[end - 1];
  if (end > start && (last === 10 || last === 13)) return frame;
  const copy = new Uint8Array(end - start + 1);
  copy.set(bytes.subarray(start, end));
  copy[end - start] = 10;
  return { ...textBlock(copy), start: 0, end: copy.length };
}

/** As rows hold it, a scalar may be a 0-d array; in atoms it is plain. */
function plainScalar(value: Value): Value {
  return isNdArray(value) && value.shape.length === 0 ? elementAt(value) : value;
}

/** The dtype to note for a scalar whose plain value would be taken for another (see `Atoms.dtypes`). */
function notedType(value: Value, isResult: boolean): DType | undefined {
  if (typeof value === "number") {
    const looksIntegral = Number.isInteger(value) && !Object.is(value, -0) && Math.abs(value) < 2 ** 63;
    return !isResult && (looksIntegral || value === -(2 ** 63)) ? "float64" : undefined;
  }
  if (!isNdArray(value) || value.shape.length > 0 || value.dtype === "bool") return undefined;
  return value.dtype !== "int64" || isResult ? value.dtype : undefined;
}

function notIndexed(place: FramePlace, found: string): Error {
  const hint = "the file was changed after it was indexed: open it again, without its index file";
  return formatError(place, 0, { found, expected: "the frame that was there before", hint });
}
