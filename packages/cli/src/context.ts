import type { Command } from "commander";
import type { Terminal } from "./terminal.js";

/** What every command gets besides its own arguments. */
export interface Context {
  readonly terminal: Terminal;
  /** Fires on Ctrl-C, and when the reader of stdout goes away; its reason is an `Interrupted`. */
  readonly signal: AbortSignal;
  /** Print JSON on stdout. */
  readonly json: boolean;
  /** Show stacks. */
  readonly debug: boolean;
}

/** Runs the body of a command and turns what it returns or throws into the exit code. */
export type Run = (command: Command, body: (context: Context) => Promise<number>) => Promise<void>;

/** The options that every command takes, before or after its name. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color?: boolean;
  readonly debug?: boolean;
  readonly plugin?: readonly string[];
}
