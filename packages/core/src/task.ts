import { StowageError } from "./errors.js";

/** How far a long task has come. */
export interface Progress {
  done: number;
  /** `undefined` while it is not known. */
  total: number | undefined;
  unit: "rows" | "bytes";
}

/** What every long-running function of Stowage takes. */
export interface TaskOptions {
  /** Stops the task: it throws the signal's reason, and leaves nothing half done under a final name. */
  signal?: AbortSignal;
  /** Called at most ten times a second, and once at the end. */
  onProgress?: (progress: Progress) => void;
}

/**
 * Limits how often `onProgress` is called: a callback for each row would cost more than the row.
 *
 * @example
 * ```ts
 * const report = progressReporter(options, "rows", total);
 * for (let i = 0; i < total; i++) report(i + 1);
 * report.end();
 * ```
 */
export function progressReporter(
  options: TaskOptions,
  unit: Progress["unit"],
  total?: number,
): { (done: number): void; end(): void } {
  let last = 0;
  let latest = 0;
  const report = (done: number): void => {
    latest = done;
    options.signal?.throwIfAborted();
    if (options.onProgress === undefined) return;
    const now = performance.now();
    if (now - last < 100) return;
    last = now;
    options.onProgress({ done, total, unit });
  };
  return Object.assign(report, { end: () => options.onProgress?.({ done: latest, total, unit }) });
}

/**
 * Resolves an index that may count from the end.
 *
 * @throws {StowageError} ERR_INDEX_RANGE naming the dataset and its length.
 */
export function resolveIndex(index: number, length: number, name: string): number {
  if (!Number.isInteger(index))
    throw new TypeError(`Cannot read row ${index}: an index must be a whole number`);
  const resolved = index < 0 ? index + length : index;
  if (resolved < 0 || resolved >= length) throw noSuchRow(index, length, name);
  return resolved;
}

/**
 * The same indices, for a store over something that counts from the end, too: stores do not, and know no fractions.
 *
 * @param length  Asked for only when an index is refused.
 * @throws {StowageError} ERR_INDEX_RANGE for a negative index or a fraction. One past the end is left to the reader.
 */
export function exactIndices<I extends ArrayLike<number>>(indices: I, length: () => number, name: string): I {
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!;
    if (!(Number.isInteger(index) && index >= 0)) throw noSuchRow(index, length(), name);
  }
  return indices;
}

function noSuchRow(index: number, length: number, name: string): StowageError<"ERR_INDEX_RANGE"> {
  return new StowageError("ERR_INDEX_RANGE", `Cannot read row ${index} of ${name}: it has ${length} rows`, {
    index,
    length,
  });
}
