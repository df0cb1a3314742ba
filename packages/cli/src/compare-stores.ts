import type { LossNote, RowStore } from "@stowage/core";
import { compareRows, type Mismatch } from "./expected-row.js";
import { readBatches } from "./row-batches.js";

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
  for await (const { start, rows } of readBatches(source, { stop: shared, signal, onRows })) {
    const copies = await target.getMany(Array.from(rows, (_, i) => start + i));
    rows.forEach((row, i) => {
      values += Object.keys(row).length;
      compareRows(row, copies[i]!, start + i, rules).forEach(note);
    });
  }
  return { rows: shared, values, mismatches, mismatchCount };
}
