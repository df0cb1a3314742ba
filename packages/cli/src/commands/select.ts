import type { RowStore } from "@stowage/core";
import type { Command } from "commander";
import { parseCount, parseKeys } from "../arguments.js";
import type { Context, Run } from "../context.js";
import { copyDataset } from "../copy-dataset.js";
import { checkKeys, isSameFile, sizeOnDisk, targetBackend } from "../dataset.js";
import { EXIT, usageError } from "../exit.js";
import { lossText } from "../loss-text.js";
import { matchingIndices, matchingRows } from "../matching-rows.js";
import { openSource } from "../open-source.js";
import { startProgress } from "../progress.js";
import { parseQuery } from "../query/parse-query.js";
import { type RowFilter, rowFilter } from "../query/row-filter.js";
import { printable } from "../render/width.js";
import { writtenLines } from "../render/written.js";
import { printRow } from "../row-printer.js";
import { addSourceOptions, type SourceOptions } from "../source-options.js";
import { addTargetOptions, type TargetOptions } from "../target-options.js";

const HELP = `
Examples:
  $ stowage select md.xyz 'natoms<50,Cu>=2,energy<0'
  $ stowage select md.xyz 'C2H6O,fmax<=0.05' relaxed.atp
  $ stowage select md.xyz '0.1<fmax<=0.5,name!=water' --keys calc.energy
  $ stowage select md.xyz 'pbc=TTT' --count

QUERY has the grammar of ase db; all conditions, separated by commas, hold:
  Cu>=2, Cu, Cu2O      numbers of atoms; contains this element, these atoms
  formula=Cu2O         exactly these atoms
  key, -key            rows that have the key, or have not
  key<1, key=text      also <=, >=, >, !=, and ranges as in 1<=key<2
Names: id (from 1), natoms, energy, fmax, smax, volume, mass, charge, magmom,
pbc (as TTF), and any key of the rows, with or without info. or calc.
A query that begins with - goes behind --, as in: stowage select -- FILE -key
Without OUTPUT it prints the indices of the rows, from 0. With --json: one
object a line, with the index and the keys of --keys.`;

interface SelectOptions extends SourceOptions, TargetOptions {
  readonly keys?: string[];
  readonly limit?: number;
  readonly count?: boolean;
  readonly to?: string;
}

interface Selection {
  readonly filter: RowFilter;
  readonly limit: number | undefined;
  readonly signal: AbortSignal;
  readonly onRows: (done: number) => void;
}

export function addSelect(program: Command, run: Run): void {
  const command = program
    .command("select")
    .summary("rows by a query, as ase db has it")
    .description("Finds the rows that fulfil a query, and prints their indices or writes them to OUTPUT.")
    .argument("<file>", "a dataset of any known format")
    .argument("<query>", "conditions separated by commas")
    .argument("[output]", "the dataset to make of them")
    .option("--keys <keys>", "print these keys of the rows, separated by commas", parseKeys)
    .option("--count", "print how many rows there are")
    .option("--limit <n>", "only the first rows that are found", parseCount)
    .option("--to <format>", "write this format, whatever the name says");
  addSourceOptions(addTargetOptions(command))
    .addHelpText("after", HELP)
    .action(
      (file: string, query: string, output: string | undefined, options: SelectOptions, command: Command) =>
        run(command, (context) => select(file, query, output, options, context)),
    );
}

async function select(
  file: string,
  query: string,
  output: string | undefined,
  options: SelectOptions,
  context: Context,
): Promise<number> {
  const { terminal } = context;
  const conditions = parseQuery(query);
  if (output !== undefined) checkOutput(file, output, options);
  const store = await openSource(file, options, context);
  try {
    const schema = await store.schema();
    const filter = rowFilter(conditions, schema, file);
    if (options.keys) checkKeys(options.keys, Object.keys(schema), file);
    for (const warning of store.warnings) terminal.note(printable(`warning: ${file}: ${warning}`));
    if (output !== undefined) await writeSelection(store, file, filter, output, options, context);
    else await printSelection(store, file, filter, options, context);
  } finally {
    await store.close();
  }
  return EXIT.fine;
}

function checkOutput(file: string, output: string, { keys, count }: SelectOptions): void {
  const option = count ? "count" : keys ? "keys" : null;
  if (option !== null) {
    const message = `Cannot use --${option} with an output: it says what to print`;
    throw usageError(message, option, output, "leave one of them out");
  }
  if (!isSameFile(file, output)) return;
  const message = `Cannot write to ${output}: it is the dataset to select from`;
  throw usageError(message, "output", output, "choose another name");
}

async function printSelection(
  store: RowStore,
  file: string,
  filter: RowFilter,
  options: SelectOptions,
  context: Context,
): Promise<void> {
  const { terminal, signal, json } = context;
  const { keys, limit, count } = options;
  const progress = startProgress(terminal, `select ${file}`, await store.count());
  const selection = { filter, limit, signal, onRows: progress.update };
  try {
    if (count) await printCount(store, selection, context);
    else if (keys !== undefined) await printRows(store, keys, selection, context);
    else {
      for await (const found of matchingIndices(store, selection)) {
        if (found.length > 0)
          await terminal.print(found.map((index) => (json ? `{"index":${index}}` : String(index))));
      }
    }
  } finally {
    progress.stop();
  }
}

async function printCount(store: RowStore, selection: Selection, { terminal, json }: Context): Promise<void> {
  let count = 0;
  for await (const found of matchingIndices(store, selection)) count += found.length;
  await terminal.print(json ? JSON.stringify({ count }) : String(count));
}

async function printRows(
  store: RowStore,
  keys: readonly string[],
  selection: Selection,
  context: Context,
): Promise<void> {
  let printed = 0;
  for await (const { indices, rows } of matchingRows(store, { ...selection, keys })) {
    for (const [i, row] of rows.entries()) {
      await printRow(
        context.json ? { index: indices[i]!, ...row } : row,
        indices[i]!,
        printed++ > 0,
        context,
      );
    }
  }
}

async function writeSelection(
  store: RowStore,
  file: string,
  filter: RowFilter,
  output: string,
  options: SelectOptions,
  { terminal, signal, json }: Context,
): Promise<void> {
  const backend = await targetBackend(output, options.to);
  const began = performance.now();
  const { losses, ...copied } = await copyDataset(store, output, backend, {
    target: options,
    matching: { filter, limit: options.limit },
    signal,
    startProgress: (rows) => startProgress(terminal, `select ${file}`, rows),
  });
  const seconds = (performance.now() - began) / 1000;
  const sizes = { inputBytes: sizeOnDisk(file), outputBytes: sizeOnDisk(output) };
  const written = { input: file, output, ...copied, ...sizes, seconds };
  for (const note of losses) terminal.note(lossText(note));
  if (json) await terminal.print(JSON.stringify({ ...written, losses }));
  for (const line of writtenLines(written)) terminal.note(line);
}
