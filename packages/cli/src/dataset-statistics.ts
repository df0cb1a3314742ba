import { type Column, columnOf, getKey, type RowStore } from "@stowage/core";
import { type KeyStatistics, KeyStatisticsBuilder } from "./key-statistics.js";
import { type BatchOptions, inBatches, readBatches, valueBytes } from "./row-batches.js";

/** What `stowage stats` finds; with `--json` it is printed as it is. */
export interface DatasetStatistics {
  readonly rows: number;
  readonly keys: readonly KeyStatistics[];
}

export interface StatisticsOptions extends Pick<BatchOptions, "signal" | "onRows"> {
  readonly keys: readonly string[];
  /** Most bins of a histogram; 0 for none. */
  readonly maxBins: number;
}

/** Up to so many keys are read as columns: a format that has no columns reads its rows once for each. */
const MAX_COLUMNS = 3;

/** Statistics of some keys of a dataset, in one pass over its rows and in memory that does not grow with them. */
export async function datasetStatistics(
  store: RowStore,
  options: StatisticsOptions,
): Promise<DatasetStatistics> {
  const { keys, maxBins } = options;
  const schema = await store.schema();
  const builders = new Map(keys.map((key) => [key, new KeyStatisticsBuilder(key, getKey(schema, key)!)]));
  if (keys.length <= MAX_COLUMNS) {
    for await (const { columns, rows } of readColumns(store, options)) {
      for (const column of columns) builders.get(column.key)!.addColumn(column, rows);
    }
  } else {
    for await (const { rows } of readBatches(store, options)) {
      for (const [key, builder] of builders) for (const row of rows) builder.addRow(getKey(row, key));
    }
  }
  return {
    rows: await store.count(),
    keys: [...builders.values()].map((builder) => builder.finish(maxBins)),
  };
}

function readColumns(
  store: RowStore,
  options: StatisticsOptions,
): AsyncGenerator<{ columns: Column[]; rows: number; bytes: number }, void, undefined> {
  return inBatches(store, options, async (indices) => {
    const columns: Column[] = [];
    for (const key of options.keys) columns.push(await columnOf(store, key, indices));
    const bytes = columns.reduce((sum, { values }) => sum + valueBytes(values), 0);
    return { columns, rows: indices.length, bytes };
  });
}
