#!/usr/bin/env node
import { setImmediate as breathe } from "node:timers/promises";
import { fileError } from "@stowage/core";
import { type Command, CommanderError } from "commander";
import { createColors } from "picocolors";
import type { Context, GlobalOptions } from "./context.js";
import { exitCodeOf, Interrupted, renderFailure, SIGNALS, usageError } from "./exit.js";
import { loadPlugin } from "./plugin.js";
import { createProgram } from "./program.js";
import { noteWidthOf, Terminal, wantsColor } from "./terminal.js";

/*
 * The process: streams, signals, exit codes. All else is told what it needs and can be tested without one.
 */

const { stdout, stderr } = process;
// Help and errors of the command line itself come before its options are known: look for these by hand.
const color = !process.env.NO_COLOR && !process.argv.includes("--no-color");
const debug = process.argv.includes("--debug");
const stopper = new AbortController();

stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader of a pipe has seen enough (`| head`): no failure, nothing to print. Else it may be a full disk.
  const reason = error.code === "EPIPE" ? new Interrupted("EPIPE") : fileError(error, "write", "the output");
  stopper.abort(reason);
});
stderr.on("error", () => {}); // nobody reads the notes

for (const signal of Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]) {
  process.on(signal, () => {
    // Whoever asks twice does not want to wait; temporary folders go in the exit handler.
    if (stopper.signal.aborted) process.exit(SIGNALS[signal]);
    stopper.abort(new Interrupted(signal));
  });
}
process.on("uncaughtException", (error) => {
  fail(error);
  process.exit();
});

function fail(error: unknown): void {
  // Whatever fell over while stopping, the stop is the reason.
  const reason: unknown = stopper.signal.aborted ? stopper.signal.reason : error;
  process.exitCode = exitCodeOf(reason);
  if (reason instanceof Interrupted && reason.source === "EPIPE") return;
  // Commander throws to end after it has printed help or the version.
  if (reason instanceof CommanderError && /^commander\.(help|version)/.test(reason.code)) return;
  if (reason instanceof Interrupted) return void stderr.write(`stowage: ${reason.message}\n`);
  const shown = reason instanceof CommanderError ? commandLineError(reason) : reason;
  const paint = createColors(color && wantsColor(stderr));
  for (const line of renderFailure(shown, { paint, width: noteWidthOf(stderr), debug })) {
    stderr.write(`${line}\n`);
  }
}

async function run(command: Command, body: (context: Context) => Promise<number>): Promise<void> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const { json = false, quiet = false, plugin = [] } = options;
  const { signal } = stopper;
  const terminal = new Terminal({ stdout, stderr, signal, quiet, color });
  for (const name of plugin) await loadPlugin(name);
  process.exitCode = await body({ terminal, signal, json, debug });
}

/** Commander's sentences, in our form. */
function commandLineError(error: CommanderError): unknown {
  const [message = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const hint = suggestion?.replace(/^\(|\)$/g, "") ?? "stowage --help, or stowage COMMAND --help";
  return usageError(message, "", "", hint);
}

const program = createProgram({ run, stdout, stderr, paint: createColors(color) });
try {
  if (process.argv.length <= 2) program.help({ error: true });
  await program.parseAsync();
  await breathe(); // what stdout refused is reported a turn later
  if (stopper.signal.aborted) fail(stopper.signal.reason);
} catch (error) {
  fail(error);
}
