import type { BackendSpec, LossNote, OpenOptions, Row, RowStore } from "@stowage/core";
import { unsupported } from "./dataset.js";
import { usageError } from "./exit.js";
import { type MatchOptions, matchingRows } from "./matching-rows.js";
import type { ProgressBar } from "./progress.js";
import { type RowBatch, readBatches } from "./row-batches.js";
import { schemaOfCopy } from "./schema-of-copy.js";
import type { TargetOptions } from "./target-options.js";
import { createTarget, type WriteTarget } from "./write-target.js";

export interface CopyOptions {
  readonly target: TargetOptions;
  /** First row, default 0. */
  readonly start?: number;
  /** Exclusive, default the number of rows. */
  readonly stop?: number;
  /** Keys to leave out. */
  readonly drop?: readonly string[];
  /** Of these rows only those that a filter lets through. */
  readonly matching?: Pick<MatchOptions, "filter" | "limit">;
  readonly signal: AbortSignal;
  readonly startProgress: (rows: number) => ProgressBar;
}

export interface Copied {
  readonly rows: number;
  readonly atoms: number;
  /** What the target keeps under another type, changed or left out. */
  readonly losses: readonly LossNote[];
}

/** A dataset that is written in full, and gets its name or goes. */
export interface Draft extends Pick<WriteTarget, "commit" | "abandon"> {
  readonly copied: Copied;
}

/** Writes a new dataset with the rows of another, in batches; it is complete or not there at all. */
export async function copyDataset(
  source: RowStore,
  output: string,
  backend: BackendSpec,
  options: CopyOptions,
): Promise<Copied> {
  const draft = await draftCopy(source, output, backend, options);
  try {
    await draft.commit();
  } catch (error) {
    throw await draft.abandon(error);
  }
  return draft.copied;
}

/** As {@link copyDataset}, but the name waits: for datasets that appear together or not at all. */
export async function draftCopy(
  source: RowStore,
  output: string,
  backend: BackendSpec,
  options: CopyOptions,
): Promise<Draft> {
  const { drop = [], matching, signal } = options;
  const count = await source.count();
  const { start = 0, stop = count } = options;
  const schema = await source.schema();
  const keys = drop.length > 0 ? Object.keys(schema).filter((key) => !drop.includes(key)) : undefined;
  const target = await createTarget(output, backend, {
    ...openOptionsOf(options.target, backend),
    schema: schemaOfCopy(schema, drop, matching === undefined && stop - start === count),
    signal,
  });
  const progress = options.startProgress(stop - start);
  try {
    const range = { start, stop, keys, signal, onRows: progress.update };
    const batches =
      matching === undefined ? readBatches(source, range) : matchingRows(source, { ...range, ...matching });
    const copied = await copyRows(batches, target.store, signal);
    const losses = [...(target.store.losses?.() ?? [])];
    return { copied: { ...copied, losses }, commit: target.commit, abandon: target.abandon };
  } catch (error) {
    throw await target.abandon(error);
  } finally {
    progress.stop();
  }
}

/**
 * Options of single backends travel along untyped.
 *
 * @throws {StowageError} ERR_OPTION for one that this backend does not know.
 */
export function openOptionsOf(options: TargetOptions, backend: BackendSpec): OpenOptions {
  const { codec, level, dropUnsupported, overwrite } = options;
  const special = Object.entries({ codec, level }).filter(([, value]) => value !== undefined);
  for (const [name, value] of special) {
    if (backend.options?.includes(name)) continue;
    throw usageError(
      `Cannot use --${name}: format "${backend.name}" has no such option`,
      name,
      String(value),
    );
  }
  return {
    overwrite: overwrite ?? false,
    unsupported: dropUnsupported ? "drop" : "error",
    ...Object.fromEntries(special),
  };
}

/** Adds batches of rows at the end of a dataset, and makes them durable. */
export async function copyRows(
  batches: AsyncIterable<RowBatch>,
  target: RowStore,
  signal: AbortSignal,
): Promise<{ rows: number; atoms: number }> {
  if (target.append === undefined) {
    throw unsupported("append", `Cannot write ${target.name}: its format takes no rows`);
  }
  let rows = 0;
  let atoms = 0;
  for await (const batch of batches) {
    await target.append(batch.rows);
    rows += batch.rows.length;
    for (const row of batch.rows) atoms += atomCount(row);
  }
  await target.flush?.();
  signal.throwIfAborted();
  return { rows, atoms };
}

/** Atoms of a row, by its atomic numbers. */
export function atomCount(row: Row): number {
  const numbers = row["arrays.numbers"] as { shape?: readonly number[] } | undefined;
  return numbers?.shape?.[0] ?? 0;
}
