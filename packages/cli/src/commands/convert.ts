import type { BackendSpec, LossNote, RowStore } from "@stowage/core";
import type { Command } from "commander";
import { parseKeys, parseRange, type RowRange, resolveRange } from "../arguments.js";
import type { Context, Run } from "../context.js";
import { copyDataset } from "../copy-dataset.js";
import { checkKeys, sizeOnDisk, targetBackend } from "../dataset.js";
import { EXIT } from "../exit.js";
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
  $ stowage convert md.xyz md.atp
  $ stowage convert md.xyz md.atp --codec zstd --level 9
  $ stowage convert md.atp last.xyz --range -100: --drop info.comment

OUTPUT appears when it is complete: an error or Ctrl-C leaves nothing behind.
What the target format cannot hold is refused, unless --drop or
--drop-unsupported accepts the loss.
With --resume rows go into OUTPUT itself and stay there when it is stopped; the
same command goes on after them.
With --json: one object with rows, sizes and losses.`;

interface ConvertOptions extends SourceOptions, TargetOptions {
  readonly to?: string;
  readonly range?: RowRange;
  readonly drop?: string[];
  readonly resume?: boolean;
}

/** What `--json` prints. */
interface Conversion extends Written {
  readonly input: string;
  readonly losses: readonly LossNote[];
  readonly warnings: readonly string[];
}

export function addConvert(program: Command, run: Run): void {
  const command = program
    .command("convert")
    .summary("from any format to any other")
    .description("Converts a dataset to the format that OUTPUT's extension names.")
    .argument("<input>", "a dataset of any known format")
    .argument("<output>", "the dataset to make")
    .option("--to <format>", "write this format, whatever the name says")
    .option(
      "--range <first:last>",
      "only these rows; last is exclusive, negative counts from the end",
      parseRange,
    )
    .option("--drop <keys>", "leave out these keys, separated by commas", parseKeys);
  addSourceOptions(addResumeOption(addTargetOptions(command)))
    .addHelpText("after", HELP)
    .action((input: string, output: string, options: ConvertOptions, command: Command) =>
      run(command, (context) => convert(input, output, options, context)),
    );
}

async function convert(
  input: string,
  output: string,
  options: ConvertOptions,
  context: Context,
): Promise<number> {
  const { terminal, json } = context;
  const backend = await targetBackend(output, options.to);
  checkResume(options, [input], output);
  const source = await openSource(input, options, context);
  let result: Conversion;
  try {
    for (const warning of source.warnings) terminal.note(printable(`warning: ${input}: ${warning}`));
    result = await copy(source, input, output, backend, options, context);
  } finally {
    await source.close();
  }
  for (const note of result.losses) terminal.note(lossText(note));
  if (json) await terminal.print(JSON.stringify(result));
  for (const line of writtenLines(result)) terminal.note(line);
  return EXIT.fine;
}

async function copy(
  source: RowStore,
  input: string,
  output: string,
  backend: BackendSpec,
  options: ConvertOptions,
  { terminal, signal }: Context,
): Promise<Conversion> {
  const { drop = [], range = { from: 0, to: undefined } } = options;
  checkKeys(drop, Object.keys(await source.schema()), input);
  const inputBytes = sizeOnDisk(input); // now: OUTPUT may take its place
  const began = performance.now();
  const write = options.resume ? resumeCopy : copyDataset;
  const { losses, ...copied } = await write(source, output, backend, {
    target: options,
    ...resolveRange(range, await source.count()),
    drop,
    signal,
    startProgress: (rows) => startProgress(terminal, `convert ${input}`, rows),
  });
  const seconds = (performance.now() - began) / 1000;
  const sizes = { inputBytes, outputBytes: sizeOnDisk(output) };
  return { input, output, ...copied, ...sizes, seconds, losses, warnings: [...source.warnings] };
}
