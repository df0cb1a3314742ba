import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import {
  type BackendSpec,
  getKey,
  type LossNote,
  type OpenOptions,
  type Row,
  type RowStore,
  StowageError,
} from "@stowage/core";
import { type Copied, type CopyOptions, copyDataset, copyRows, openOptionsOf } from "./copy-dataset.js";
import { isUrl, unsupported } from "./dataset.js";
import { lossText } from "./loss-text.js";
import { formatPlural } from "./render/number.js";
import { type RowBatch, readBatches } from "./row-batches.js";
import { schemaOfCopy } from "./schema-of-copy.js";
import { scratchFolder } from "./scratch.js";
import { ValueComparison } from "./value-comparison.js";

export interface Resumed extends Copied {
  /** Rows that the target had already. */
  readonly resumedAt: number;
}

/** What a sudden end may cost: the rows of so much time are written again. */
const FLUSH_INTERVAL_MS = 5000;
/** How many of the last rows are compared with those of the source. */
const COMPARED_ROWS = 16;

/**
 * Writes the rows of a dataset into another that may have the first of them already, and goes on after those.
 *
 * Unlike `copyDataset` it writes to the final name, and rows that are there stay there when it is stopped: every
 * format that takes rows at its end commits them in a way that a sudden end does not hurt.
 *
 * @throws {StowageError} ERR_FILE_EXISTS if the target has other rows, or more; ERR_UNSUPPORTED if its format takes none
 * at its end; what `copyDataset` throws.
 */
export async function resumeCopy(
  source: RowStore,
  output: string,
  backend: BackendSpec,
  options: Omit<CopyOptions, "matching">,
): Promise<Resumed> {
  const { drop = [], signal } = options;
  const { start = 0, stop = await source.count() } = options;
  if (isUrl(output) || !backend.capabilities.append) {
    const reason = isUrl(output) ? "it is no file" : `format "${backend.name}" takes no rows at its end`;
    throw unsupported("append", `Cannot resume ${output}: ${reason}`, "leave --resume out");
  }
  // The first row makes the file, in one step: what comes later finds a sound one.
  const first = existsSync(output)
    ? null
    : await copyDataset(source, output, backend, { ...options, stop: Math.min(start + 1, stop) });
  const schema = schemaOfCopy(await source.schema(), drop, false);
  const { overwrite: _, ...targetOptions } = openOptionsOf(options.target, backend);
  const openOptions = { ...targetOptions, schema, signal };
  const target = await backend.open(output, { ...openOptions, mode: "r+" });
  try {
    const done = await target.count();
    const keys = drop.length > 0 ? Object.keys(schema) : undefined;
    if (first === null) {
      if (done > stop - start) {
        throw otherRows(output, `it has ${formatPlural(done, "row")}, the source ${stop - start}`);
      }
      await compareEnds(source, target, { start, done, keys, output, backend, openOptions });
    }
    const progress = options.startProgress(stop - start - done);
    try {
      const batches = readBatches(source, {
        start: start + done,
        stop,
        keys,
        signal,
        onRows: progress.update,
      });
      const { rows, atoms } = await copyRows(withFlushes(batches, target), target, signal);
      const losses = target.losses?.() ?? [];
      if (first === null) return { rows, atoms, losses, resumedAt: done };
      return {
        rows: first.rows + rows,
        atoms: first.atoms + atoms,
        losses: withoutRepeats([...first.losses, ...losses]),
        resumedAt: 0,
      };
    } finally {
      progress.stop();
    }
  } finally {
    await target.close(); // keeps what was appended, however this ends
  }
}

/** Makes rows durable every few seconds: a commit may cost as much as the index of all rows. */
async function* withFlushes(batches: AsyncIterable<RowBatch>, target: RowStore): AsyncGenerator<RowBatch> {
  let last = performance.now();
  for await (const batch of batches) {
    yield batch;
    if (performance.now() - last < FLUSH_INTERVAL_MS) continue;
    await target.flush?.();
    last = performance.now();
  }
}

interface Ends {
  /** Of the source's rows. */
  readonly start: number;
  /** Rows of the target. */
  readonly done: number;
  readonly keys: readonly string[] | undefined;
  readonly output: string;
  readonly backend: BackendSpec;
  readonly openOptions: OpenOptions;
}

/** Compares the first row of the target and its last ones with what the source's rows would become there. */
async function compareEnds(source: RowStore, target: RowStore, ends: Ends): Promise<void> {
  const { start, done, keys, output } = ends;
  const last = Array.from({ length: Math.min(COMPARED_ROWS, done) }, (_, i) => done - 1 - i).reverse();
  const indices = [...new Set([...(done > 0 ? [0] : []), ...last])];
  const rows = await source.getMany(
    indices.map((index) => start + index),
    keys,
  );
  const [expected, found] = [await rowsAsWritten(rows, ends), await target.getMany(indices)];
  for (const [i, index] of indices.entries()) {
    const key = differingKey(expected[i]!, found[i]!);
    if (key !== null)
      throw otherRows(output, `its row ${index} is not that of the source ("${key}" differs)`);
  }
}

/** Rows as they come back from the target's format, which may widen values or leave some out. */
async function rowsAsWritten(rows: readonly Row[], { output, backend, openOptions }: Ends): Promise<Row[]> {
  const { folder, leave } = scratchFolder("stowage-resume-");
  try {
    const path = join(folder, basename(output));
    const draft = await backend.open(path, { ...openOptions, mode: "w" });
    try {
      await draft.append?.(rows);
    } finally {
      await draft.close();
    }
    const copy = await backend.open(path);
    try {
      return await copy.getMany(rows.map((_, i) => i));
    } finally {
      await copy.close();
    }
  } finally {
    leave();
  }
}

/** Dtypes do not count: in some formats they depend on all rows of the file. */
function differingKey(a: Row, b: Row): string | null {
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const [left, right] = [getKey(a, key), getKey(b, key)];
    if (left === undefined || right === undefined) return key;
    const comparison = new ValueComparison({ absolute: 0, relative: 0, anyDtype: true });
    comparison.compare(left, right);
    if (comparison.differs !== null) return key;
  }
  return null;
}

function withoutRepeats(losses: readonly LossNote[]): LossNote[] {
  return [...new Map(losses.map((note) => [lossText(note), note])).values()];
}

function otherRows(output: string, reason: string): StowageError<"ERR_FILE_EXISTS"> {
  return new StowageError("ERR_FILE_EXISTS", `Cannot resume ${output}: ${reason}`, { path: output });
}
