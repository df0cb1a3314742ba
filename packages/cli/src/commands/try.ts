import { mkdirSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { fileError } from "@stowage/core";
import type { Command } from "commander";
import { parseCount } from "../arguments.js";
import type { Context, Run } from "../context.js";
import { EXIT } from "../exit.js";
import { openSource } from "../open-source.js";
import { startProgress } from "../progress.js";
import { jsonValue } from "../render/json.js";
import { renderTrial } from "../render/trial.js";
import { scratchFolder } from "../scratch.js";
import { addSourceOptions, type SourceOptions } from "../source-options.js";
import { addTargetOptions, type TargetOptions } from "../target-options.js";
import { type Trial, tryDataset } from "../trial.js";

const HELP = `
Examples:
  $ stowage try water.xyz
  $ stowage try *.xyz --codec zstd --keep packed/

Packs each file as .atp, compares every value of every row with the original,
and measures how fast the copy reads. Ends with 1 if a value differs.
With --json: one object a line, one line a file.`;

interface TryOptions extends SourceOptions, TargetOptions {
  readonly keep?: string;
  readonly seed: number;
  readonly rates: boolean;
}

/** Mismatches to print for each file. */
const LIMIT = 10;

export function addTry(program: Command, run: Run): void {
  const command = program
    .command("try")
    .summary("pack, compare, measure")
    .description("Packs datasets as .atp, checks that nothing changed, and measures how fast they read.")
    .argument("<file...>", "datasets of any known format")
    .option("--keep <folder>", "keep the packed files there")
    .option("--seed <n>", "of the shuffled reading order", parseCount, 0)
    .option("--no-rates", "do not measure how fast the copy reads");
  addSourceOptions(addTargetOptions(command))
    .addHelpText("after", HELP)
    .action((files: string[], options: TryOptions, command: Command) =>
      run(command, (context) => tryAll(files, options, context)),
    );
}

async function tryAll(files: readonly string[], options: TryOptions, context: Context): Promise<number> {
  const { terminal, json } = context;
  const { folder, leave } = outputFolder(options.keep);
  let exitCode: number = EXIT.fine;
  try {
    const outputs = outputNames(files);
    for (const [i, file] of files.entries()) {
      const trial = await tryOne(file, join(folder, outputs[i]!), options, context);
      if (trial.mismatchCount > 0) exitCode = EXIT.bad;
      if (json) await terminal.print(trialJson(trial));
      else if (trial.mismatchCount > 0 || !terminal.quiet) {
        await terminal.print([...(i > 0 ? [""] : []), ...renderTrial(trial, terminal)]);
      }
    }
  } finally {
    leave();
  }
  return exitCode;
}

function tryOne(file: string, output: string, options: TryOptions, context: Context): Promise<Trial> {
  const { terminal, signal } = context;
  const { seed, rates, keep } = options;
  return tryDataset(file, output, {
    open: () => openSource(file, options, context),
    target: options,
    seed: rates ? seed : null,
    isKept: keep !== undefined,
    limit: LIMIT,
    signal,
    startProgress: (label, rows) => startProgress(terminal, `${label} ${file}`, rows),
  });
}

/** The folder to keep, or a temporary one that goes at the end. */
function outputFolder(keep: string | undefined): { folder: string; leave: () => void } {
  if (keep !== undefined) {
    try {
      mkdirSync(keep, { recursive: true });
    } catch (error) {
      throw fileError(error, "create", keep);
    }
    return { folder: keep, leave: () => {} };
  }
  return scratchFolder("stowage-try-");
}

/** `a/md.xyz` and `b/md.xyz` become `md.atp` and `md-2.atp`. */
export function outputNames(files: readonly string[]): string[] {
  const taken = new Set<string>();
  return files.map((file) => {
    const stem = basename(file, extname(file));
    let name = `${stem}.atp`;
    for (let copy = 2; taken.has(name); copy++) name = `${stem}-${copy}.atp`;
    taken.add(name);
    return name;
  });
}

/** As JSON.stringify, but mismatches hold values of rows, which are written as in `head --json`. */
function trialJson({ mismatches, ...trial }: Trial): string {
  const pairs = mismatches.map(({ row, key, source = null, target = null }) => ({
    row,
    key,
    source,
    copy: target,
  }));
  return `${JSON.stringify(trial).slice(0, -1)},"mismatches":${jsonValue(pairs)}}`;
}
