import { concatStores, type LossNote, type RowStore } from "@stowage/core";
import type { Command } from "commander";
import type { Context, Run } from "../context.js";
import { copyDataset } from "../copy-dataset.js";
import { isSameFile, sizeOnDisk, targetBackend } from "../dataset.js";
import { EXIT, usageError } from "../exit.js";
import { joinTypes } from "../joined-types.js";
import { lossText } from "../loss-text.js";
import { openSource } from "../open-source.js";
import { startProgress } from "../progress.js";
import { printable } from "../render/width.js";
import { type Written, writtenLines } from "../render/written.js";
import { resumeCopy } from "../resume-copy.js";
import { addSourceOptions, type SourceOptions } from "../source-options.js";
import { addResumeOption, addTargetOptions, checkResume, type TargetOptions } from "../target-options.js";

const HELP = `
Examples:
  $ stowage merge run1.traj run2.traj all.atp
  $ stowage merge part-*.xyz whole.xyz

OUTPUT has the rows of all inputs, in the order in which they are named. Where
a key is an integer in one input and a float in another, it is a float in all.
With --resume rows go into OUTPUT itself and stay there when it is stopped; the
same command goes on after them.
With --json: one object with rows, sizes and losses.`;

interface MergeOptions extends SourceOptions, TargetOptions {
  readonly to?: string;
  readonly resume?: boolean;
}

/** What `--json` prints. */
interface Merged extends Written {
  readonly inputs: readonly string[];
  readonly losses: readonly LossNote[];
}

export function addMerge(program: Command, run: Run): void {
  const command = program
    .command("merge")
    .summary("several datasets as one")
    .description("Writes the rows of several datasets into one.")
    .usage("[options] <input...> <output>")
    .argument("<files...>", "the datasets to read, and at last the one to make")
    .option("--to <format>", "write this format, whatever the name says");
  addSourceOptions(addResumeOption(addTargetOptions(command)))
    .addHelpText("after", HELP)
    .action((files: string[], options: MergeOptions, command: Command) =>
      run(command, (context) => merge(files.slice(0, -1), files.at(-1)!, options, context)),
    );
}

async function merge(
  inputs: readonly string[],
  output: string,
  options: MergeOptions,
  context: Context,
): Promise<number> {
  const { terminal, json } = context;
  if (inputs.length === 0) {
    throw usageError("Cannot merge: only one file was given", "files", output, "stowage merge INPUT… OUTPUT");
  }
  const twice = inputs.find((input) => isSameFile(input, output));
  if (twice !== undefined) {
    const message = `Cannot merge into ${output}: it is also an input`;
    throw usageError(message, "output", output, "write to another name");
  }
  checkResume(options, inputs, output);
  const stores: RowStore[] = [];
  let merged: Merged;
  try {
    for (const input of inputs) stores.push(await openSource(input, options, context));
    for (const { name, warnings } of stores) {
      for (const warning of warnings) terminal.note(printable(`warning: ${name}: ${warning}`));
    }
    merged = await writeAll(stores, inputs, output, options, context);
  } finally {
    for (const store of stores) await store.close();
  }
  for (const note of merged.losses) terminal.note(lossText(note));
  if (json) await terminal.print(JSON.stringify(merged));
  for (const line of writtenLines(merged)) terminal.note(line);
  return EXIT.fine;
}

async function writeAll(
  stores: readonly RowStore[],
  inputs: readonly string[],
  output: string,
  options: MergeOptions,
  { terminal, signal }: Context,
): Promise<Merged> {
  const backend = await targetBackend(output, options.to);
  const joined = await joinTypes(stores);
  const began = performance.now();
  const write = options.resume ? resumeCopy : copyDataset;
  const { losses, ...copied } = await write(concatStores(joined.stores), output, backend, {
    target: options,
    signal,
    startProgress: (count) => startProgress(terminal, `merge ${output}`, count),
  });
  const seconds = (performance.now() - began) / 1000;
  const sizes = inputs.map(sizeOnDisk);
  const inputBytes = sizes.reduce<number | null>(
    (sum, size) => (sum === null || size === null ? null : sum + size),
    0,
  );
  return {
    inputs,
    output,
    ...copied,
    inputBytes,
    outputBytes: sizeOnDisk(output),
    seconds,
    losses: [...joined.losses, ...losses],
  };
}
