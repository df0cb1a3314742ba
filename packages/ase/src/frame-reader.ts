import {
  type Atoms,
  type Column,
  columnFromValues,
  getKey,
  pickKeys,
  planReads,
  progressReporter,
  type Row,
  StowageError,
  type TaskOptions,
} from "@stowage/core";
import type { XyzKernel } from "@stowage/mmap";
import type { ByteTask } from "./byte-requests.js";
import { type AtomLines, FrameDecoder } from "./frame-decoder.js";
import { FrameIndex, IndexedFrame } from "./frame-index.js";
import { FrameIndexBuilder } from "./frame-index-builder.js";
import { findFrames } from "./native-scan.js";
import { RowBatches } from "./row-batches.js";
import { type TextBlock, textBlock } from "./text-block.js";

/** Bytes read at a time, in passes over a file. */
const BLOCK_LENGTH = 1 << 18;

/** Finds all frames of an input. @param kernel  Finds most of them, if there is one. */
export function* indexFrames(
  path: string,
  byteLength: number,
  options: TaskOptions = {},
  kernel: XyzKernel | null = null,
): ByteTask<FrameIndexBuilder> {
  const report = progressReporter(options, "bytes", byteLength);
  let builder = new FrameIndexBuilder(new FrameIndex(path));
  yield* pushAll(builder, byteLength, report, kernel);
  if (builder.mustRestart) {
    const index = new FrameIndex(path);
    index.plain = false;
    builder = new FrameIndexBuilder(index);
    yield* pushAll(builder, byteLength, report, kernel);
  }
  report.end();
  return builder;
}

function* pushAll(
  builder: FrameIndexBuilder,
  byteLength: number,
  report: (done: number) => void,
  kernel: XyzKernel | null,
): ByteTask<void> {
  if (kernel !== null) yield* findFrames(kernel, builder, byteLength, report);
  for (let at = builder.index.end; at < byteLength && !builder.mustRestart; ) {
    const bytes = yield { byteOffset: at, byteLength: Math.min(BLOCK_LENGTH, byteLength - at) };
    builder.push(bytes);
    at += bytes.length;
    report(at);
  }
  if (!builder.mustRestart) builder.finish();
}

/** Neighbouring frames that one read serves. */
export interface FrameBlock {
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly first: number;
  /** Exclusive. */
  readonly last: number;
}

/** Reads frames of an indexed input. */
export class FrameReader {
  readonly #index: FrameIndex;
  readonly #decoder: FrameDecoder;
  readonly #kernel: XyzKernel | null;

  /** @param kernel  Reads atom lines, if there is one. */
  constructor(index: FrameIndex, kernel: XyzKernel | null = null) {
    this.#index = index;
    this.#kernel = kernel;
    this.#decoder = new FrameDecoder(index.keys, index.plain ? "plain" : "extended");
  }

  /** The frames `[first, last)` in blocks for passes in order. */
  *blocks(first = 0, last: number = this.#index.nFrames): Generator<FrameBlock, void, undefined> {
    const index = this.#index;
    for (let start = first; start < last; ) {
      const byteOffset = index.byteOffset(start);
      let byteLength = index.byteLength(start);
      let end = start + 1;
      while (end < last && byteLength + index.byteLength(end) <= BLOCK_LENGTH)
        byteLength += index.byteLength(end++);
      yield { byteOffset, byteLength, first: start, last: end };
      start = end;
    }
  }

  /** For reading the frames in this order: what reads their atom lines many frames at a time, if something does. */
  batches(frames: ArrayLike<number>, wanted?: ReadonlySet<string>): RowBatches | null {
    return this.#kernel && new RowBatches(this.#kernel, this.#index, frames, wanted);
  }

  /**
   * One structure of a block.
   *
   * @param text     The bytes of the block.
   * @param batches  Of a pass over all frames, in order.
   * @throws {StowageError} ERR_XYZ_FORMAT
   */
  atoms(
    frame: number,
    { bytes, view }: TextBlock,
    block: FrameBlock,
    batches: RowBatches | null = null,
  ): Atoms {
    const start = asInteger(this.#index.byteOffset(frame) - block.byteOffset);
    const end = asInteger(start + this.#index.byteLength(frame));
    const facts = new IndexedFrame(this.#index, frame);
    return this.#decoder.decodeAtoms({ bytes, view, start, end }, facts, linesOf(batches, frame));
  }

  /** The rows at these indices. @throws {StowageError} ERR_INDEX_RANGE, ERR_XYZ_FORMAT */
  *rows(indices: ArrayLike<number>, keys?: readonly string[]): ByteTask<Row[]> {
    const wanted = keys && new Set(keys);
    const headersOnly = keys?.every((key) => !this.#inAtomLines(key)) ?? false;
    const index = this.#index;
    const frames = Array.from(indices, (frame) => this.#check(frame));
    const starts = frames.map((frame) => index.byteOffset(frame));
    const lengths = frames.map((frame) =>
      headersOnly ? index.headerLength(frame) : index.byteLength(frame),
    );
    const rows = new Array<Row>(frames.length);
    const reads = planReads(starts, lengths);
    const order = reads.flatMap(({ members }) => members.map((member) => frames[member]!));
    const batches = order.length > 1 && !headersOnly ? this.batches(order, wanted) : null;
    let place = 0;
    for (const { byteOffset, byteLength, members } of reads) {
      const bytes = yield { byteOffset, byteLength };
      const text = textBlock(bytes);
      for (const member of members) {
        const start = asInteger(starts[member]! - byteOffset);
        const frame = { ...text, start, end: asInteger(start + lengths[member]!) };
        const facts = new IndexedFrame(index, frames[member]!);
        rows[member] = headersOnly
          ? this.#decoder.decodeHeader(frame, facts, wanted!)
          : this.#decoder.decode(frame, facts, linesOf(batches, place++), wanted);
      }
    }
    return keys === undefined ? rows : rows.map((row) => pickKeys(row, keys));
  }

  /** The values of one key; comments are enough for keys that no atom line gives. */
  *column(key: string, indices: ArrayLike<number>): ByteTask<Column> {
    const rows = yield* this.rows(indices, [key]);
    return columnFromValues(
      key,
      rows.map((row) => getKey(row, key)),
    );
  }

  #inAtomLines(key: string): boolean {
    return this.#index.keys.typesOf(key).inAtomLines;
  }

  #check(frame: number): number {
    const { nFrames, path } = this.#index;
    if (Number.isInteger(frame) && frame >= 0 && frame < nFrames) return frame;
    throw new StowageError("ERR_INDEX_RANGE", `Cannot read row ${frame} of ${path}: it has ${nFrames} rows`, {
      index: frame,
      length: nFrames,
    });
  }
}

function linesOf(batches: RowBatches | null, place: number): AtomLines | undefined {
  return batches === null ? undefined : (properties, length) => batches.take(place, properties, length);
}

/** A place in a block as an integer to the engine too: with one that was computed as a float, reading takes twice as long. */
function asInteger(place: number): number {
  return place < 2 ** 31 ? place | 0 : place;
}
