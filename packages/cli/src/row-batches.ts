import { isNdArray, type Row, type RowStore, type Value } from "@stowage/core";
import { breathe } from "./breathe.js";

export interface RowBatch {
  /** Index of the first row. */
  readonly start: number;
  readonly rows: Row[];
  /** About how much memory the rows take. */
  readonly bytes: number;
}

export interface BatchOptions {
  /** First row, default 0. */
  readonly start?: number;
  /** Exclusive, default the number of rows. */
  readonly stop?: number;
  /** Only these keys. */
  readonly keys?: readonly string[];
  readonly signal?: AbortSignal;
  /** How many rows of the range are done, after each batch. */
  readonly onRows?: (done: number) => void;
}

/** A batch aims at this much memory and this much time, whatever rows weigh. */
const TARGET_BYTES = 8 << 20;
const TARGET_MS = 200;
const MAX_ROWS = 1024;

/**
 * Rows in order, in batches whose size follows the rows: many small ones or a few large ones at a time.
 *
 * Between batches signals are heard, however busy the store is.
 */
export async function* readBatches(
  store: RowStore,
  options: BatchOptions = {},
): AsyncGenerator<RowBatch, void, undefined> {
  yield* inBatches(store, options, async (indices) => {
    const rows = await store.getMany(indices, options.keys);
    let bytes = 0;
    for (const row of rows) bytes += rowBytes(row);
    return { start: indices[0]!, rows, bytes };
  });
}

/**
 * The same for anything that is read of rows.
 *
 * @param read  Gives what it read, and about how much memory that takes.
 */
export async function* inBatches<T extends { readonly bytes: number }>(
  store: RowStore,
  options: BatchOptions,
  read: (indices: number[]) => Promise<T>,
): AsyncGenerator<T, void, undefined> {
  const { start = 0, signal, onRows } = options;
  const stop = Math.min(options.stop ?? Number.POSITIVE_INFINITY, await store.count());
  let size = 1;
  for (let from = start; from < stop; ) {
    const began = performance.now();
    const rows = Math.min(size, stop - from);
    const batch = await read(Array.from({ length: rows }, (_, i) => from + i));
    yield batch;
    from += rows;
    onRows?.(from - start);
    await breathe();
    signal?.throwIfAborted();
    size = nextBatchSize({ rows, bytes: batch.bytes, elapsedMs: performance.now() - began });
  }
}

/** How many rows to take next, from what the last batch cost. Grows fourfold at most, so it starts small. */
export function nextBatchSize(last: { rows: number; bytes: number; elapsedMs: number }): number {
  const byBytes = (TARGET_BYTES / Math.max(1, last.bytes)) * last.rows;
  const byTime = (TARGET_MS / Math.max(0.1, last.elapsedMs)) * last.rows;
  return Math.max(1, Math.floor(Math.min(MAX_ROWS, last.rows * 4, byBytes, byTime)));
}

/** About how much memory a row takes: the bytes of its arrays and texts. */
export function rowBytes(row: Row): number {
  let bytes = 0;
  for (const key in row) bytes += valueBytes(row[key]!);
  return bytes;
}

/** The same for one value. */
export function valueBytes(value: Value): number {
  if (isNdArray(value)) return value.data.byteLength;
  if (typeof value === "string") return value.length;
  if (value === null || typeof value !== "object") return 8;
  let bytes = 0;
  for (const item of Object.values(value)) bytes += valueBytes(item);
  return bytes;
}
