import { slabAllocateUnset } from "@stowage/core";
import { XyzColumn, type XyzKernel } from "@stowage/mmap";
import { type Column, type ColumnData, columnKind } from "./atom-lines.js";
import type { FrameIndex } from "./frame-index.js";
import type { Properties } from "./properties.js";

/** Text that one call reads, at most, unless a frame alone is longer. */
const BATCH_BYTES = 4 << 20;
/** Less text is read sooner than a call is made. */
const LEAST_BYTES = 1 << 12;
/** Arrays of many frames share memory of this size: whoever keeps one frame keeps no more than that. */
const GROUP_BYTES = 1 << 18;

/** The columns of atom lines as the kernel knows them. */
interface KernelColumns {
  readonly properties: Properties;
  /** One for each property up to the last one that is wanted. */
  readonly kinds: readonly KernelKind[];
  readonly counts: readonly number[];
  /** Two numbers each, for the kernel. */
  readonly numbers: Uint32Array;
  /** Of one atom. */
  readonly rowBytes: number;
}

type KernelKind = keyof typeof XyzColumn;

const ITEM_BYTES: Record<KernelKind, number> = { symbol: 1, real: 8, integer: 4, skip: 0 };

/** Where the values of a column of some frames are. */
interface GroupColumn {
  readonly buffer: ArrayBuffer;
  readonly byteOffset: number;
}

/** Frames that were read together. */
interface Batch {
  readonly columns: KernelColumns;
  /** Place of the first in the pass. */
  readonly first: number;
  readonly count: number;
  readonly read: Uint8Array;
  /** For each frame: its group, and the row in it of its first atom. */
  readonly groups: Uint32Array;
  readonly firstRows: Uint32Array;
  readonly memory: readonly GroupColumn[][];
}

/**
 * One pass over frames, of which the native kernel reads the atom lines, those of many frames at a time.
 *
 * The columns of a frame are known once its comment is read. Frames that follow are taken to have the same: as long as
 * that proves right, each batch is twice as long as the one before.
 */
export class RowBatches {
  readonly #kernel: XyzKernel;
  readonly #index: FrameIndex;
  readonly #frames: ArrayLike<number>;
  readonly #wanted: ReadonlySet<string> | undefined;
  #columns: KernelColumns | null = null;
  #columnsOf: Properties | null = null;
  #batch: Batch | null = null;
  #size = 1;

  /**
   * @param frames  All that are to be read, in this order.
   * @param wanted  Row keys to read. Default: all.
   */
  constructor(kernel: XyzKernel, index: FrameIndex, frames: ArrayLike<number>, wanted?: ReadonlySet<string>) {
    this.#kernel = kernel;
    this.#index = index;
    this.#frames = frames;
    this.#wanted = wanted;
  }

  /**
   * The columns of the atom lines of a frame.
   *
   * @param place         Of the frame in the pass.
   * @param headerLength  Bytes before the atom lines, as they are found now.
   * @returns The data of each property; `null` for a frame that needs a closer look, or is too short to be worth it.
   */
  take(place: number, properties: Properties, headerLength: number): ColumnData[] | null {
    if (headerLength !== this.#index.headerLength(this.#frames[place]!)) return null;
    let batch = this.#batch;
    const isNext = batch !== null && place >= batch.first && place < batch.first + batch.count;
    if (batch === null || !isNext || batch.columns.properties !== properties) {
      // A guess that was wrong costs no more than what was right before.
      this.#size = isNext ? 1 : 2 * this.#size;
      batch = this.#read(place, properties);
      this.#batch = batch;
    }
    if (batch === null || batch.read[place - batch.first] !== 1) return null;
    return this.#columnsOfFrame(batch, place);
  }

  #columnsOfFrame({ columns, first, groups, firstRows, memory }: Batch, place: number): ColumnData[] {
    const nAtoms = this.#index.atomCount(this.#frames[place]!);
    const row = firstRows[place - first]!;
    const group = memory[groups[place - first]!]!;
    const { kinds, counts, properties } = columns;
    const data = new Array<ColumnData>(properties.columns.length).fill(null);
    for (let i = 0; i < kinds.length; i++) {
      const { buffer, byteOffset } = group[i]!;
      const count = counts[i]!;
      switch (kinds[i]) {
        case "symbol":
          data[i] = new Uint8Array(buffer, byteOffset + row, nAtoms);
          break;
        case "real":
          data[i] = new Float64Array(buffer, byteOffset + 8 * count * row, count * nAtoms);
          break;
        case "integer":
          data[i] = new Int32Array(buffer, byteOffset + 4 * count * row, count * nAtoms);
          break;
      }
    }
    return data;
  }

