import type { Command } from "commander";

/** How to read a file, for every command that reads one. */
export interface SourceOptions {
  /** A format by name, for files whose name does not tell. */
  readonly from?: string;
  /** Which dataset, where the file or folder holds several. */
  readonly group?: string;
  /** Open what is whole of a damaged file, where its format can tell. */
  readonly recover?: boolean;
}

export function addSourceOptions(command: Command): Command {
  return command
    .option("--from <format>", "read as this format, whatever the name says")
    .option("--group <name>", "read this group, of a store that has several")
    .option("--recover", "open a damaged file at its last whole commit");
}
