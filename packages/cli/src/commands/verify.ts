import type { Command } from "commander";
import { parseCount } from "../arguments.js";
import type { Context, Run } from "../context.js";
import { sizeOnDisk } from "../dataset.js";
import { EXIT } from "../exit.js";
import { openSource } from "../open-source.js";
import { startProgress } from "../progress.js";
import { renderVerification } from "../render/verification.js";
import { addSourceOptions, type SourceOptions } from "../source-options.js";
import { verifyDataset } from "../verification.js";

const HELP = `
Examples:
  $ stowage verify water.atp
  $ stowage verify data/*.atp --quiet && echo all good
  $ stowage verify water.atp --json | jq '.problems[].row'

Ends with 1 if anything is wrong, a repaired file included.
With --json: one object a line, one line a file.`;

interface VerifyOptions extends SourceOptions {
  readonly limit: number;
}

export function addVerify(program: Command, run: Run): void {
  const command = program
    .command("verify")
    .summary("read everything, report what is damaged")
    .description("Reads every value of every row and reports what is damaged.")
    .argument("<file...>", "datasets of any known format")
    .option("--limit <n>", "problems to list for each file; the rest is counted", parseCount, 20);
  addSourceOptions(command)
    .addHelpText("after", HELP)
    .action((files: string[], options: VerifyOptions, command: Command) =>
      run(command, (context) => verify(files, options, context)),
    );
}

async function verify(files: readonly string[], options: VerifyOptions, context: Context): Promise<number> {
  const { terminal, signal, json } = context;
  let exitCode: number = EXIT.fine;
  for (const file of files) {
    const result = await verifyDataset(file, {
      open: () => openSource(file, options, context),
      limit: options.limit,
      signal,
      sizeOf: sizeOnDisk,
      startProgress: (rows) => startProgress(terminal, `verify ${file}`, rows),
    });
    if (!result.ok) exitCode = EXIT.bad;
    if (json) await terminal.print(JSON.stringify(result));
    else if (!result.ok || !terminal.quiet) await terminal.print(renderVerification(result, terminal));
  }
  return exitCode;
}
