import { getKey, hillFormula, isNdArray, type Row, type RowStore, toAtomicNumbers } from "@stowage/core";
import { atomCount } from "./copy-dataset.js";
import { type BatchOptions, readBatches } from "./row-batches.js";

/** What all parts get their share of: small and large structures, or each composition. */
export type StratifyBy = "size" | "composition";

/** Classes of sizes, each with about as many rows. */
const SIZE_CLASSES = 10;

/**
 * The stratum of each row, numbered from 0. Reads atomic numbers alone, and takes four bytes a row.
 *
 * By composition, rows of one formula are a stratum. By size, rows are cut into ten classes at the deciles of their
 * number of atoms; rows of one size are in one class.
 */
export async function strataOf(store: RowStore, by: StratifyBy, options: BatchOptions): Promise<Uint32Array> {
  const labels = new Uint32Array(await store.count());
  const formulas = new Map<string, number>();
  for await (const { start, rows } of readBatches(store, { ...options, keys: ["arrays.numbers"] })) {
    rows.forEach((row, i) => {
      labels[start + i] = by === "size" ? atomCount(row) : numberOf(formulas, formulaOf(row));
    });
  }
  return by === "size" ? sizeClasses(labels) : labels;
}

function numberOf(numbers: Map<string, number>, name: string): number {
  const known = numbers.get(name) ?? numbers.size;
  numbers.set(name, known);
  return known;
}

/** Rows without atomic numbers are alike. */
function formulaOf(row: Row): string {
  const numbers = getKey(row, "arrays.numbers");
  return numbers !== undefined && isNdArray(numbers) ? hillFormula(toAtomicNumbers(numbers.data)) : "";
}

/** Sizes to classes: a size is in the class in which its first row is, were they sorted. */
function sizeClasses(sizes: Uint32Array): Uint32Array {
  const counts = new Map<number, number>();
  for (const size of sizes) counts.set(size, (counts.get(size) ?? 0) + 1);
  const classes = new Map<number, number>();
  let below = 0;
  for (const size of [...counts.keys()].sort((a, b) => a - b)) {
    classes.set(size, Math.floor((SIZE_CLASSES * below) / sizes.length));
    below += counts.get(size)!;
  }
  return sizes.map((size) => classes.get(size)!);
}
