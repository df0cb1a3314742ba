import { StowageError } from "@stowage/core";
import { join, latin1, newFieldName, rowPrefix } from "./names.js";
import { Operations } from "./operations.js";
import {
  BLOCK_COUNT,
  BLOCK_SIZES,
  blockKey,
  COUNT,
  lastAtMost,
  NEXT_SORT_KEY,
  nextSortKey,
  type RowIndex,
  rowIndex,
  SCHEMA,
  schemaNames,
} from "./row-index.js";
import { type BlobRow, rowKeysTask } from "./row-layout.js";
import type { Snapshot } from "./snapshot.js";

/** BLOCK_SIZE of asebytes. */
const MAX_BLOCK_ROWS = 1024;

/** A block as it will be. */
interface Block {
  /** Its number in the commit; -1 for a new one. */
  readonly origin: number;
  size: number;
  /** Its rows, if they change. */
  keys: bigint[] | null;
}

/**
 * Changes of the rows of one commit, gathered as operations on keys and values.
 *
 * One kind of change a draft: indices are those of the commit.
 */
export class RowDraft {
  readonly #snapshot: Snapshot;
  readonly #index: RowIndex;
  readonly #operations = new Operations();
  readonly #names = new Map<string, Uint8Array>();
  #blocks: Block[];
  #nextSortKey: bigint;
  #count: number;
  #cleared = false;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.#index = rowIndex(snapshot);
    const { starts, count } = this.#index;
    this.#blocks = starts.slice(1).map((end, i) => ({ origin: i, size: end - starts[i]!, keys: null }));
    this.#nextSortKey = nextSortKey(snapshot);
    this.#count = count;
  }

  /** Number of rows. */
  get count(): number {
    return this.#count;
  }

  /** Puts rows before the one at `at`, which may be the number of rows. */
  insert(at: number, rows: readonly BlobRow[]): void {
    if (at !== this.#count) this.#sortKey(at);
    if (rows.length === 0) return;
    const keys = rows.map((row) => this.#put(this.#nextSortKey++, row));
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
    const gone = new Map<number, Set<number>>();
    for (let i = 0; i < indices.length; i++) {
      const row = indices[i]!;
      const sortKey = this.#sortKey(row);
      for (const name of names[i]!) this.#delete(sortKey, name);
      const block = this.#index.blockOf(row);
      const places = gone.get(block) ?? new Set();
      gone.set(block, places.add(row - this.#index.starts[block]!));
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
    const before = this.#index.starts.length - 1;
    const same = this.#blocks.length === before && this.#blocks.every(({ keys }) => keys === null);
    if (!same || this.#cleared) {
      operations.put(COUNT, latin1(`${this.#count}`));
      operations.put(NEXT_SORT_KEY, latin1(`${this.#nextSortKey}`));
      this.#finishBlocks(before);
    }
    this.#finishSchema();
    return operations.bytes;
  }

  #finishBlocks(before: number): void {
    const operations = this.#operations;
    const sizes = new DataView(new ArrayBuffer(4 * this.#blocks.length));
    for (const [i, block] of this.#blocks.entries()) {
      sizes.setUint32(4 * i, block.size, true);
      if (block.keys !== null || block.origin !== i) operations.put(blockKey(i), packed(this.#keysOf(block)));
    }
    for (let i = this.#blocks.length; i < before; i++) operations.delete(blockKey(i));
    const count = new Uint8Array(4);
    new DataView(count.buffer).setUint32(0, this.#blocks.length, true);
    operations.put(BLOCK_COUNT, count);
    if (this.#blocks.length > 0) operations.put(BLOCK_SIZES, new Uint8Array(sizes.buffer));
    else operations.delete(BLOCK_SIZES);
  }

  #finishSchema(): void {
    const known = new Set(schemaNames(this.#snapshot));
    const added = [...this.#names.keys()].filter((name) => !known.has(name));
    if (added.length > 0) this.#operations.put(SCHEMA, latin1([...known, ...added].sort().join("\n")));
  }

  #append(keys: readonly bigint[]): void {
    let from = 0;
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.size < MAX_BLOCK_ROWS) {
      from = MAX_BLOCK_ROWS - last.size;
      setKeys(last, [...this.#keysOf(last), ...keys.slice(0, from)]);
    }
    this.#blocks.push(...split(keys.slice(from), MAX_BLOCK_ROWS));
  }

  #splice(at: number, keys: readonly bigint[]): void {
    const number = lastAtMost(this.#index.starts, at);
    const block = this.#blocks[number]!;
    const all = [...this.#keysOf(block)];
    const place = at - this.#index.starts[number]!;
    const joined = [...all.slice(0, place), ...keys, ...all.slice(place)];
    if (joined.length <= MAX_BLOCK_ROWS) setKeys(block, joined);
    else {
      // In halves, or smaller: rows to come have room without another split.
      const parts = Math.ceil(joined.length / MAX_BLOCK_ROWS);
      this.#blocks.splice(number, 1, ...split(joined, Math.ceil(joined.length / parts)));
    }
  }

  #put(sortKey: bigint, row: BlobRow): bigint {
    const prefix = rowPrefix(sortKey);
    for (const [name, value] of row) {
      let bytes = this.#names.get(name);
      if (bytes === undefined) {
        bytes = newFieldName(name, this.#snapshot.path);
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
    return rowKeysTask(indices)(this.#snapshot)();
  }

  #sortKey(row: number): bigint {
    const { count } = this.#index;
    if (Number.isInteger(row) && row >= 0 && row < count) return this.#index.sortKey(row);
    throw new StowageError(
      "ERR_INDEX_RANGE",
      `Cannot change row ${row} of ${this.#snapshot.path}: it has ${count} rows`,
      { index: row, length: count },
    );
  }

  #keysOf(block: Block): readonly bigint[] {
    if (block.keys !== null) return block.keys;
    const view = this.#index.block(block.origin);
    return Array.from({ length: block.size }, (_, i) => view.getBigUint64(8 * i, true));
  }
}

function setKeys(block: Block, keys: bigint[]): void {
  block.keys = keys;
  block.size = keys.length;
}

function split(keys: readonly bigint[], size: number): Block[] {
  const blocks: Block[] = [];
  for (let start = 0; start < keys.length; start += size) {
    const part = keys.slice(start, start + size);
    blocks.push({ origin: -1, size: part.length, keys: part });
  }
  return blocks;
}

function packed(keys: readonly bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(keys).buffer);
}
