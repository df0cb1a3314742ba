import {
  planReads,
  resolveIndex,
  type SyncByteSource,
  slabAllocateUnset,
  slabKeepUnset,
  slabPeekUnset,
} from "@stowage/core";
import type { AtpReader, FileByteSource, MapKernels } from "@stowage/mmap";
import { type Codec, codecOf } from "./codec.js";
import { formatError, recordError } from "./errors.js";
import { committedEnd, type Header } from "./header.js";
import { IndexBlock, type IndexEntry } from "./index-block.js";
import { commitOf } from "./native-commit.js";
import type { AtpWriter } from "./writer.js";

/** One read serves many records; a molecule keeps the block it came in alive, so blocks stay small. */
const SHARED_BLOCK_BYTES = 256 << 10;
/** Most records take less: so much room is shown to the kernel before their size is known. */
const DIRECT_BYTES = 4096;
const ITERATION_BATCH = 256;
const ITERATION_BYTES = 1 << 20;

/** One molecule of a batch, and where its record is. */
export interface BatchEntry {
  readonly index: number;
  readonly entry: IndexEntry;
}

/** The records of one commit, and of what was appended after it: found by index, read and decompressed. */
export class RecordReader {
  readonly index: IndexBlock;
  readonly #source: SyncByteSource;
  readonly #writer: AtpWriter | null;
  readonly #dataStart: number;
  readonly #committedEnd: number;
  readonly #codec: Codec;
  readonly #kernels: MapKernels | null;
  readonly #direct: AtpReader | null;
  #stored = new Uint8Array(0);

  /**
   * @param kernels  Of the source, if it is a map.
   * @throws {StowageError} ERR_ATP_FORMAT
   */
  constructor(source: SyncByteSource, header: Header, writer: AtpWriter | null, kernels: MapKernels | null) {
    this.index = new IndexBlock(source, header);
    this.#source = source;
    this.#writer = writer;
    this.#dataStart = header.dataStart;
    this.#committedEnd = committedEnd(header);
    this.#codec = codecOf(header.codec, header.level);
    this.#kernels = kernels;
    this.#direct = kernels === null || header.indexLength === 0 ? null : kernels.atpReader(commitOf(header));
  }

