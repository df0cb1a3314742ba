import { type Field, quote } from "@stowage/core";
import { XyzFrame } from "@stowage/mmap";
import { fieldOfColumn } from "./atom-columns.js";
import { hasEquals } from "./comment-bytes.js";
import { CommentReader } from "./comment-reader.js";
import { atPlace } from "./errors.js";
import type { FrameIndex } from "./frame-index.js";
import { type FoundFrame, FrameScanner } from "./frame-scanner.js";
import { JSON_FIELD, type ValueTypes } from "./key-table.js";
import type { Properties, PropertyColumn } from "./properties.js";
import type { TextBlock } from "./text-block.js";

/** What every frame has. */
const GEOMETRY: readonly [string, Field][] = [
  ["cell", { dtype: "float64", shape: [3, 3], perAtom: false }],
  ["pbc", { dtype: "bool", shape: [3], perAtom: false }],
  ["arrays.numbers", { dtype: "uint8", shape: [null], perAtom: true }],
  ["arrays.positions", { dtype: "float64", shape: [null, 3], perAtom: true }],
];

/** Lists of columns whose types are remembered. */
const MAX_LISTS = 100;

/** The types of one column; its field where that is the same in all frames. */
interface ColumnTypes {
  readonly column: PropertyColumn;
  readonly types: ValueTypes;
  readonly field: Field | null;
}

/**
 * Builds a {@link FrameIndex} from bytes that are pushed block by block, from the first on; after `finish`, bytes that
 * were added to the input can be pushed too.
 *
 * Comments without `=` are text if no other comment has one, which may show late: `mustRestart` is set then, and the
 * input has to be pushed again, to a builder of an index that is not plain from the beginning.
 */
export class FrameIndexBuilder {
  /** Complete after `finish`. */
  readonly index: FrameIndex;
  /** Push no more, and begin again. */
  mustRestart = false;

  #scanner: FrameScanner | null = null;
  readonly #reader: CommentReader;
  readonly #geometry: readonly [ValueTypes, Field][];
  readonly #columnTypes = new Map<Properties, { arrays: ColumnTypes[]; results: ColumnTypes[] }>();
  #repeatable: ValueTypes[] | null = null;
  readonly #swallowed = new Map<string, { text: string; line: number; count: number }>();

  /** @param index  To be continued, at its `end`. */
  constructor(index: FrameIndex) {
    this.index = index;
    this.#reader = new CommentReader(index.keys);
    this.#geometry = GEOMETRY.map(([rowKey, field]) => [index.keys.typesOf(rowKey), field]);
  }

  /** @throws {StowageError} ERR_XYZ_FORMAT */
  push(bytes: Uint8Array): void {
    this.#scanner ??= new FrameScanner((frame) => this.#add(frame), this.index);
    this.#scanner.push(bytes);
  }

