import { getKey, type Row, type RowStore } from "@stowage/core";
import { readPairs } from "./compare-stores.js";
import type { Mismatch } from "./expected-row.js";
import { type Tolerance, ValueComparison } from "./value-comparison.js";

/** What two datasets have in common, or not, under one key. */
export interface KeyDifference {
  readonly key: string;
  /** Rows in which both have it. */
  readonly compared: number;
  /** Rows in which only one has it. */
  readonly onlyInA: number;
  readonly onlyInB: number;
  /** Rows with two dtypes or kinds of value, with two shapes, and with values beyond the tolerance. */
  readonly types: number;
  readonly shapes: number;
  readonly values: number;
  /** Largest differences of two numbers, those within the tolerance included. */
  readonly maxAbsolute: number;
  readonly maxRelative: number;
  /** The first row that differs; `null` where none does. */
  readonly firstRow: number | null;
}

/** What `stowage diff` finds. */
export interface DatasetDifference {
  readonly equal: boolean;
  readonly rows: { readonly a: number; readonly b: number };
  /** Rows that differ, of those that both have. */
  readonly differentRows: number;
  /** Every key of either, in the order in which they were met. */
  readonly keys: readonly KeyDifference[];
  /** The first differences, up to the limit. */
  readonly mismatches: readonly Mismatch[];
}

export interface DiffOptions {
  readonly tolerance: Tolerance;
  readonly keys?: readonly string[];
  /** How many differences to keep. */
  readonly limit: number;
  readonly signal?: AbortSignal;
  readonly onRows?: (done: number) => void;
}

type Counts = { -readonly [P in keyof KeyDifference]: KeyDifference[P] };

/** Compares two datasets row by row, in one pass over both. */
export async function diffDatasets(
  a: RowStore,
  b: RowStore,
  options: DiffOptions,
): Promise<DatasetDifference> {
  const { tolerance, keys, limit, signal, onRows } = options;
  const rows = { a: await a.count(), b: await b.count() };
  const counts = new Map<string, Counts>();
  const mismatches: Mismatch[] = [];
  let differentRows = 0;
  const stop = Math.min(rows.a, rows.b);
  for await (const { start, rows: left, others } of readPairs(a, b, { stop, keys, signal, onRows })) {
    left.forEach((row, i) => {
      const found = diffRow(row, others[i]!, start + i, tolerance, counts);
      if (found.length > 0) differentRows++;
      mismatches.push(...found.slice(0, limit - mismatches.length));
    });
  }
  const equal = rows.a === rows.b && differentRows === 0;
  return { equal, rows, differentRows, keys: [...counts.values()], mismatches };
}

/** Compares two rows and counts what was found under each key. */
function diffRow(
  a: Row,
  b: Row,
  index: number,
  tolerance: Tolerance,
  counts: Map<string, Counts>,
): Mismatch[] {
  const mismatches: Mismatch[] = [];
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const count = countsOf(counts, key);
    const [source, target] = [getKey(a, key), getKey(b, key)];
    let differs = true;
    if (source === undefined) count.onlyInB++;
    else if (target === undefined) count.onlyInA++;
    else {
      count.compared++;
      // Every store keeps atomic numbers in a dtype of its own.
      const isOwnDtype = key === "arrays.numbers";
      const comparison = new ValueComparison(isOwnDtype ? { ...tolerance, anyDtype: true } : tolerance);
      comparison.compare(source, target);
      differs = countComparison(comparison, count);
    }
    if (!differs) continue;
    count.firstRow ??= index;
    mismatches.push({ row: index, key, source, target });
  }
  return mismatches;
}

function countsOf(counts: Map<string, Counts>, key: string): Counts {
  let count = counts.get(key);
  if (count === undefined) {
    count = {
      key,
      compared: 0,
      onlyInA: 0,
      onlyInB: 0,
      types: 0,
      shapes: 0,
      values: 0,
      maxAbsolute: 0,
      maxRelative: 0,
      firstRow: null,
    };
    counts.set(key, count);
  }
  return count;
}

/** @returns Whether the values differ. */
function countComparison({ differs, maxAbsolute, maxRelative }: ValueComparison, count: Counts): boolean {
  count.maxAbsolute = Math.max(count.maxAbsolute, maxAbsolute);
  count.maxRelative = Math.max(count.maxRelative, maxRelative);
  if (differs === "type") count.types++;
  if (differs === "shape") count.shapes++;
  if (differs === "value") count.values++;
  return differs !== null;
}
