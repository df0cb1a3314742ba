import { type Command, Option } from "commander";
import { parseInteger } from "./arguments.js";

/** How to write a file, for every command that writes one. */
export interface TargetOptions {
  readonly codec?: string;
  readonly level?: number;
  readonly dropUnsupported?: boolean;
  readonly overwrite?: boolean;
}

export function addTargetOptions(command: Command): Command {
  return command
    .addOption(new Option("--codec <codec>", "compression of the target").choices(["none", "lz4", "zstd"]))
    .option("--level <n>", "compression level of the codec", (text) => parseInteger(text))
    .option("--drop-unsupported", "leave out values that the target cannot hold")
    .option("--overwrite", "replace a file that is there");
}