  /** Reads the frames from a place on; `null` if that one cannot be read this way, or not at a profit. */
  #read(first: number, properties: Properties): Batch | null {
    if (this.#columnsOf !== properties) {
      this.#columnsOf = properties;
      this.#columns = kernelColumns(properties, this.#wanted);
    }
    const columns = this.#columns;
    const count = columns === null ? 0 : this.#count(first, columns);
    if (columns === null || count === 0) return null;
    const numbers = new Float64Array(3 * count);
    const groups = new Uint32Array(count);
    const firstRows = new Uint32Array(count);
    const sizes: number[] = [];
    const rows: number[] = [];
    let group = -1;
    for (let i = 0; i < count; i++) {
      const frame = this.#frames[first + i]!;
      const start = this.#index.byteOffset(frame);
      const nAtoms = this.#index.atomCount(frame);
      numbers[3 * i] = start + this.#index.headerLength(frame);
      numbers[3 * i + 1] = start + this.#index.byteLength(frame);
      numbers[3 * i + 2] = nAtoms;
      if (group < 0 || (rows[group]! + nAtoms) * columns.rowBytes > GROUP_BYTES) {
        group++;
        sizes.push(0);
        rows.push(0);
      }
      groups[i] = group;
      firstRows[i] = rows[group]!;
      sizes[group]!++;
      rows[group]! += nAtoms;
    }
    const outputs: Uint8Array[] = [];
    const memory = rows.map((nRows) =>
      columns.kinds.map((kind, i) => {
        const byteLength = nRows * ITEM_BYTES[kind] * columns.counts[i]!;
        const { buffer, byteOffset } = slabAllocateUnset(byteLength);
        outputs.push(new Uint8Array(buffer, byteOffset, byteLength));
        return { buffer, byteOffset };
      }),
    );
    const read = new Uint8Array(count);
    this.#kernel.rows(columns.numbers, numbers, Uint32Array.from(sizes), outputs, read);
    return { columns, first, count, read, groups, firstRows, memory };
  }

  /** How many frames the next batch has. */
  #count(first: number, columns: KernelColumns): number {
    const index = this.#index;
    const last = Math.min(first + this.#size, this.#frames.length);
    let bytes = 0;
    let place = first;
    for (; place < last && bytes < BATCH_BYTES; place++) {
      const frame = this.#frames[place]!;
      const nAtoms = index.atomCount(frame);
      const length = index.byteLength(frame) - index.headerLength(frame);
      // Each value takes a byte and a separator: nobody gets memory for columns that the lines cannot hold.
      const mayFit = nAtoms * columns.properties.nColumns * 2 <= length;
      if (nAtoms === 0 || index.vectorCount(frame) > 0 || !mayFit) break;
      bytes += length;
    }
    return bytes < LEAST_BYTES ? 0 : place - first;
  }
}

/** `null` if there is a column that the kernel does not know, or none that is wanted. */
function kernelColumns(properties: Properties, wanted?: ReadonlySet<string>): KernelColumns | null {
  const all = properties.columns.map((property): Column["kind"] => columnKind(property, wanted, 1));
  const kinds = all.slice(0, all.findLastIndex((kind) => kind !== "skip") + 1);
  if (kinds.length === 0 || !kinds.every(isKernelKind)) return null;
  const counts = kinds.map((_, i) => properties.columns[i]!.count);
  const numbers = Uint32Array.from(kinds.flatMap((kind, i) => [XyzColumn[kind], counts[i]!]));
  const rowBytes = kinds.reduce((sum, kind, i) => sum + ITEM_BYTES[kind] * counts[i]!, 0);
  return { properties, kinds, counts, numbers, rowBytes };
}

function isKernelKind(kind: Column["kind"]): kind is KernelKind {
  return kind in XyzColumn;
}
