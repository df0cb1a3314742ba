import { Command } from "commander";
import { version } from "../package.json";
import { addConvert } from "./commands/convert.js";
import { addDiff } from "./commands/diff.js";
import { addGet } from "./commands/get.js";
import { addGroups } from "./commands/groups.js";
import { addHead } from "./commands/head.js";
import { addInfo } from "./commands/info.js";
import { addMerge } from "./commands/merge.js";
import { addSelect } from "./commands/select.js";
import { addSplit } from "./commands/split.js";
import { addStats } from "./commands/stats.js";
import { addTry } from "./commands/try.js";
import { addVerify } from "./commands/verify.js";
import type { Run } from "./context.js";
import { type Paint, wantsColor } from "./terminal.js";

const HELP = `
Examples:
  $ stowage info water.xyz
  $ stowage convert water.xyz water.atp --codec lz4
  $ stowage get water.atp -1 --json | jq .

Exit codes:
  0  all went well
  1  the data is bad, missing or unreadable, or the target cannot hold it
  2  the command line is wrong
  130 (129, 143)  stopped by Ctrl-C (SIGHUP, SIGTERM); nothing half done is left`;

export interface ProgramOptions {
  readonly run: Run;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly paint: Paint;
}

/** The whole command line: global options, commands, help. Nothing is printed but by the streams given. */
export function createProgram({ run, stdout, stderr, paint }: ProgramOptions): Command {
  const program = new Command("stowage")
    .description("Inspect, convert and verify scientific datasets.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show help for a command")
    .option("--json", "print JSON on stdout")
    .option("-q, --quiet", "no progress and no notes, only data and errors")
    .option("--no-color", "no colours (so does NO_COLOR)")
    .option("--plugin <package>", "load more formats from a package or a file (repeatable)", append)
    .option("--debug", "print the stack of errors")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      // Errors are printed by main.ts like all others; commander would print them at once.
      outputError: () => {},
      getOutHasColors: () => wantsColor(stdout),
      getErrHasColors: () => wantsColor(stderr),
    })
    .configureHelp({ showGlobalOptions: true, styleTitle: (title) => paint.bold(title) })
    .addHelpText("after", HELP);
  for (const add of [
    addInfo,
    addHead,
    addGet,
    addGroups,
    addStats,
    addSelect,
    addConvert,
    addMerge,
    addSplit,
    addDiff,
    addVerify,
    addTry,
  ])
    add(program, run);
  return program;
}

function append(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}
