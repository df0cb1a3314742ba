import {
  type Atoms,
  type Column,
  closed,
  type Row,
  type RowSchema,
  resolveIndex,
  rowToAtoms,
  StowageError,
  type SyncByteSource,
  type TaskOptions,
} from "@stowage/core";
import { XyzKernel } from "@stowage/mmap";
import { blockReader, runSync } from "./byte-requests.js";
import type { FrameIndex } from "./frame-index.js";
import { type FrameBlock, FrameReader, indexFrames } from "./frame-reader.js";
import { loadIndex, saveIndex, stateOf } from "./index-file.js";
import { openPath } from "./path-source.js";
import type { RowBatches } from "./row-batches.js";
import { type TextBlock, textBlock } from "./text-block.js";

export interface XyzReadOptions extends TaskOptions {
  /**
   * A file that keeps the frame index from one opening to the next, so that a large file is scanned once. It is made
   * where missing, and made anew where it does not belong to the file as it is now. Only for files opened by path.
   */
  indexPath?: string;
}

/**
 * An XYZ file, plain or extended, open for reading. Frames are read when asked for.
 *
 * @example
 * ```ts
 * using file = XyzFile.open("train.xyz");
 * console.log(file.length, file.at(-1).formula);
 * for (const atoms of file) console.log(atoms.calc.energy);
 * ```
 */
export class XyzFile implements Iterable<Atoms> {
  readonly name: string;
  readonly #source: SyncByteSource;
  readonly #index: FrameIndex;
  readonly #reader: FrameReader;
  #open = true;

  private constructor(source: SyncByteSource, index: FrameIndex) {
    this.name = source.name;
    this.#source = source;
    this.#index = index;
    this.#reader = new FrameReader(index, XyzKernel.of(source));
  }

  /**
   * Opens a file and finds its frames.
   *
   * @param file  A path, or bytes from anywhere; `close` closes them.
   * @throws {StowageError} ERR_XYZ_FORMAT, ERR_FILE_MISSING, ERR_FILE_ACCESS
   */
  static open(file: string | SyncByteSource, options: XyzReadOptions = {}): XyzFile {
    const source = typeof file === "string" ? openPath(file) : file;
    try {
      return new XyzFile(source, indexOf(file, source, options));
    } catch (error) {
      source.close();
      throw error;
    }
  }

  /** Number of frames. */
  get length(): number {
    return this.#index.nFrames;
  }

  /** All keys with their types; no frame has to be read for it. */
  get schema(): RowSchema {
    return this.#index.keys.schema(this.length);
  }

  /** Number of atoms of each frame; no frame has to be read for it. */
  get atomCounts(): Uint32Array {
    return this.#index.columns.atomCounts.slice();
  }

  /** Oddities that the reader met. */
  get warnings(): readonly string[] {
    return this.#index.warnings;
  }

  /**
   * One structure; a negative index counts from the end.
   *
   * @throws {StowageError} ERR_INDEX_RANGE, ERR_XYZ_FORMAT
   */
  at(index: number): Atoms {
    return rowToAtoms(this.row(index));
  }

  /** One frame as a row, with exact types. @throws {StowageError} ERR_INDEX_RANGE, ERR_XYZ_FORMAT */
  row(index: number): Row {
    return this.getMany([resolveIndex(index, this.length, this.name)])[0]!;
  }

  /**
   * The rows at these indices (0 to length - 1), in this order; neighbours share a read.
   *
   * @param keys  Only these row keys. Default: all.
   * @throws {StowageError} ERR_INDEX_RANGE, ERR_XYZ_FORMAT
   */
  getMany(indices: ArrayLike<number>, keys?: readonly string[]): Row[] {
    this.#checkOpen();
    return runSync(this.#reader.rows(indices, keys), this.#source);
  }

  /**
   * The values of one row key. For keys of comment lines no atom line is decoded.
   *
   * @param indices  Default: all frames.
   */
  column(key: string, indices: ArrayLike<number> = everyIndex(this.length)): Column {
    this.#checkOpen();
    return runSync(this.#reader.column(key, indices), this.#source);
  }

  /** The structures in order, read in large blocks. */
  *[Symbol.iterator](): Generator<Atoms, void, undefined> {
    const read = blockReader(this.#source);
    const batches = this.#reader.batches(everyIndex(this.length));
    for (const block of this.#reader.blocks()) {
      this.#checkOpen();
      const { frames, error } = this.#decode(block, textBlock(read(block)), batches);
      // Nobody gets a frame of a file that was cut while it was read.
      this.#source.check?.();
      yield* frames;
      if (error !== undefined) throw error;
    }
  }

  /** The frames of a block, up to the first one that is wrong. */
  #decode(
    block: FrameBlock,
    text: TextBlock,
    batches: RowBatches | null,
  ): { frames: Atoms[]; error?: unknown } {
    const frames: Atoms[] = [];
    try {
      for (let frame = block.first; frame < block.last; frame++)
        frames.push(this.#reader.atoms(frame, text, block, batches));
      return { frames };
    } catch (error) {
      return { frames, error };
    }
  }

  close(): void {
    this.#open = false;
    this.#source.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #checkOpen(): void {
    if (!this.#open) throw closed(this.name);
  }
}

/** The index of a source, from a file where that is asked for. */
function indexOf(file: string | SyncByteSource, source: SyncByteSource, options: XyzReadOptions): FrameIndex {
  const { indexPath } = options;
  const build = (): FrameIndex =>
    runSync(indexFrames(source.name, source.byteLength, options, XyzKernel.of(source)), source).index;
  if (indexPath === undefined) return build();
  if (typeof file !== "string") {
    throw new StowageError(
      "ERR_OPTION",
      `Cannot keep an index of ${source.name}: only files opened by path have one`,
      { option: "indexPath", value: indexPath },
    );
  }
  const state = stateOf(file, source);
  const known = loadIndex(indexPath, file, state);
  if (known !== null) return known;
  const index = build();
  saveIndex(indexPath, index, state);
  return index;
}

/** 0 to length - 1 */
export function everyIndex(length: number): Uint32Array {
  return Uint32Array.from({ length }, (_, i) => i);
}
