import {
  type Atoms,
  BlobSource,
  type ByteSource,
  type Column,
  closed,
  type Row,
  type RowSchema,
  resolveIndex,
  rowToAtoms,
  type TaskOptions,
} from "@stowage/core";
import { run } from "./byte-requests.js";
import type { FrameIndex } from "./frame-index.js";
import { FrameReader, indexFrames } from "./frame-reader.js";
import { textBlock } from "./text-block.js";
import { everyIndex } from "./xyz-file.js";

/** An XYZ file behind something that answers later: a Blob, a URL. What {@link XyzFile} does at once. */
export class RemoteXyz implements AsyncIterable<Atoms> {
  readonly name: string;
  readonly #source: ByteSource;
  readonly #index: FrameIndex;
  readonly #reader: FrameReader;
  #open = true;

  /** @internal Made by {@link openXyz}. */
  constructor(source: ByteSource, index: FrameIndex) {
    this.name = source.name;
    this.#source = source;
    this.#index = index;
    this.#reader = new FrameReader(index);
  }

  /** Number of frames. */
  get length(): number {
    return this.#index.nFrames;
  }

  /** All keys with their types. */
  get schema(): RowSchema {
    return this.#index.keys.schema(this.length);
  }

  /** Number of atoms of each frame. */
  get atomCounts(): Uint32Array {
    return this.#index.columns.atomCounts.slice();
  }

  /** Oddities that the reader met. */
  get warnings(): readonly string[] {
    return this.#index.warnings;
  }

  /** One structure; a negative index counts from the end. @throws {StowageError} ERR_INDEX_RANGE, ERR_XYZ_FORMAT */
  async at(index: number, options: { signal?: AbortSignal } = {}): Promise<Atoms> {
    return rowToAtoms(await this.row(index, options));
  }

  /** One frame as a row, with exact types. @throws {StowageError} ERR_INDEX_RANGE, ERR_XYZ_FORMAT */
  async row(index: number, options: { signal?: AbortSignal } = {}): Promise<Row> {
    const rows = await this.getMany([resolveIndex(index, this.length, this.name)], undefined, options);
    return rows[0]!;
  }

  /** The rows at these indices, in this order; neighbours share a read. @throws {StowageError} ERR_INDEX_RANGE */
  async getMany(
    indices: ArrayLike<number>,
    keys?: readonly string[],
    options: { signal?: AbortSignal } = {},
  ): Promise<Row[]> {
    this.#checkOpen();
    return run(this.#reader.rows(indices, keys), this.#source, options.signal);
  }

  /** The values of one row key. For keys of comment lines no atom line is decoded. */
  async column(
    key: string,
    indices: ArrayLike<number> = everyIndex(this.length),
    options: { signal?: AbortSignal } = {},
  ): Promise<Column> {
    this.#checkOpen();
    return run(this.#reader.column(key, indices), this.#source, options.signal);
  }

  /** The structures in order, read in large blocks. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Atoms, void, undefined> {
    for (const block of this.#reader.blocks()) {
      this.#checkOpen();
      const text = textBlock(await this.#source.read(block.byteOffset, block.byteLength));
      for (let frame = block.first; frame < block.last; frame++) yield this.#reader.atoms(frame, text, block);
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

/**
 * Opens an XYZ file that is not on this machine's disk, and finds its frames in one pass.
 *
 * @param input  A Blob or File, or bytes from anywhere; `close` closes them.
 * @throws {StowageError} ERR_XYZ_FORMAT, or what the source throws; the signal's reason when aborted.
 *
 * @example
 * ```ts
 * using file = await openXyz(new Blob([text]));
 * console.log((await file.at(0)).formula);
 * ```
 */
export async function openXyz(input: Blob | ByteSource, options: TaskOptions = {}): Promise<RemoteXyz> {
  const source = input instanceof Blob ? new BlobSource(input) : input;
  try {
    const builder = await run(indexFrames(source.name, source.byteLength, options), source, options.signal);
    return new RemoteXyz(source, builder.index);
  } catch (error) {
    source.close();
    throw error;
  }
}
