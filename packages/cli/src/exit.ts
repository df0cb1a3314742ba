import { isStowageError, StowageError } from "@stowage/core";
import { CommanderError } from "commander";
import { printable, wrapText } from "./render/width.js";
import type { Paint } from "./terminal.js";

/** What the process answers to its caller. Scripts rely on these numbers: they never change. */
export const EXIT = {
  /** All went well. */
  fine: 0,
  /** The data is bad, missing, unreadable, or cannot be kept by the target. */
  bad: 1,
  /** The command line is wrong: nothing was tried. */
  usage: 2,
} as const;

/** The signals that end a command in good order, with the exit codes that shells expect. */
export const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** Why a command was stopped from outside; the reason of its AbortSignal. */
export class Interrupted extends Error {
  readonly exitCode: number;

  /** @param source  A signal, or `EPIPE`: the reader of stdout had enough, which is no failure. */
  constructor(readonly source: keyof typeof SIGNALS | "EPIPE") {
    super(source === "EPIPE" ? "the reader of the output went away" : `stopped by ${source}`);
    this.exitCode = source === "EPIPE" ? EXIT.fine : SIGNALS[source];
  }
}

/** A command line that is wrong, for the same reporting as everything else. */
export function usageError(message: string, option: string, value: string, hint?: string): StowageError {
  return new StowageError("ERR_OPTION", message, { option, value }, { hint });
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return error.exitCode;
  // Commander also throws to end after --help and --version: those carry 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.usage;
  return isStowageError(error, "ERR_OPTION") ? EXIT.usage : EXIT.bad;
}

/** What a failure looks like to programs, in `--json` output. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** Any thrown value as code, message and hint. Errors that are not ours are faults of Stowage, and say so. */
export function describeFailure(error: unknown): Failure {
  if (isStowageError(error)) {
    const hint = hintForCommandLine(error);
    return { code: error.code, message: error.message, ...(hint === undefined ? {} : { hint }) };
  }
  const name = error instanceof Error ? error.name : typeof error;
  const message = error instanceof Error ? error.message : String(error);
  const systemCode = (error as { code?: unknown } | null)?.code;
  return {
    code: typeof systemCode === "string" ? systemCode : "ERR_UNEXPECTED",
    message: `Unexpected ${name}: ${message}`,
    hint: "this looks like a fault in Stowage: run it again with --debug and report what it prints",
  };
}

/** Libraries hint at options of functions; here the same thing has another name. */
function hintForCommandLine(error: StowageError): string | undefined {
  if (error.code === "ERR_FILE_EXISTS") return "choose another name, or pass --overwrite";
  if (error.code === "ERR_LOSS") {
    const { key } = error.details as { key: string };
    const drop = `pass --drop-unsupported to leave out what the format cannot hold, or --drop ${printable(key)}`;
    const isThat = error.hint === undefined || error.hint.includes('unsupported: "drop"');
    return isThat ? drop : `${error.hint}; or ${drop}`;
  }
  // `recover: true` there is `--recover` here.
  return error.hint?.replace(/\b([a-z]+): true\b/g, "--$1");
}

export interface FailureStyle {
  readonly paint: Paint;
  /** Columns of a line. */
  readonly width: number;
  /** Also print the stack. */
  readonly debug: boolean;
}

/** The lines that tell a person about a failure. */
export function renderFailure(error: unknown, { paint, width, debug }: FailureStyle): string[] {
  const { code, message, hint } = describeFailure(error);
  // Colours come after wrapping: their codes take no columns.
  const [first = "", ...rest] = wrapText(`stowage: ${printable(message)} [${code}]`, width);
  const lines = [first.replace(/^stowage:/, paint.red("stowage:")), ...rest];
  if (hint !== undefined) {
    const [start = "", ...more] = wrapText(`hint: ${printable(hint)}`, width);
    lines.push(start.replace(/^hint:/, paint.cyan("hint:")), ...more);
  }
  if (debug && error instanceof Error) {
    lines.push(error.stack ?? "");
    for (let { cause } = error as { cause?: unknown }; cause instanceof Error; cause = cause.cause) {
      lines.push(`caused by ${cause.stack ?? cause.message}`);
    }
  }
  return lines;
}