  /** Number of records. */
  get length(): number {
    return this.index.length + (this.#writer?.pending.length ?? 0);
  }

  /** @param index  0 to length - 1. */
  entry(index: number): IndexEntry {
    const committed = this.index.length;
    return index < committed ? this.index.entry(index) : this.#writer!.pending.entry(index - committed);
  }

  /**
   * The entries of a batch, in the order of the indices, which may count from the end.
   *
   * @throws {StowageError} ERR_ATP_FORMAT if they take more bytes than there are: records do not overlap, and a
   * crafted index that says so must not fill the memory.
   */
  entries(indices: ArrayLike<number>): BatchEntry[] {
    const { length } = this;
    const { name } = this.#source;
    const batch = Array.from(indices, (given) => {
      const index = resolveIndex(given, length, name);
      return { index, entry: this.entry(index) };
    });
    const dataBytes = Math.max(this.#source.byteLength, this.#writer?.end ?? 0) - this.#dataStart;
    if (storedBytes(batch) <= dataBytes) return batch;
    const distinct = new Map(batch.map((each) => [each.index, each]));
    if (storedBytes([...distinct.values()]) <= dataBytes) return batch;
    throw formatError(name, "the records of its index overlap");
  }

  /** As many indices from `start` on as may be in memory together. */
  indicesFrom(start: number): number[] {
    const stop = Math.min(start + ITERATION_BATCH, this.length);
    const indices = [start];
    let bytes = this.entry(start).recordSize;
    for (let index = start + 1; index < stop; index++) {
      bytes += this.entry(index).recordSize;
      if (bytes > ITERATION_BYTES) break;
      indices.push(index);
    }
    return indices;
  }

  /**
   * One record by the native kernel, at a place of its own where positions suit any element type.
   *
   * @param index  0 to length - 1.
   * @returns `null` where there is no kernel, or the record needs a closer look.
   */
  readDirect(index: number): Uint8Array | null {
    if (this.#direct === null || index >= this.index.length) return null;
    let place = slabPeekUnset(DIRECT_BYTES);
    let size = this.#direct.read(index, place.buffer, place.byteOffset + 4);
    if (size < -1) {
      place = slabPeekUnset(4 - 2 - size);
      size = this.#direct.read(index, place.buffer, place.byteOffset + 4);
    }
    if (size < 0) return null;
    slabKeepUnset(place, 4 + size);
    return new Uint8Array(place.buffer, place.byteOffset + 4, size);
  }

  /** The bytes of one record, decompressed, in memory of their own, where positions suit any element type. */
  read(index: number, entry: IndexEntry): Uint8Array {
    this.#makeReadable(entry);
    const { byteOffset, storedSize } = entry;
    const record = recordMemory(entry.recordSize);
    if (this.#codec.name === "none") this.#source.readIntoSync(record, byteOffset);
    else if (this.#kernels?.decompress(this.#codec.name, byteOffset, storedSize, record) !== true) {
      this.#decompress(this.#readStored(byteOffset, storedSize), record, index);
    }
    return record;
  }

  /**
   * Reads many records with few reads.
   *
   * @param keep  Whether the bytes handed out stay in use; if not, one block of memory serves all.
   */
  readMany(
    batch: readonly BatchEntry[],
    keep: boolean,
    use: (slot: number, bytes: Uint8Array) => void,
  ): void {
    if (keep && this.#source.resident) {
      this.#copyMany(batch, use);
      return;
    }
    for (const { entry } of batch) this.#makeReadable(entry);
    const offsets = batch.map(({ entry }) => entry.byteOffset);
    const sizes = batch.map(({ entry }) => entry.storedSize);
    const compressed = this.#codec.name !== "none";
    for (const read of planReads(offsets, sizes, { maxBytes: SHARED_BLOCK_BYTES })) {
      const block =
        compressed || !keep
          ? this.#readStored(read.byteOffset, read.byteLength)
          : this.#source.readSync(read.byteOffset, read.byteLength);
      for (const slot of read.members) {
        const { entry, index } = batch[slot]!;
        const start = entry.byteOffset - read.byteOffset;
        const stored = block.subarray(start, start + entry.storedSize);
        if (!compressed) {
          use(slot, stored);
          continue;
        }
        const record = recordMemory(entry.recordSize);
        this.#decompress(stored, record, index);
        use(slot, record);
      }
    }
    this.#source.check?.();
  }

  /** Records in memory of their own, which they keep when the source is closed. */
  #copyMany(batch: readonly BatchEntry[], use: (slot: number, bytes: Uint8Array) => void): void {
    for (const { entry } of batch) this.#makeReadable(entry);
    for (let start = 0; start < batch.length; ) {
      const { bytes, ends } = this.#decompressFrom(batch, start);
      const count = Math.max(1, ends.length);
      for (let slot = start; slot < start + count; slot++) {
        const { index, entry } = batch[slot]!;
        const end = ends[slot - start]!;
        use(slot, bytes === null ? this.read(index, entry) : bytes.subarray(end - entry.recordSize, end));
      }
      start += count;
    }
  }

  /**
   * Decompresses as many records as fit a block, on all cores.
   *
   * @returns Where each ends. `null` for bytes where there is nothing to decompress, no kernel, or damage: then these
   * records, and one at least, are to be read alone.
   */
  #decompressFrom(
    batch: readonly BatchEntry[],
    start: number,
  ): { bytes: Uint8Array | null; ends: readonly number[] } {
    const ends: number[] = [];
    if (this.#kernels === null || this.#codec.name === "none") return { bytes: null, ends };
    const jobs: number[] = [];
    let end = 0;
    for (let slot = start; slot < batch.length; slot++) {
      const { byteOffset, storedSize, recordSize } = batch[slot]!.entry;
      // Positions, 4 bytes in, lie at a multiple of 8.
      const at = ((end + 7) & ~7) + 4;
      if (at + recordSize > ITERATION_BYTES) break;
      end = at + recordSize;
      jobs.push(byteOffset, storedSize, at, recordSize);
      ends.push(end);
    }
    if (ends.length === 0) return { bytes: null, ends };
    const bytes = new Uint8Array(end);
    const done = this.#kernels.decompressMany(this.#codec.name, Float64Array.from(jobs), bytes);
    return { bytes: done ? bytes : null, ends };
  }

  /** Stored bytes in memory that the next call reuses. */
  #readStored(byteOffset: number, byteLength: number): Uint8Array {
    if (this.#source.resident) return this.#source.readSync(byteOffset, byteLength);
    if (byteLength > this.#stored.length) this.#stored = new Uint8Array(Math.max(1 << 16, byteLength));
    const bytes = this.#stored.subarray(0, byteLength);
    this.#source.readIntoSync(bytes, byteOffset);
    return bytes;
  }

  #decompress(stored: Uint8Array, record: Uint8Array, index: number): void {
    const wrong = this.#codec.decompress(stored, record);
    if (wrong === null) return;
    this.#source.check?.();
    throw recordError(this.#source.name, index, `its ${this.#codec.name} data is damaged: ${wrong}`);
  }

  /** Records that are still in the write buffer go to the operating system first. */
  #makeReadable(entry: IndexEntry): void {
    const end = entry.byteOffset + entry.storedSize;
    if (this.#writer === null || end <= this.#committedEnd) return;
    if (end > this.#writer.byteLength) this.#writer.writeBuffered();
    // Longer counts too: then it is the length of before, with a tail that the writer has cut off.
    if (this.#source.byteLength !== this.#writer.byteLength) (this.#source as FileByteSource).refresh();
  }
}

function storedBytes(batch: readonly BatchEntry[]): number {
  return batch.reduce((sum, { entry }) => sum + entry.storedSize, 0);
}

/** Memory for a record in which its positions, 4 bytes in, lie at a multiple of 8. */
function recordMemory(byteLength: number): Uint8Array {
  const { buffer, byteOffset } = slabAllocateUnset(byteLength + 4);
  return new Uint8Array(buffer, byteOffset + 4, byteLength);
}
