import type { FramePlace } from "./errors.js";
import type { FoundFrame } from "./frame-scanner.js";
import { KeyTable } from "./key-table.js";

const HEADER_LIMIT = 2 ** 30;

/**
 * Where the frames of an input are, and which keys and types they have: 16 bytes a frame and a little for each key.
 */
export class FrameIndex {
  readonly path: string;
  readonly keys: KeyTable;
  nFrames = 0;
  /** Lines of all frames. */
  nLines = 0;
  /** Where the last frame ends. */
  end = 0;
  /** No comment has a `=`: comments are text. */
  plain = true;
  /** What a user should know: entries taken by an empty value, text that is ignored. */
  warnings: readonly string[] = [];
  #byteOffsets: Float64Array = new Float64Array(256);
  #atomCounts: Uint32Array = new Uint32Array(256);
  /** Bytes of the count and comment lines in the lower 30 bits, the number of VEC lines in the upper two. */
  #headers: Uint32Array = new Uint32Array(256);

  constructor(path: string, keys: KeyTable = new KeyTable()) {
    this.path = path;
    this.keys = keys;
  }

  /** The columns of the table, for an index file. */
  get columns(): { byteOffsets: Float64Array; atomCounts: Uint32Array; headers: Uint32Array } {
    return {
      byteOffsets: this.#byteOffsets.subarray(0, this.nFrames),
      atomCounts: this.#atomCounts.subarray(0, this.nFrames),
      headers: this.#headers.subarray(0, this.nFrames),
    };
  }

  /** Takes the columns of another table in place of its own, which must be empty. */
  restore(columns: FrameIndex["columns"]): void {
    this.nFrames = columns.byteOffsets.length;
    this.#byteOffsets = columns.byteOffsets;
    this.#atomCounts = columns.atomCounts;
    this.#headers = columns.headers;
    for (let i = 0; i < this.nFrames; i++) this.nLines += 2 + this.atomCount(i) + this.vectorCount(i);
  }

  add(frame: Pick<FoundFrame, "byteOffset" | "byteLength" | "headerLength" | "nAtoms" | "nVectors">): void {
    const i = this.nFrames++;
    if (i >= this.#byteOffsets.length) this.#grow();
    this.#byteOffsets[i] = frame.byteOffset;
    this.#atomCounts[i] = frame.nAtoms;
    this.#headers[i] = frame.headerLength + frame.nVectors * HEADER_LIMIT;
    this.end = frame.byteOffset + frame.byteLength;
    this.nLines += 2 + frame.nAtoms + frame.nVectors;
  }

  #grow(): void {
    const columns = this.columns;
    const length = Math.max(256, 2 * columns.byteOffsets.length);
    this.#byteOffsets = new Float64Array(length);
    this.#atomCounts = new Uint32Array(length);
    this.#headers = new Uint32Array(length);
    this.#byteOffsets.set(columns.byteOffsets);
    this.#atomCounts.set(columns.atomCounts);
    this.#headers.set(columns.headers);
  }

  byteOffset(frame: number): number {
    return this.#byteOffsets[frame]!;
  }

  byteLength(frame: number): number {
    const end = frame + 1 < this.nFrames ? this.#byteOffsets[frame + 1]! : this.end;
    return end - this.#byteOffsets[frame]!;
  }

  atomCount(frame: number): number {
    return this.#atomCounts[frame]!;
  }

  /** Bytes of the count and comment lines. */
  headerLength(frame: number): number {
    return this.#headers[frame]! % HEADER_LIMIT;
  }

  /** Number of VEC lines. */
  vectorCount(frame: number): number {
    return Math.floor(this.#headers[frame]! / HEADER_LIMIT);
  }
}

/** One frame of an index: what is known before it is read, and where it is. */
export class IndexedFrame implements FramePlace {
  readonly frameIndex: number;
  readonly nAtoms: number;
  /** Number of VEC lines after the atoms. */
  readonly nVectors: number;
  readonly #index: FrameIndex;

  constructor(index: FrameIndex, frameIndex: number) {
    this.#index = index;
    this.frameIndex = frameIndex;
    this.nAtoms = index.atomCount(frameIndex);
    this.nVectors = index.vectorCount(frameIndex);
  }

  get path(): string {
    return this.#index.path;
  }

  firstLine(): number {
    let line = 1;
    for (let i = 0; i < this.frameIndex; i++)
      line += 2 + this.#index.atomCount(i) + this.#index.vectorCount(i);
    return line;
  }
}
