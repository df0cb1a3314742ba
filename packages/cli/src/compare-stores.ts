import type { LossNote, Row, RowStore } from "@stowage/core";
import { compareRows, type Mismatch } from "./expected-row.js";
import { type BatchOptions, type RowBatch, readBatches } from "./row-batches.js";

export interface Comparison {
  readonly rows: number;
  /** Values that were looked at, in the source. */
  readonly values: number;
  /** The first mismatches, up to the limit. */
  readonly mismatches: readonly Mismatch[];
  /** All of them. */
  readonly mismatchCount: number;
}

export interface CompareOptions {
  /** What the target announced while it was written. */
  readonly losses: readonly LossNote[];
  /** How many mismatches to keep. */
  readonly limit: number;
  readonly signal?: AbortSignal;
  readonly onRows?: (done: number) => void;
}

/** Compares every value of every row of a dataset with its copy. */
export async function compareStores(
  source: RowStore,
  target: RowStore,
  options: CompareOptions,
): Promise<Comparison> {
  const { losses, limit, signal, onRows } = options;
  const [sourceCount, targetCount] = [await source.count(), await target.count()];
  const mismatches: Mismatch[] = [];
  let mismatchCount = 0;
  const note = (found: Mismatch): void => {
    mismatchCount++;
    if (mismatches.length < limit) mismatches.push(found);
  };
  const shared = Math.min(sourceCount, targetCount);
  if (sourceCount !== targetCount) {
    note({ row: shared, key: "(number of rows)", source: sourceCount, target: targetCount });
  }
  const rules = { losses, schema: await target.schema() };
  let values = 0;
  for await (const { start, rows, others } of readPairs(source, target, { stop: shared, signal, onRows })) {
    rows.forEach((row, i) => {
      values += Object.keys(row).length;
      compareRows(row, others[i]!, start + i, rules).forEach(note);
    });
  }
  return { rows: shared, values, mismatches, mismatchCount };
}

/** Rows of two datasets side by side, in batches. `stop` is within both. */
export async function* readPairs(
  store: RowStore,
  other: RowStore,
  options: BatchOptions & { readonly stop: number },
): AsyncGenerator<RowBatch & { readonly others: readonly Row[] }, void, undefined> {
  for await (const batch of readBatches(store, options)) {
    const indices = Array.from(batch.rows, (_, i) => batch.start + i);
    yield { ...batch, others: await other.getMany(indices, options.keys) };
  }
}
