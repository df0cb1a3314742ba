import type { RowSchema, RowStore } from "@stowage/core";
import { readBatches } from "./row-batches.js";
import { SUMMARY_KEYS, type Summary, SummaryBuilder } from "./summary.js";

export interface Property {
  readonly key: string;
  readonly dtype: string;
  /** `null` where rows differ; one value an atom begins with `null`. */
  readonly shape: readonly (number | null)[];
  readonly scope: "atom" | "structure";
  /** Rows without it. */
  readonly missing: number;
}

/** All that `stowage info` says about a dataset; with `--json` it is printed as it is. */
export interface Description extends Omit<Summary, "present"> {
  readonly file: string;
  readonly format: string;
  /** On disk; `null` for what is not on this machine. */
  readonly bytes: number | null;
  readonly properties: readonly Property[];
  /** What the reader had to repair or ignore. */
  readonly warnings: readonly string[];
}

export interface DescribeOptions {
  readonly bytes: number | null;
  readonly signal?: AbortSignal;
  readonly onRows?: (done: number) => void;
}

/**
 * Describes an open dataset in one pass.
 *
 * It reads {@link SUMMARY_KEYS} alone where the schema knows how many rows lack each key; where it does not, every
 * key has to be looked for.
 */
export async function describeDataset(store: RowStore, options: DescribeOptions): Promise<Description> {
  const { bytes, signal, onRows } = options;
  const schema = await store.schema();
  const isCounted = Object.values(schema).every(({ missing }) => missing !== undefined);
  const keys = isCounted ? SUMMARY_KEYS : undefined;
  const builder = new SummaryBuilder();
  for await (const { rows } of readBatches(store, { keys, signal, onRows })) {
    for (const row of rows) builder.add(row);
  }
  const { present, ...summary } = builder.finish();
  return {
    file: store.name,
    format: store.backend,
    bytes,
    ...summary,
    properties: propertiesOf(schema, (key) => summary.structures - (present.get(key) ?? 0)),
    warnings: [...store.warnings],
  };
}

/** The schema as a list; how many rows lack a key comes from the schema, or was counted. */
export function propertiesOf(schema: RowSchema, countMissing: (key: string) => number): Property[] {
  return Object.entries(schema).map(([key, { dtype, shape, perAtom, missing }]) => ({
    key,
    dtype,
    shape: [...shape],
    scope: perAtom ? "atom" : "structure",
    missing: missing ?? countMissing(key),
  }));
}
