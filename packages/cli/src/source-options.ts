import type { Command } from "commander";

/** How to read a file, for every command that reads one. */
export interface SourceOptions {
  /** A format by name, for files whose name does not tell. */
  readonly from?: string;
  /** Open what is whole of a damaged file, where its format can tell. */
  readonly recover?: boolean;
}

export function addSourceOptions(command: Command): Command {
  return command
    .option("--from <format>", "read as this format, whatever the name says")
    .option("--recover", "open a damaged file at its last whole commit");
}
