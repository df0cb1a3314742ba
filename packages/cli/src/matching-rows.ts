import type { RowStore } from "@stowage/core";
import { pickedStore } from "./picked-store.js";
import type { RowFilter } from "./query/row-filter.js";
import { type BatchOptions, type RowBatch, readBatches } from "./row-batches.js";

export interface MatchOptions extends BatchOptions {
  readonly filter: RowFilter;
  /** The first so many only; then reading ends. */
  readonly limit?: number;
}

/** The indices of rows that a filter lets through, in order, batch by batch. Reads what the filter needs, no more. */
export async function* matchingIndices(
  store: RowStore,
  { filter, limit = Number.POSITIVE_INFINITY, ...options }: MatchOptions,
): AsyncGenerator<number[], void, undefined> {
  let left = limit;
  for await (const { start, rows } of readBatches(store, { ...options, keys: filter.keys })) {
    const found = rows
      .flatMap((row, i) => (filter.matches(row, start + i) ? [start + i] : []))
      .slice(0, left);
    left -= found.length;
    yield found;
    if (left <= 0) return;
  }
}

/** The same rows, with the keys that are asked for. `start` of a batch is its first index. */
export async function* matchingRows(
  store: RowStore,
  options: MatchOptions,
): AsyncGenerator<RowBatch & { readonly indices: readonly number[] }, void, undefined> {
  const { keys, signal } = options;
  for await (const found of matchingIndices(store, options)) {
    const picked = pickedStore(store, found.length, (place) => found[place]!);
    for await (const batch of readBatches(picked, { keys, signal })) {
      yield { ...batch, indices: found.slice(batch.start, batch.start + batch.rows.length) };
    }
  }
}
