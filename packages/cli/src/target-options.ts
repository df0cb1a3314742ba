import { type Command, Option } from "commander";
import { parseInteger } from "./arguments.js";
import { isSameFile } from "./dataset.js";
import { usageError } from "./exit.js";

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

/** For commands that can go on where they were stopped. */
export function addResumeOption(command: Command): Command {
  return command.option("--resume", "write into OUTPUT itself, after the rows it has");
}

/** @throws {StowageError} ERR_OPTION where resuming makes no sense. */
export function checkResume(
  { resume, overwrite }: TargetOptions & { readonly resume?: boolean },
  inputs: readonly string[],
  output: string,
): void {
  if (!resume) return;
  if (overwrite) {
    const message =
      "Cannot use --resume and --overwrite together: one keeps what is there, the other does not";
    throw usageError(message, "resume", output, "leave one of them out");
  }
  if (!inputs.some((input) => isSameFile(input, output))) return;
  throw usageError(`Cannot resume ${output}: it is also the input`, "resume", output, "choose another name");
}
