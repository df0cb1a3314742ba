import { type LossNote, type RowStore, Sampler } from "@stowage/core";
import { type Command, Option } from "commander";
import { parseCount, parseCounts, parseFractions } from "../arguments.js";
import type { Context, Run } from "../context.js";
import { type Draft, draftCopy } from "../copy-dataset.js";
import { isSameFile, isUrl, targetBackend } from "../dataset.js";
import { EXIT, usageError } from "../exit.js";
import { lossText } from "../loss-text.js";
import { openSource } from "../open-source.js";
import { partNames } from "../part-names.js";
import { type PartSizes, partCounts } from "../part-sizes.js";
import { pickedStore } from "../picked-store.js";
import { startProgress } from "../progress.js";
import { formatPlural } from "../render/number.js";
import { renderTable } from "../render/table.js";
import { printable } from "../render/width.js";
import { consecutiveParts, type Part, stratifiedParts } from "../row-parts.js";
import { addSourceOptions, type SourceOptions } from "../source-options.js";
import { type StratifyBy, strataOf } from "../stratification.js";
import { addTargetOptions, type TargetOptions } from "../target-options.js";
import { finalPath } from "../write-target.js";

const HELP = `
Examples:
  $ stowage split water.atp water.atp --fractions 0.8,0.1,0.1 --shuffle
      writes water-train.atp, water-val.atp and water-test.atp
  $ stowage split md.xyz train.atp test.atp --counts rest,1000 --seed 7
  $ stowage split md.xyz part.atp --fractions 0.5,0.5 --stratify composition

One OUTPUT for several parts is a template. Every row goes to exactly one part;
the same seed gives the same parts. The parts appear together or not at all.
With --json: one object with the name and rows of each part.`;

interface SplitOptions extends SourceOptions, TargetOptions {
  readonly fractions?: number[];
  readonly counts?: (number | "rest")[];
  readonly shuffle?: boolean;
  readonly seed?: number;
  readonly stratify?: StratifyBy;
  readonly to?: string;
}

interface WrittenPart {
  readonly output: string;
  readonly rows: number;
  readonly atoms: number;
  readonly losses: readonly LossNote[];
}

export function addSplit(program: Command, run: Run): void {
  const command = program
    .command("split")
    .summary("one dataset as several, such as train and test")
    .description("Deals the rows of a dataset out to several new ones.")
    .argument("<file>", "a dataset of any known format")
    .argument("<output...>", "the datasets to make, or one name as a template")
    .option("--fractions <list>", "share of each part; they add up to 1", parseFractions)
    .option("--counts <list>", 'rows of each part; one may be "rest"', parseCounts)
    .option("--shuffle", "mix the rows first; parts are in that order")
    .option("--seed <n>", "of the shuffle, which it asks for (default: 0)", parseCount)
    .addOption(
      new Option("--stratify <by>", "give each part its share of each").choices(["size", "composition"]),
    )
    .option("--to <format>", "write this format, whatever the names say");
  addSourceOptions(addTargetOptions(command))
    .addHelpText("after", HELP)
    .action((file: string, outputs: string[], options: SplitOptions, command: Command) =>
      run(command, (context) => split(file, outputs, options, context)),
    );
}

async function split(
  file: string,
  names: readonly string[],
  options: SplitOptions,
  context: Context,
): Promise<number> {
  const { terminal, json } = context;
  const sizes = sizesOf(options);
  const outputs = partNames(names, ("fractions" in sizes ? sizes.fractions : sizes.counts).length);
  checkOutputs(outputs, file, options);
  const source = await openSource(file, options, context);
  let written: WrittenPart[];
  try {
    for (const warning of source.warnings) terminal.note(printable(`warning: ${file}: ${warning}`));
    const parts = await partsOf(source, sizes, options, context);
    written = await writeParts(source, parts, outputs, options, context);
  } finally {
    await source.close();
  }
  const notes = new Set(written.flatMap(({ losses }) => losses.map(lossText)));
  for (const note of notes) terminal.note(note);
  if (json) await terminal.print(JSON.stringify({ file, parts: written }));
  const rows = written.map(({ output, rows, atoms }) => [
    printable(output),
    formatPlural(rows, "row"),
    atoms > 0 ? formatPlural(atoms, "atom") : "",
  ]);
  const columns = [{}, { align: "right" }, { align: "right" }] as const;
  for (const line of renderTable(rows, columns, { width: terminal.noteWidth, indent: 0 }))
    terminal.note(line);
  return EXIT.fine;
}

function sizesOf({ fractions, counts }: SplitOptions): PartSizes {
  if (fractions !== undefined && counts === undefined) return { fractions };
  if (counts !== undefined && fractions === undefined) return { counts };
  throw usageError(
    "Cannot split: say how large the parts are, either by --fractions or by --counts",
    "fractions",
    "",
    "stowage split FILE OUTPUT --fractions 0.8,0.1,0.1",
  );
}

/** Before anything is read: all names are free, differ, and none is the source. */
function checkOutputs(outputs: readonly string[], file: string, { overwrite = false }: SplitOptions): void {
  for (const [i, output] of outputs.entries()) {
    const others = [file, ...outputs.slice(0, i)];
    const same = others.find((other) => isSameFile(other, output));
    if (same === undefined) {
      if (!isUrl(output)) finalPath(output, overwrite);
      continue;
    }
    const reason = same === file ? "it is the dataset to split" : "it is named twice";
    throw usageError(`Cannot write a part to ${output}: ${reason}`, "output", output, "choose another name");
  }
}

async function partsOf(
  source: RowStore,
  sizes: PartSizes,
  { shuffle = false, seed, stratify }: SplitOptions,
  { terminal, signal }: Context,
): Promise<Part[]> {
  const length = await source.count();
  const counts = partCounts(sizes, length);
  const order = new Sampler({ length, shuffle: shuffle || seed !== undefined, seed });
  const rowAt = (place: number): number => order.at(place);
  if (stratify === undefined) return consecutiveParts(counts, rowAt);
  const progress = startProgress(terminal, `read ${source.name}`, length);
  try {
    const strata = await strataOf(source, stratify, { signal, onRows: progress.update });
    return stratifiedParts(counts, strata, rowAt);
  } finally {
    progress.stop();
  }
}

/** Writes all parts, and gives them their names when the last one is complete. */
async function writeParts(
  source: RowStore,
  parts: readonly Part[],
  outputs: readonly string[],
  options: SplitOptions,
  { terminal, signal }: Context,
): Promise<WrittenPart[]> {
  const drafts: Draft[] = [];
  try {
    for (const [i, { length, at }] of parts.entries()) {
      const output = outputs[i]!;
      const backend = await targetBackend(output, options.to);
      const draft = await draftCopy(pickedStore(source, length, at), output, backend, {
        target: options,
        signal,
        startProgress: (rows) => startProgress(terminal, `write ${output}`, rows),
      });
      drafts.push(draft);
    }
    for (const draft of drafts) await draft.commit();
  } catch (error) {
    for (const draft of drafts) await draft.abandon(error);
    throw error;
  }
  return drafts.map(({ copied }, i) => ({ output: outputs[i]!, ...copied }));
}
