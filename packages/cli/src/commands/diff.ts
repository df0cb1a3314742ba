import type { RowStore } from "@stowage/core";
import type { Command } from "commander";
import { parseCount, parseKeys, parseTolerance } from "../arguments.js";
import type { Context, Run } from "../context.js";
import { checkKeys } from "../dataset.js";
import { type DatasetDifference, diffDatasets } from "../dataset-difference.js";
import { EXIT } from "../exit.js";
import { openSource } from "../open-source.js";
import { startProgress } from "../progress.js";
import { renderDifference } from "../render/difference.js";
import { jsonValue } from "../render/json.js";
import { addSourceOptions, type SourceOptions } from "../source-options.js";

const HELP = `
Examples:
  $ stowage diff water.xyz water.atp
  $ stowage diff old.traj new.traj --rtol 1e-6 --keys calc.energy,calc.forces
  $ stowage diff runs.lmdb runs.lmdb --group train --other-group test

Rows are compared in order. Two numbers a and b are equal within
atol + rtol × |b|; NaN equals NaN, and -0 equals 0.
Ends with 0 if all is equal, 1 if anything differs, 2 for wrong use.
With --json: one object with rows, keys and the first differences.`;

interface DiffCommandOptions extends SourceOptions {
  readonly rtol: number;
  readonly atol: number;
  readonly dtypes: boolean;
  readonly keys?: string[];
  readonly limit: number;
  readonly otherGroup?: string;
}

export function addDiff(program: Command, run: Run): void {
  const command = program
    .command("diff")
    .summary("what two datasets differ in")
    .description("Compares two datasets row by row: numbers of rows, keys, types, shapes, values.")
    .argument("<a>", "a dataset of any known format")
    .argument("<b>", "the one to compare it with")
    .option("--rtol <number>", "relative tolerance", parseTolerance, 0)
    .option("--atol <number>", "absolute tolerance", parseTolerance, 0)
    .option("--no-dtypes", "numbers may be equal in different dtypes")
    .option("--keys <keys>", "only these, separated by commas", parseKeys)
    .option("--limit <n>", "differences to show; all are counted", parseCount, 5)
    .option("--other-group <name>", "read this group of <b>; without it --group is for both");
  addSourceOptions(command)
    .addHelpText("after", HELP)
    .action((a: string, b: string, options: DiffCommandOptions, command: Command) =>
      run(command, (context) => diff(a, b, options, context)),
    );
}

async function diff(a: string, b: string, options: DiffCommandOptions, context: Context): Promise<number> {
  const { terminal, json } = context;
  const left = await openSource(a, options, context);
  try {
    const right = await openSource(b, { ...options, group: options.otherGroup ?? options.group }, context);
    try {
      const difference = await compare(left, right, `${a} and ${b}`, options, context);
      if (json) await terminal.print(differenceJson(a, b, difference));
      else if (!difference.equal || !terminal.quiet) {
        await terminal.print(renderDifference(difference, { a, b }, terminal));
      }
      return difference.equal ? EXIT.fine : EXIT.bad;
    } finally {
      await right.close();
    }
  } finally {
    await left.close();
  }
}

async function compare(
  left: RowStore,
  right: RowStore,
  both: string,
  { rtol, atol, dtypes, keys, limit }: DiffCommandOptions,
  { terminal, signal }: Context,
): Promise<DatasetDifference> {
  const known = { ...(await left.schema()), ...(await right.schema()) };
  if (keys) checkKeys(keys, Object.keys(known), both);
  const progress = startProgress(terminal, "compare", Math.min(await left.count(), await right.count()));
  try {
    return await diffDatasets(left, right, {
      tolerance: { absolute: atol, relative: rtol, anyDtype: !dtypes },
      keys,
      limit,
      signal,
      onRows: progress.update,
    });
  } finally {
    progress.stop();
  }
}

/** Values of rows are written as in `head --json`, infinite differences as `"Infinity"`. */
function differenceJson(a: string, b: string, difference: DatasetDifference): string {
  const { mismatches, keys, ...rest } = difference;
  const differences = mismatches.map(({ row, key, source = null, target = null }) => ({
    row,
    key,
    a: source,
    b: target,
  }));
  return jsonValue({ a, b, ...rest, keys: keys.map((key) => ({ ...key })), differences });
}
