import { setKey } from "@stowage/core";
import type { Command } from "commander";
import type { Context, Run } from "../context.js";
import { groupsOf, openDataset } from "../dataset.js";
import { EXIT } from "../exit.js";
import { formatPlural } from "../render/number.js";
import { renderTable } from "../render/table.js";
import { printable } from "../render/width.js";

const HELP = `
Examples:
  $ stowage groups runs.lmdb
  $ stowage info runs.lmdb --group train

With --json: one object, the number of rows by group.`;

export function addGroups(program: Command, run: Run): void {
  program
    .command("groups")
    .summary("the datasets that one path holds")
    .description("Lists the groups of a store with their rows. Formats without groups have none.")
    .argument("<path>", "a dataset of any known format")
    .option("--from <format>", "read as this format, whatever the name says")
    .addHelpText("after", HELP)
    .action((path: string, options: { from?: string }, command: Command) =>
      run(command, (context) => listGroups(path, options.from, context)),
    );
}

async function listGroups(path: string, from: string | undefined, context: Context): Promise<number> {
  const { terminal, json } = context;
  const counts: Record<string, number> = {};
  for (const group of await groupsOf(path, from)) {
    const store = await openDataset(path, { from, group }, context);
    setKey(counts, group, await store.count());
    await store.close();
  }
  if (json) await terminal.print(JSON.stringify({ path, groups: counts }));
  else if (Object.keys(counts).length === 0) terminal.note(`${path} has no groups`);
  else {
    const rows = Object.entries(counts).map(([group, count]) => [
      printable(group),
      formatPlural(count, "row"),
    ]);
    await terminal.print(renderTable(rows, [{}, { align: "right" }], { width: terminal.width, indent: 0 }));
  }
  return EXIT.fine;
}
