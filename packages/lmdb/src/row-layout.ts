import { resolveIndex, StowageError } from "@stowage/core";
import { startsWith } from "./cursor.js";
import { layoutError } from "./errors.js";
import { u32 } from "./little-endian.js";
import { readValue, Scan } from "./range.js";
import type { Snapshot } from "./snapshot.js";
import { Steps, type Task } from "./task.js";

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

/** A row: field name to bytes. Names are bytes too: one character each (latin-1). */
export type BlobRow = Map<string, Uint8Array>;

/** The order of the rows of one commit. Blocks are read when they are needed. */
class RowIndex {
  readonly count: number;
  /** First row of each block, and the number of rows. */
  readonly #starts: readonly number[];
  readonly #snapshot: Snapshot;
  readonly #blocks = new Map<number, DataView>();

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.count = readCount(snapshot);
    this.#starts = readStarts(snapshot);
    const total = this.#starts.at(-1)!;
    if (total !== this.count) {
      throw layoutError(snapshot.path, "__meta__count", `${this.count}`, `${total}, the rows of all blocks`);
    }
    // Checked before anybody makes an array of so many rows.
    if (8 * total > snapshot.pages.byteLength) {
      const found = `a list of ${total} rows`;
      throw layoutError(snapshot.path, "__blk_sizes__", found, "no more than the file has room for");
    }
  }

  sortKey(row: number): bigint {
    const starts = this.#starts;
    let low = 0;
    let high = starts.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle]! <= row) low = middle;
      else high = middle;
    }
    return this.#block(low).getBigUint64(8 * (row - starts[low]!), true);
  }

  #block(index: number): DataView {
    const known = this.#blocks.get(index);
    if (known !== undefined) return known;
    const key = new Uint8Array(11);
    key.set(latin1("__blk__"));
    new DataView(key.buffer).setUint32(7, index, true);
    const bytes = readValue(this.#snapshot, key);
    const expected = 8 * (this.#starts[index + 1]! - this.#starts[index]!);
    if (bytes?.length !== expected) {
      throw layoutError(this.#snapshot.path, `block ${index}`, sizeOf(bytes), `${expected} bytes`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#blocks.size >= MAX_BLOCKS) this.#blocks.clear();
    this.#blocks.set(index, view);
    return view;
  }
}

/** Blocks that are kept: 32 MiB of sort keys, of four million rows. */
const MAX_BLOCKS = 4096;

const indices = new WeakMap<Snapshot, RowIndex>();

function rowIndex(snapshot: Snapshot): RowIndex {
  let index = indices.get(snapshot);
  if (index === undefined) {
    index = new RowIndex(snapshot);
    indices.set(snapshot, index);
  }
  return index;
}

/** The number of rows. */
export const countTask: Task<number> = (snapshot) => () => rowIndex(snapshot).count;

/** The names of all fields ever written, sorted by their bytes. */
export const fieldsTask: Task<string[]> = (snapshot) => () => {
  const bytes = readValue(snapshot, latin1("__schema__"));
  return bytes === undefined || bytes.length === 0 ? [] : fromLatin1(bytes).split("\n");
};

/** Rows; `null` for an empty slot. */
export function rowsTask(
  rows: ArrayLike<number>,
  keys: readonly string[] | undefined,
): Task<(BlobRow | null)[]> {
  const names = keys && [...new Set(keys)].map((name) => [name, fieldName(name)] as const);
  return (snapshot) =>
    eachRow(snapshot, rows, (prefix) => {
      const scan = new Scan(snapshot, prefix, (key) => !startsWith(key, prefix));
      if (names === undefined) {
        return () => {
          const entries = scan.run();
          if (entries.length === 0) return null;
          return new Map(entries.map(([key, value]) => [fromLatin1(key.subarray(prefix.length)), value]));
        };
      }
      const first = new Scan(snapshot, prefix, (key) => !startsWith(key, prefix), { limit: 1 });
      const steps = new Steps(names.length);
      const values: (Uint8Array | undefined)[] = [];
      return () => {
        steps.run((i) => {
          values[i] = readValue(snapshot, join(prefix, names[i]![1]));
        });
        const row: BlobRow = new Map();
        for (const [i, [name]] of names.entries()) if (values[i] !== undefined) row.set(name, values[i]);
        return row.size === 0 && first.runKeys().length === 0 ? null : row;
      };
    });
}

/** The names of the fields of each row. */
export function rowKeysTask(rows: ArrayLike<number>): Task<string[][]> {
  return (snapshot) =>
    eachRow(snapshot, rows, (prefix) => {
      const scan = new Scan(snapshot, prefix, (key) => !startsWith(key, prefix));
      return () => scan.runKeys().map((key) => fromLatin1(key.subarray(prefix.length)));
    });
}

/** One field of rows (all without `rows`); `null` where a row lacks it. */
export function columnTask(key: string, rows?: ArrayLike<number>): Task<(Uint8Array | null)[]> {
  const name = fieldName(key);
  return (snapshot) => {
    let work: (() => (Uint8Array | null)[]) | undefined;
    return () => {
      const chosen = rows ?? Array.from({ length: rowIndex(snapshot).count }, (_, i) => i);
      work ??= eachRow(snapshot, chosen, (prefix) => () => readValue(snapshot, join(prefix, name)) ?? null);
      return work();
    };
  };
}

function eachRow<T>(
  snapshot: Snapshot,
  rows: ArrayLike<number>,
  begin: (prefix: Uint8Array) => () => T,
): () => T[] {
  const steps = new Steps(rows.length);
  const begun: (() => T)[] = [];
  const results: T[] = [];
  return () => {
    const index = rowIndex(snapshot);
    steps.run((i) => {
      begun[i] ??= begin(latin1(`${index.sortKey(resolveIndex(rows[i]!, index.count, snapshot.path))}-`));
      results[i] = begun[i]();
    });
    return results;
  };
}

function readCount(snapshot: Snapshot): number {
  const { path, meta } = snapshot;
  const bytes = readValue(snapshot, latin1("__meta__count"));
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
  const count = readValue(snapshot, latin1("__blk_count__"));
  if (count === undefined) return [0];
  if (count.length !== 4) throw layoutError(path, "__blk_count__", sizeOf(count), "4 bytes");
  const nBlocks = u32(count, 0);
  if (nBlocks === 0) return [0];
  const sizes = readValue(snapshot, latin1("__blk_sizes__"));
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

function fieldName(name: string): Uint8Array {
  if (/^[\0-\xff]*$/.test(name)) return latin1(name);
  throw new StowageError(
    "ERR_OPTION",
    `Cannot read field ${JSON.stringify(name)}: field names are bytes, a character each`,
    { option: "keys", value: name },
    { hint: 'for text in UTF-8: Buffer.from(name).toString("latin1")' },
  );
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function fromLatin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function join(prefix: Uint8Array, name: Uint8Array): Uint8Array {
  const key = new Uint8Array(prefix.length + name.length);
  key.set(prefix);
  key.set(name, prefix.length);
  return key;
}
