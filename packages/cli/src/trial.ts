import { type LossNote, openStore, type RowStore, resolveBackend } from "@stowage/core";
import { compareStores } from "./compare-stores.js";
import { copyDataset } from "./copy-dataset.js";
import { importPackage, sizeOnDisk } from "./dataset.js";
import { type Description, describeDataset } from "./description.js";
import type { Mismatch } from "./expected-row.js";
import type { ProgressBar } from "./progress.js";
import { measureReads, type ReadRate } from "./read-rates.js";
import type { TargetOptions } from "./target-options.js";

/** What `stowage try` finds for one file. */
export interface Trial {
  readonly input: string;
  readonly output: string;
  /** Whether the output stays when the command ends. */
  readonly isKept: boolean;
  readonly inputBytes: number | null;
  readonly rows: number;
  /** Values compared. */
  readonly values: number;
  readonly mismatches: readonly Mismatch[];
  readonly mismatchCount: number;
  readonly losses: readonly LossNote[];
  /** Reading the input and writing the output. */
  readonly writeSeconds: number;
  readonly compareSeconds: number;
  /** Of the output. */
  readonly description: Description;
  readonly rates: readonly ReadRate[];
}

export interface TrialOptions {
  readonly open: () => Promise<RowStore>;
  readonly target: TargetOptions;
  readonly isKept: boolean;
  /** Of the shuffled reading order; `null` leaves the measurement out. */
  readonly seed: number | null;
  /** How many mismatches to keep. */
  readonly limit: number;
  readonly signal: AbortSignal;
  readonly startProgress: (label: string, rows: number) => ProgressBar;
}

/** Packs a dataset, compares the copy with it value by value, describes the copy and measures how fast it reads. */
export async function tryDataset(input: string, output: string, options: TrialOptions): Promise<Trial> {
  const { signal } = options;
  const source = await options.open();
  try {
    const began = performance.now();
    const { losses } = await copyDataset(source, output, await resolveBackend(output, importPackage), {
      target: options.target,
      signal,
      startProgress: (rows) => options.startProgress("pack", rows),
    });
    const packed = performance.now();
    const copy = await openStore(output, { importPackage, signal });
    try {
      const comparison = await compare(source, copy, losses, options);
      const compared = performance.now();
      return {
        input,
        output,
        isKept: options.isKept,
        inputBytes: sizeOnDisk(input),
        ...comparison,
        losses,
        writeSeconds: (packed - began) / 1000,
        compareSeconds: (compared - packed) / 1000,
        description: await describe(copy, output, options),
        rates: options.seed === null ? [] : await measure(copy, output, options.seed, signal),
      };
    } finally {
      await copy.close();
    }
  } finally {
    await source.close();
  }
}

async function compare(
  source: RowStore,
  copy: RowStore,
  losses: readonly LossNote[],
  { limit, signal, startProgress }: TrialOptions,
): ReturnType<typeof compareStores> {
  const progress = startProgress("compare", await source.count());
  try {
    return await compareStores(source, copy, { losses, limit, signal, onRows: progress.update });
  } finally {
    progress.stop();
  }
}

async function describe(
  copy: RowStore,
  output: string,
  { signal, startProgress }: TrialOptions,
): Promise<Description> {
  const progress = startProgress("describe", await copy.count());
  try {
    return await describeDataset(copy, { bytes: sizeOnDisk(output), signal, onRows: progress.update });
  } finally {
    progress.stop();
  }
}

async function measure(
  copy: RowStore,
  output: string,
  seed: number,
  signal: AbortSignal,
): Promise<ReadRate[]> {
  const { AtpFile } = await import("@stowage/atp");
  const file = AtpFile.open(output);
  try {
    return await measureReads(copy, file, { seed, signal });
  } finally {
    file.close();
  }
}
