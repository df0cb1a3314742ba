import type { Command } from "commander";
import type { Context, Run } from "../context.js";
import { sizeOnDisk } from "../dataset.js";
import { type Description, describeDataset } from "../description.js";
import { describeEnvironment, renderEnvironment } from "../environment.js";
import { describeFailure, EXIT, renderFailure, usageError } from "../exit.js";
import { openSource } from "../open-source.js";
import { startProgress } from "../progress.js";
import { renderDescription } from "../render/description.js";
import { addSourceOptions, type SourceOptions } from "../source-options.js";

const HELP = `
Examples:
  $ stowage info water.atp
  $ stowage info *.xyz --json | jq '{file, structures}'
  $ stowage info --env                  versions and runtime, for bug reports

With --json: one object a line, one line a file.`;

interface InfoOptions extends SourceOptions {
  readonly env?: boolean;
}

export function addInfo(program: Command, run: Run): void {
  const command = program
    .command("info")
    .summary("what is in a file, on one screen")
    .description("Shows what is in a file: structures, atoms, species, properties, a histogram.")
    .argument("[file...]", "datasets of any known format")
    .option("--env", "show versions and runtime instead");
  addSourceOptions(command)
    .addHelpText("after", HELP)
    .action((files: string[], options: InfoOptions, command: Command) =>
      run(command, (context) => (options.env ? showEnvironment(context) : info(files, options, context))),
    );
}

async function info(files: readonly string[], options: InfoOptions, context: Context): Promise<number> {
  if (files.length === 0) {
    throw usageError("Cannot show info: no file was given", "file", "", "stowage info FILE");
  }
  let exitCode: number = EXIT.fine;
  for (const [i, file] of files.entries()) {
    try {
      const description = await readDescription(file, options, context);
      await printDescription(description, i > 0, context);
    } catch (error) {
      // One bad file does not hide the others; an interruption ends them all.
      if (context.signal.aborted || files.length === 1) throw error;
      exitCode = EXIT.bad;
      if (context.json) await context.terminal.print(JSON.stringify({ file, error: describeFailure(error) }));
      const { terminal, debug } = context;
      const style = { paint: terminal.paintNote, width: terminal.noteWidth, debug };
      terminal.alert(renderFailure(error, style));
    }
  }
  return exitCode;
}

async function readDescription(file: string, options: SourceOptions, context: Context): Promise<Description> {
  const { terminal, signal } = context;
  const store = await openSource(file, options, context);
  const progress = startProgress(terminal, `read ${file}`, await store.count());
  try {
    const bytes = sizeOnDisk(file);
    return await describeDataset(store, { bytes, signal, onRows: progress.update });
  } finally {
    progress.stop();
    await store.close();
  }
}

async function printDescription(description: Description, isNext: boolean, context: Context): Promise<void> {
  const { terminal, json } = context;
  if (json) return terminal.print(JSON.stringify(description));
  await terminal.print([...(isNext ? [""] : []), ...renderDescription(description, terminal)]);
}

async function showEnvironment({ terminal, json }: Context): Promise<number> {
  const environment = await describeEnvironment();
  await terminal.print(json ? JSON.stringify(environment) : renderEnvironment(environment, terminal));
  return EXIT.fine;
}
