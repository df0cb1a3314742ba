import type { Command } from "commander";
import { parseCount, parseKeys } from "../arguments.js";
import type { Context, Run } from "../context.js";
import { checkKeys } from "../dataset.js";
import { EXIT } from "../exit.js";
import { openSource } from "../open-source.js";
import { readBatches } from "../row-batches.js";
import { printRow } from "../row-printer.js";
import { addSourceOptions, type SourceOptions } from "../source-options.js";

const HELP = `
Examples:
  $ stowage head water.xyz
  $ stowage head water.atp -n 3 --keys calc.energy,calc.forces
  $ stowage head water.atp -n 100 --json | jq '."calc.energy"'

With --json: one row a line, with every value in full.`;

interface HeadOptions extends SourceOptions {
  readonly number: number;
  readonly keys?: string[];
}

export function addHead(program: Command, run: Run): void {
  const command = program
    .command("head")
    .summary("the first rows")
    .description("Prints the first rows of a dataset.")
    .argument("<file>", "a dataset of any known format")
    .option("-n, --number <rows>", "how many rows", parseCount, 5)
    .option("--keys <keys>", "only these, separated by commas", parseKeys);
  addSourceOptions(command)
    .addHelpText("after", HELP)
    .action((file: string, options: HeadOptions, command: Command) =>
      run(command, (context) => head(file, options, context)),
    );
}

async function head(file: string, options: HeadOptions, context: Context): Promise<number> {
  const { number, keys } = options;
  const { signal } = context;
  const store = await openSource(file, options, context);
  try {
    if (keys) checkKeys(keys, Object.keys(await store.schema()), file);
    for await (const { start, rows } of readBatches(store, { stop: number, keys, signal })) {
      for (const [i, row] of rows.entries()) await printRow(row, start + i, start + i > 0, context);
    }
  } finally {
    await store.close();
  }
  return EXIT.fine;
}
