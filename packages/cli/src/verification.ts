import { describeArray, isNdArray, isPerAtomKey, type Row, type RowStore } from "@stowage/core";
import { breathe } from "./breathe.js";
import { describeFailure, EXIT, exitCodeOf } from "./exit.js";
import type { ProgressBar } from "./progress.js";
import { nextBatchSize, rowBytes } from "./row-batches.js";

export interface Problem {
  /** `null` for what concerns the whole file. */
  readonly row: number | null;
  readonly code: string;
  readonly message: string;
}

/** What `stowage verify` finds in one file; with `--json` it is printed as it is. */
export interface Verification {
  readonly file: string;
  readonly ok: boolean;
  /** Rows the file says it has; `null` where it cannot be opened. */
  readonly rows: number | null;
  /** On disk; `null` where there is nothing. */
  readonly bytes: number | null;
  /** The first ones, up to the limit. */
  readonly problems: readonly Problem[];
  readonly problemCount: number;
}

export interface VerifyOptions {
  readonly open: () => Promise<RowStore>;
  /** How many problems to keep. */
  readonly limit: number;
  readonly signal: AbortSignal;
  readonly sizeOf: (file: string) => number | null;
  readonly startProgress: (rows: number) => ProgressBar;
}

/** Problems up to a limit; the rest is counted. */
class ProblemList {
  readonly kept: Problem[] = [];
  count = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(row: number | null, code: string, message: string): void {
    this.count++;
    if (this.kept.length < this.#limit) this.kept.push({ row, code, message });
  }

  addError(row: number | null, error: unknown): void {
    const { code, message } = describeFailure(error);
    this.add(row, code, message);
  }
}

/**
 * Opens a dataset and reads all of it. Damage is a result, not an error: only an interruption and wrong use throw.
 */
export async function verifyDataset(file: string, options: VerifyOptions): Promise<Verification> {
  const { limit, signal } = options;
  const problems = new ProblemList(limit);
  let rows: number | null = null;
  let bytes: number | null = null;
  try {
    const store = await options.open();
    try {
      bytes = options.sizeOf(file);
      rows = await store.count();
      for (const warning of store.warnings) problems.add(null, "WARNING", warning);
      await readAll(store, rows, problems, options);
    } finally {
      await store.close();
    }
  } catch (error) {
    if (signal.aborted || exitCodeOf(error) === EXIT.usage) throw error;
    problems.addError(null, error);
  }
  return {
    file,
    ok: problems.count === 0,
    rows,
    bytes,
    problems: problems.kept,
    problemCount: problems.count,
  };
}

/** Reads in batches; a batch that fails is read again row by row, so that each bad row is named. */
async function readAll(
  store: RowStore,
  count: number,
  problems: ProblemList,
  { signal, startProgress }: VerifyOptions,
): Promise<void> {
  const progress = startProgress(count);
  let size = 1;
  try {
    for (let from = 0; from < count; ) {
      const began = performance.now();
      const indices = Array.from({ length: Math.min(size, count - from) }, (_, i) => from + i);
      const bytes = await readSome(store, indices, problems, signal);
      from += indices.length;
      progress.update(from);
      size = nextBatchSize({ rows: indices.length, bytes, elapsedMs: performance.now() - began });
      await breathe();
      signal.throwIfAborted();
    }
  } finally {
    progress.stop();
  }
}

/** @returns About how much memory the rows took. */
async function readSome(
  store: RowStore,
  indices: readonly number[],
  problems: ProblemList,
  signal: AbortSignal,
): Promise<number> {
  let bytes = 0;
  try {
    const rows = await store.getMany(indices);
    rows.forEach((row, i) => {
      bytes += rowBytes(row);
      for (const { code, message } of checkRow(row)) problems.add(indices[i]!, code, message);
    });
  } catch (error) {
    if (signal.aborted) throw error;
    if (indices.length === 1) problems.addError(indices[0]!, error);
    else for (const index of indices) bytes += await readSome(store, [index], problems, signal);
  }
  return bytes;
}

/** What is wrong with a row that could be read: per-atom values that are not one an atom. */
export function checkRow(row: Row): { code: string; message: string }[] {
  const numbers = row["arrays.numbers"];
  if (!isNdArray(numbers)) return [];
  const nAtoms = numbers.shape[0] ?? 0;
  const problems: { code: string; message: string }[] = [];
  for (const [key, value] of Object.entries(row)) {
    if (!isPerAtomKey(key)) continue;
    const extent = isNdArray(value) ? value.shape[0] : Array.isArray(value) ? value.length : undefined;
    if (extent === nAtoms) continue;
    const found = isNdArray(value) ? describeArray(value) : `${extent ?? "no"} values`;
    problems.push({ code: "ERR_SHAPE", message: `"${key}" has ${found} for ${nAtoms} atoms` });
  }
  return problems;
}
