import { getRow } from "@stowage/core";
import type { Command } from "commander";
import { parseInteger, parseKeys } from "../arguments.js";
import type { Context, Run } from "../context.js";
import { checkKeys } from "../dataset.js";
import { EXIT } from "../exit.js";
import { openSource } from "../open-source.js";
import { printRow } from "../row-printer.js";
import { addSourceOptions, type SourceOptions } from "../source-options.js";

const HELP = `
Examples:
  $ stowage get water.atp 42
  $ stowage get water.atp 0 -1 --keys arrays.positions --json

With --json: one row a line, with every value in full, in the order asked for.`;

interface GetOptions extends SourceOptions {
  readonly keys?: string[];
}

export function addGet(program: Command, run: Run): void {
  const command = program
    .command("get")
    .summary("single rows")
    .description("Prints rows by index.")
    .argument("<file>", "a dataset of any known format")
    .argument("<index...>", "0 is the first row, -1 the last", (text, previous: number[] = []) => [
      ...previous,
      parseInteger(text),
    ])
    .option("--keys <keys>", "only these, separated by commas", parseKeys);
  addSourceOptions(command)
    .addHelpText("after", HELP)
    .action((file: string, indices: number[], options: GetOptions, command: Command) =>
      run(command, (context) => get(file, indices, options, context)),
    );
}

async function get(
  file: string,
  indices: readonly number[],
  options: GetOptions,
  context: Context,
): Promise<number> {
  const { keys } = options;
  const store = await openSource(file, options, context);
  try {
    if (keys) checkKeys(keys, Object.keys(await store.schema()), file);
    const count = await store.count();
    for (const [i, index] of indices.entries()) {
      const row = await getRow(store, index, keys);
      await printRow(row, index < 0 ? index + count : index, i > 0, context);
    }
  } finally {
    await store.close();
  }
  return EXIT.fine;
}