  /**
   * Takes frames that somebody else has found, before the first `push`.
   *
   * @param text        Holds their comments.
   * @param textOffset  Of the text in the input.
   * @param found       The numbers of {@link XyzFrame} for each.
   * @throws {StowageError} ERR_XYZ_FORMAT
   */
  pushFound(text: TextBlock, textOffset: number, found: Float64Array): void {
    const { size, start, commentStart, commentEnd, rows, end, nAtoms, alike } = XyzFrame;
    for (let at = 0; at < found.length && !this.mustRestart; at += size) {
      const byteOffset = found[at + start]!;
      const frame: FoundFrame = {
        byteOffset,
        byteLength: found[at + end]! - byteOffset,
        headerLength: found[at + rows]! - byteOffset,
        nAtoms: found[at + nAtoms]!,
        nVectors: 0,
        comment: text,
        // Less than 2^31, and integers to the engine too.
        commentStart: (found[at + commentStart]! - textOffset) | 0,
        commentEnd: (found[at + commentEnd]! - textOffset) | 0,
        firstLine: this.index.nLines + 1,
      };
      if (found[at + alike] === 1 && this.#repeatable !== null) {
        this.index.add(frame);
        for (const types of this.#repeatable) types.present++;
      } else {
        this.#add(frame);
        this.#repeatable = this.#typesOfLast();
      }
    }
  }

  /**
   * The types that the last frame has entered, if a frame with a comment like its comment is sure to enter the same and
   * nothing else; `null` if it is not.
   */
  #typesOfLast(): ValueTypes[] | null {
    const { isPlain, swallowed, properties, entries } = this.#reader;
    if (this.mustRestart || !isPlain || swallowed !== null || properties.mask !== null) return null;
    const columns = Object.values(this.#typesOf(properties)).flat();
    if (columns.some(({ field }) => field === null)) return null;
    const types = new Set([...this.#geometry.map(([of]) => of), ...columns.map((column) => column.types)]);
    for (const { values } of entries.keys.slice(0, entries.count)) types.add(values);
    return [...types];
  }

  /** Ends the input. @throws {StowageError} ERR_XYZ_FORMAT if it ends inside a frame. */
  finish(): FrameIndex {
    this.#scanner?.finish();
    this.index.warnings = this.#warnings(this.#scanner?.ignoredAfter ?? 0);
    this.#scanner = null;
    return this.index;
  }

  #add(frame: FoundFrame): void {
    if (this.mustRestart) return;
    const { index } = this;
    index.add(frame);
    try {
      this.#readComment(frame);
    } catch (error) {
      const place = { path: index.path, frameIndex: index.nFrames - 1, firstLine: () => frame.firstLine };
      throw atPlace(error, place, 1);
    }
    if (!this.mustRestart) this.#noteTypes(frame);
  }

  #readComment({ comment, commentStart, commentEnd, nVectors, firstLine }: FoundFrame): void {
    const reader = this.#reader;
    if (nVectors > 0) {
      reader.readAsText(comment, commentStart, commentEnd, true);
      return;
    }
    if (this.index.plain && !hasEquals(comment.bytes, commentStart, commentEnd)) {
      reader.readAsText(comment, commentStart, commentEnd, false);
      return;
    }
    this.mustRestart = this.index.plain && this.index.keys.typesOf("info.comment").present > 0;
    this.index.plain = false;
    if (this.mustRestart) return;
    reader.read(comment, commentStart, commentEnd);
    const { swallowed } = reader;
    if (swallowed === null) return;
    const known = this.#swallowed.get(swallowed.key) ?? {
      text: swallowed.text,
      line: firstLine + 1,
      count: 0,
    };
    known.count++;
    this.#swallowed.set(swallowed.key, known);
  }

  /** Enters the types of a frame, in the order of the keys in rows. */
  #noteTypes({ nAtoms, nVectors }: FoundFrame): void {
    const { entries, properties, serial } = this.#reader;
    for (const [types, field] of this.#geometry) types.add(field);
    if (nVectors > 0) for (const [types] of this.#geometry) types.inAtomLines = true;
    const { arrays, results } = this.#typesOf(properties);
    for (const { column, types, field } of arrays) types.add(field ?? fieldOfColumn(column, nAtoms));
    this.#noteEntries(false);
    for (const { column, types, field } of results) {
      // A result in the comment replaces a column of the same name.
      if (types.lastSeen !== serial) types.add(field ?? fieldOfColumn(column, nAtoms));
    }
    if (entries.count > 0) this.#noteEntries(true);
    if (hasConstraints(properties, nAtoms)) this.index.keys.typesOf("constraints").add(JSON_FIELD);
  }

  #noteEntries(results: boolean): void {
    const { entries } = this.#reader;
    for (let i = 0; i < entries.count; i++) {
      const { values, isResult } = entries.keys[i]!;
      if (isResult === results) values.add(entries.fieldOf(i), entries.isExact(i));
    }
  }

  #typesOf(properties: Properties): { arrays: ColumnTypes[]; results: ColumnTypes[] } {
    const known = this.#columnTypes.get(properties);
    if (known !== undefined) return known;
    const all = properties.extras.map((column): ColumnTypes => {
      const field = fieldOfColumn(column, 0);
      const types = this.index.keys.typesOf(column.rowKey!);
      types.inAtomLines = true;
      return { column, types, field: field.perAtom ? field : null };
    });
    const isArray = ({ types }: ColumnTypes): boolean => types.rowKey.startsWith("arrays.");
    const types = { arrays: all.filter(isArray), results: all.filter((column) => !isArray(column)) };
    if (this.#columnTypes.size === MAX_LISTS) this.#columnTypes.clear();
    this.#columnTypes.set(properties, types);
    return types;
  }

  #warnings(ignoredAfter: number): string[] {
    const warnings = [...this.#swallowed].map(([key, { text, line, count }]) => {
      const times = count === 1 ? "" : ` (and in ${count - 1} more frames)`;
      return `the empty value of ${quote(key)} takes the next entry, as in ASE: ${quote(text)} in line ${line}${times}`;
    });
    if (ignoredAfter > 0)
      warnings.push(`line ${ignoredAfter} is blank, which ends the file: all after it is ignored`);
    return warnings;
  }
}

/** One constraint fixes whole atoms; of those that fix directions there is one an atom. */
function hasConstraints({ mask }: Properties, nAtoms: number): boolean {
  return mask !== null && (mask.count === 1 || nAtoms > 0);
}
