import { layoutError } from "./errors.js";
import { u32 } from "./little-endian.js";
import { fromLatin1, latin1 } from "./names.js";
import { readValue } from "./range.js";
import type { Snapshot } from "./snapshot.js";

// Keys of an asebytes store, all in the main database:
//
//   __meta__count     number of rows, ASCII decimal         __meta__next_sort_key   ASCII decimal, of no use to readers
//   __schema__        names of all fields ever written, with "\n" between them
//   __blk_count__     u32 number of blocks                  __blk_sizes__           u32 each: rows of the block
//   __blk__<u32 i>    block i: u64 sort key of each of its rows, in the order of the rows
//   <sort key>-<name> the value of a field; the sort key in ASCII decimal
//
// A sort key never changes, so that inserting and deleting rows rewrites blocks and no data. A row without fields is
// an empty slot: `None` in Python.

export const COUNT: Uint8Array = latin1("__meta__count");
export const NEXT_SORT_KEY: Uint8Array = latin1("__meta__next_sort_key");
export const SCHEMA: Uint8Array = latin1("__schema__");
export const BLOCK_COUNT: Uint8Array = latin1("__blk_count__");
export const BLOCK_SIZES: Uint8Array = latin1("__blk_sizes__");

/** The key of a block. */
export function blockKey(index: number): Uint8Array {
  const key = new Uint8Array(11);
  key.set(BLOCK);
  new DataView(key.buffer).setUint32(7, index, true);
  return key;
}

const BLOCK = latin1("__blk__");

/** The order of the rows of one commit. Blocks are read when they are needed. */
export class RowIndex {
  readonly count: number;
  /** First row of each block, and the number of rows. */
  readonly starts: readonly number[];
  readonly #snapshot: Snapshot;
  readonly #blocks = new Map<number, DataView>();

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.count = readCount(snapshot);
    this.starts = readStarts(snapshot);
    const total = this.starts.at(-1)!;
    if (total !== this.count) {
      throw layoutError(snapshot.path, "__meta__count", `${this.count}`, `${total}, the rows of all blocks`);
    }
    // Checked before anybody makes an array of so many rows.
    if (8 * total > snapshot.pages.byteLength) {
      const found = `a list of ${total} rows`;
      throw layoutError(snapshot.path, "__blk_sizes__", found, "no more than the file has room for");
    }
  }

  /** Number of the block that holds a row. */
  blockOf(row: number): number {
    return lastAtMost(this.starts, row);
  }

  sortKey(row: number): bigint {
    const block = this.blockOf(row);
    return this.block(block).getBigUint64(8 * (row - this.starts[block]!), true);
  }

  /** The sort keys of a block, u64 each. */
  block(index: number): DataView {
    const known = this.#blocks.get(index);
    if (known !== undefined) return known;
    const bytes = readValue(this.#snapshot, blockKey(index));
    const expected = 8 * (this.starts[index + 1]! - this.starts[index]!);
    if (bytes?.length !== expected) {
      throw layoutError(this.#snapshot.path, `block ${index}`, sizeOf(bytes), `${expected} bytes`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#blocks.size >= MAX_BLOCKS) this.#blocks.clear();
    this.#blocks.set(index, view);
    return view;
  }
}

/** Position of the last of ascending numbers that is not above `value`; 0 if there is none. */
export function lastAtMost(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! <= value) low = middle;
    else high = middle;
  }
  return low;
}

/** Blocks that are kept: 32 MiB of sort keys, of four million rows. */
const MAX_BLOCKS = 4096;

/** The number that the next new row gets as its sort key. */
export function nextSortKey(snapshot: Snapshot): bigint {
  const bytes = readValue(snapshot, NEXT_SORT_KEY);
  if (bytes === undefined) return 0n;
  const text = fromLatin1(bytes.subarray(0, 40));
  if (/^\d{1,19}$/.test(text)) return BigInt(text);
  throw layoutError(snapshot.path, "__meta__next_sort_key", JSON.stringify(text), "a decimal number");
}

/** The names of all fields ever written, sorted by their bytes. */
export function schemaNames(snapshot: Snapshot): string[] {
  const bytes = readValue(snapshot, SCHEMA);
  return bytes === undefined || bytes.length === 0 ? [] : fromLatin1(bytes).split("\n");
}

const indices = new WeakMap<Snapshot, RowIndex>();

/** Of a commit, read once. */
export function rowIndex(snapshot: Snapshot): RowIndex {
  let index = indices.get(snapshot);
  if (index === undefined) {
    index = new RowIndex(snapshot);
    indices.set(snapshot, index);
  }
  return index;
}

function readCount(snapshot: Snapshot): number {
  const { path, meta } = snapshot;
  const bytes = readValue(snapshot, COUNT);
  if (bytes === undefined) {
    if (meta.main.entries === 0) return 0;
    throw layoutError(
      path,
      "__meta__count",
      "absent",
      "the row count of an asebytes store",
      "LmdbReader reads the keys and values of any LMDB file",
    );
  }
  const text = fromLatin1(bytes.subarray(0, 40));
  if (!/^\d{1,15}$/.test(text))
    throw layoutError(path, "__meta__count", JSON.stringify(text), "a decimal number");
  return Number(text);
}

function readStarts(snapshot: Snapshot): number[] {
  const { path } = snapshot;
  const count = readValue(snapshot, BLOCK_COUNT);
  if (count === undefined) return [0];
  if (count.length !== 4) throw layoutError(path, "__blk_count__", sizeOf(count), "4 bytes");
  const nBlocks = u32(count, 0);
  if (nBlocks === 0) return [0];
  const sizes = readValue(snapshot, BLOCK_SIZES);
  if (sizes?.length !== 4 * nBlocks) {
    throw layoutError(path, "__blk_sizes__", sizeOf(sizes), `${4 * nBlocks} bytes for ${nBlocks} blocks`);
  }
  const starts = [0];
  for (let i = 0; i < nBlocks; i++) starts.push(starts[i]! + u32(sizes, 4 * i));
  return starts;
}

function sizeOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "absent" : `${bytes.length} bytes`;
}
