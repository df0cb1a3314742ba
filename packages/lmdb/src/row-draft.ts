import { StowageError } from "@stowage/core";
import { join, latin1, newFieldName, rowPrefix } from "./names.js";
import { Operations } from "./operations.js";
import { BLOCK_COUNT, BLOCK_SIZES, blockKey, COUNT, lastAtMost, NEXT_SORT_KEY, SCHEMA } from "./row-index.js";
import { type BlobRow, rowKeysTask } from "./row-layout.js";
import type { RowOrder } from "./row-order.js";

/** BLOCK_SIZE of asebytes. */
const MAX_BLOCK_ROWS = 1024;

/** A block as it will be. */
interface Block {
  /** Its number in the commit; -1 for a new one. */
  readonly origin: number;
  size: number;
  /** Sort keys of its rows, if they change. */
  keys: BigUint64Array | null;
}

/**
 * Changes of the rows of one commit, gathered as operations on keys and values.
 *
 * One kind of change a draft: indices are those of the commit.
 */
export class RowDraft {
  readonly #order: RowOrder;
  readonly #operations = new Operations();
  readonly #names = new Map<string, Uint8Array>();
  #blocks: Block[];
  #nextSortKey: bigint;
  #count: number;
  #cleared = false;

  constructor(order: RowOrder) {
    const { starts } = order;
    this.#order = order;
    this.#blocks = starts.slice(1).map((end, i) => ({ origin: i, size: end - starts[i]!, keys: null }));
    this.#nextSortKey = order.nextSortKey;
    this.#count = order.count;
  }

  /** Number of rows. */
  get count(): number {
    return this.#count;
  }

