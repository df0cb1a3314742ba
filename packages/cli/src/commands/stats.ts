import type { RowStore } from "@stowage/core";
import type { Command } from "commander";
import { parseCount, parseKeys } from "../arguments.js";
import type { Context, Run } from "../context.js";
import { checkKeys } from "../dataset.js";
import { type DatasetStatistics, datasetStatistics } from "../dataset-statistics.js";
import { EXIT } from "../exit.js";
import { openSource } from "../open-source.js";
import { startProgress } from "../progress.js";
import { jsonValue } from "../render/json.js";
import { renderStatistics } from "../render/statistics.js";
import { addSourceOptions, type SourceOptions } from "../source-options.js";

const HELP = `
Examples:
  $ stowage stats water.atp
  $ stowage stats water.atp --keys calc.energy,calc.forces --bins 20
  $ stowage stats water.atp --json | jq '.keys[] | {key, mean: .numbers.mean}'

Arrays count element by element. NaN and infinities are counted, and left out
of all else. Quantiles are exact up to 16,384 numbers; beyond (~) their rank is
off by less than 0.1 % for a billion of them.
With --json: one object with all keys.`;

interface StatsOptions extends SourceOptions {
  readonly keys?: string[];
  readonly bins: number;
}

export function addStats(program: Command, run: Run): void {
  const command = program
    .command("stats")
    .summary("mean, spread, quantiles and histogram of each key")
    .description("Shows statistics of the values under each key, in one pass.")
    .argument("<file>", "a dataset of any known format")
    .option("--keys <keys>", "only these, separated by commas", parseKeys)
    .option("--bins <n>", "bars of a histogram at most; 0 draws none", parseCount, 10);
  addSourceOptions(command)
    .addHelpText("after", HELP)
    .action((file: string, options: StatsOptions, command: Command) =>
      run(command, (context) => stats(file, options, context)),
    );
}

async function stats(file: string, options: StatsOptions, context: Context): Promise<number> {
  const { terminal, json } = context;
  const store = await openSource(file, options, context);
  try {
    const statistics = await gather(store, file, options, context);
    await terminal.print(
      json ? statisticsJson(file, statistics) : renderStatistics(file, statistics, terminal),
    );
  } finally {
    await store.close();
  }
  return EXIT.fine;
}

async function gather(
  store: RowStore,
  file: string,
  options: StatsOptions,
  { terminal, signal }: Context,
): Promise<DatasetStatistics> {
  const known = Object.keys(await store.schema());
  if (options.keys) checkKeys(options.keys, known, file);
  const progress = startProgress(terminal, `read ${file}`, await store.count());
  try {
    const keys = [...new Set(options.keys ?? known)];
    return await datasetStatistics(store, { keys, maxBins: options.bins, signal, onRows: progress.update });
  } finally {
    progress.stop();
  }
}

/** Integers beyond 2^53 are strings of their digits, as in `head --json`. */
function statisticsJson(file: string, { rows, keys }: DatasetStatistics): string {
  const values = keys.map(({ shape, numbers, texts, ...rest }) => ({
    ...rest,
    shape: [...shape],
    numbers: numbers && {
      ...numbers,
      quantiles: numbers.quantiles.map((quantile) => ({ ...quantile })),
      bins: numbers.bins.map((bin) => ({ ...bin })),
    },
    texts: texts && { ...texts },
  }));
  return jsonValue({ file, rows, keys: values });
}