  /** Puts rows before the one at `at`, which may be the number of rows. */
  insert(at: number, rows: readonly BlobRow[]): void {
    if (at !== this.#count) this.#sortKey(at);
    if (rows.length === 0) return;
    this.#operations.reserve(sizeOf(rows));
    const keys = BigUint64Array.from(rows, (row) => this.#put(this.#nextSortKey++, row));
    if (at === this.#count) this.#append(keys);
    else this.#splice(at, keys);
    this.#count += rows.length;
  }

  /** Replaces whole rows. */
  set(indices: ArrayLike<number>, rows: readonly BlobRow[]): void {
    const names = this.#fieldsOf(indices);
    for (let i = 0; i < indices.length; i++) {
      const sortKey = this.#sortKey(indices[i]!);
      for (const name of names[i]!) if (!rows[i]!.has(name)) this.#delete(sortKey, name);
      this.#put(sortKey, rows[i]!);
    }
  }

  /** Sets fields of rows. */
  update(indices: ArrayLike<number>, patches: readonly BlobRow[]): void {
    for (let i = 0; i < indices.length; i++) this.#put(this.#sortKey(indices[i]!), patches[i]!);
  }

  /** Removes fields from rows. */
  drop(names: readonly string[], indices: ArrayLike<number>): void {
    for (let i = 0; i < indices.length; i++) {
      const sortKey = this.#sortKey(indices[i]!);
      for (const name of names) this.#delete(sortKey, name);
    }
  }

  /** Removes rows; `indices` ascend. */
  delete(indices: ArrayLike<number>): void {
    const names = this.#fieldsOf(indices);
    const { starts } = this.#order;
    const gone = new Map<number, Set<number>>();
    for (let i = 0; i < indices.length; i++) {
      const row = indices[i]!;
      const sortKey = this.#sortKey(row);
      for (const name of names[i]!) this.#delete(sortKey, name);
      const block = lastAtMost(starts, row);
      const places = gone.get(block) ?? new Set();
      gone.set(block, places.add(row - starts[block]!));
    }
    for (const [number, places] of gone) {
      const block = this.#blocks[number]!;
      setKeys(
        block,
        this.#keysOf(block).filter((_, place) => !places.has(place)),
      );
      this.#count -= places.size;
    }
    this.#blocks = this.#blocks.filter(({ size }) => size > 0);
  }

  /** Removes all rows. Their sort keys are not given again. */
  clear(): void {
    this.#operations.clear();
    this.#blocks = [];
    this.#count = 0;
    this.#cleared = true;
  }

  /** What there is to do; no bytes if nothing is. */
  finish(): Uint8Array {
    const operations = this.#operations;
    const before = this.#order.starts.length - 1;
    const same = this.#blocks.length === before && this.#blocks.every(({ keys }) => keys === null);
    if (same && operations.bytes.length === 0) return operations.bytes;
    // In any case: a commit that writes nothing, such as one of absent fields removed, would get no number of its own.
    operations.put(COUNT, latin1(`${this.#count}`));
    if (!same || this.#cleared) {
      operations.put(NEXT_SORT_KEY, latin1(`${this.#nextSortKey}`));
      this.#finishBlocks(before);
    }
    const names = this.#newNames();
    if (names !== null) operations.put(SCHEMA, latin1(names.join("\n")));
    return operations.bytes;
  }

  /** The order of the rows once this is committed. */
  after(): RowOrder {
    const blocks = new Map<number, BigUint64Array>();
    const starts = [0];
    for (const [i, block] of this.#blocks.entries()) {
      starts.push(starts[i]! + block.size);
      const keys = block.keys ?? this.#order.knownBlock(block.origin);
      if (keys !== undefined) blocks.set(i, keys);
    }
    const names = this.#newNames() ?? (this.#cleared ? [] : this.#order.names);
    return this.#order.followedBy({ starts, nextSortKey: this.#nextSortKey, names, blocks });
  }

  #finishBlocks(before: number): void {
    const operations = this.#operations;
    const sizes = new Uint8Array(4 * this.#blocks.length);
    const view = new DataView(sizes.buffer);
    for (const [i, block] of this.#blocks.entries()) {
      view.setUint32(4 * i, block.size, true);
      if (block.keys === null && block.origin === i) continue;
      const { buffer, byteOffset, byteLength } = this.#keysOf(block);
      operations.put(blockKey(i), new Uint8Array(buffer, byteOffset, byteLength));
    }
    for (let i = this.#blocks.length; i < before; i++) operations.delete(blockKey(i));
    const count = new Uint8Array(4);
    new DataView(count.buffer).setUint32(0, this.#blocks.length, true);
    operations.put(BLOCK_COUNT, count);
    if (this.#blocks.length > 0) operations.put(BLOCK_SIZES, sizes);
    else operations.delete(BLOCK_SIZES);
  }

  /** All names, sorted by their bytes; `null` if none is new. */
  #newNames(): readonly string[] | null {
    const known = new Set(this.#cleared ? [] : this.#order.names);
    const added = [...this.#names.keys()].filter((name) => !known.has(name));
    return added.length === 0 ? null : [...known, ...added].sort();
  }

  #append(keys: BigUint64Array): void {
    let from = 0;
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.size < MAX_BLOCK_ROWS) {
      from = MAX_BLOCK_ROWS - last.size;
      setKeys(last, joined(this.#keysOf(last), keys.subarray(0, from)));
    }
    this.#blocks.push(...split(keys.subarray(from), MAX_BLOCK_ROWS));
  }

  #splice(at: number, keys: BigUint64Array): void {
    const { starts } = this.#order;
    const number = lastAtMost(starts, at);
    const block = this.#blocks[number]!;
    const all = this.#keysOf(block);
    const place = at - starts[number]!;
    const spliced = joined(all.subarray(0, place), keys, all.subarray(place));
    if (spliced.length <= MAX_BLOCK_ROWS) setKeys(block, spliced);
    else {
      // In halves, or smaller: rows to come have room without another split.
      const parts = Math.ceil(spliced.length / MAX_BLOCK_ROWS);
      this.#blocks.splice(number, 1, ...split(spliced, Math.ceil(spliced.length / parts)));
    }
  }

  #put(sortKey: bigint, row: BlobRow): bigint {
    const prefix = rowPrefix(sortKey);
    for (const [name, value] of row) {
      let bytes = this.#names.get(name);
      if (bytes === undefined) {
        bytes = newFieldName(name, this.#order.path);
        this.#names.set(name, bytes);
      }
      this.#operations.put(join(prefix, bytes), value);
    }
    return sortKey;
  }

  #delete(sortKey: bigint, name: string): void {
    this.#operations.delete(join(rowPrefix(sortKey), latin1(name)));
  }

  #fieldsOf(indices: ArrayLike<number>): string[][] {
    return rowKeysTask(indices)(this.#order.snapshot())();
  }

  #sortKey(row: number): bigint {
    const { count, starts, path } = this.#order;
    if (Number.isInteger(row) && row >= 0 && row < count) {
      const block = lastAtMost(starts, row);
      return this.#order.block(block)[row - starts[block]!]!;
    }
    throw new StowageError("ERR_INDEX_RANGE", `Cannot change row ${row} of ${path}: it has ${count} rows`, {
      index: row,
      length: count,
    });
  }

  #keysOf({ keys, origin }: Block): BigUint64Array {
    return keys ?? this.#order.block(origin);
  }
}

function setKeys(block: Block, keys: BigUint64Array): void {
  block.keys = keys;
  block.size = keys.length;
}

function split(keys: BigUint64Array, size: number): Block[] {
  const blocks: Block[] = [];
  for (let start = 0; start < keys.length; start += size) {
    const part = keys.slice(start, start + size);
    blocks.push({ origin: -1, size: part.length, keys: part });
  }
  return blocks;
}

function joined(...parts: readonly BigUint64Array[]): BigUint64Array {
  const all = new BigUint64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Bytes that rows take as operations, about. */
function sizeOf(rows: readonly BlobRow[]): number {
  let bytes = 0;
  for (const row of rows) for (const [name, value] of row) bytes += name.length + value.length + 32;
  return bytes;
}
