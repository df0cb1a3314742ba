import { createColors } from "picocolors";
import { wrapText } from "./render/width.js";

export type Paint = ReturnType<typeof createColors>;

export interface TerminalOptions {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Stops what is written to a reader that is slow to take it. */
  readonly signal: AbortSignal;
  readonly quiet: boolean;
  /** `--no-color` or `NO_COLOR`: never; otherwise where a person looks. */
  readonly color: boolean;
}

/**
 * Where commands print: data on stdout, progress and notes on stderr.
 *
 * Each stream is asked by itself whether a person looks at it, so `stowage … | less` keeps its progress bar and
 * colours never reach the pipe.
 */
export class Terminal {
  readonly quiet: boolean;
  /** Colours for stdout. */
  readonly paint: Paint;
  /** Colours for stderr. */
  readonly paintNote: Paint;
  /** Columns of a line on stdout. */
  readonly width: number;
  /** Columns of a line on stderr; `Infinity` in a pipe, where a log keeps one line for one note. */
  readonly noteWidth: number;
  /** Whether a person reads stdout: only then are long keys cut to fit. */
  readonly isInteractive: boolean;
  readonly stderr: NodeJS.WriteStream;
  readonly #stdout: NodeJS.WriteStream;
  readonly #signal: AbortSignal;

  constructor({ stdout, stderr, signal, quiet, color }: TerminalOptions) {
    this.#stdout = stdout;
    this.stderr = stderr;
    this.#signal = signal;
    this.quiet = quiet;
    this.paint = createColors(color && wantsColor(stdout));
    this.paintNote = createColors(color && wantsColor(stderr));
    this.width = columnsOf(stdout);
    this.noteWidth = noteWidthOf(stderr);
    this.isInteractive = stdout.isTTY === true;
  }

  /** Writes data lines, and waits while the reader is slow. */
  async print(lines: string | Iterable<string>): Promise<void> {
    const text = typeof lines === "string" ? lines : [...lines].join("\n");
    await this.write(`${text}\n`);
  }

  /** Writes data as it is. */
  async write(text: string): Promise<void> {
    this.#signal.throwIfAborted();
    if (this.#stdout.write(text)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#stdout.off("drain", done);
        this.#signal.removeEventListener("abort", done);
        resolve();
      };
      this.#stdout.once("drain", done);
      this.#signal.addEventListener("abort", done, { once: true });
    });
    this.#signal.throwIfAborted();
  }

  /** Text for people, wrapped on a terminal; `--quiet` leaves it out. */
  note(text: string): void {
    if (!this.quiet) this.alert(wrapText(text, this.noteWidth));
  }

  /** Lines that people must see. */
  alert(lines: readonly string[]): void {
    for (const line of lines) this.stderr.write(`${line}\n`);
  }
}

/** Whether colour codes belong on a stream: a person looks, and the terminal knows them. */
export function wantsColor(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && process.env.TERM !== "dumb";
}

/** How long a line on stderr may be. */
export function noteWidthOf(stream: NodeJS.WriteStream): number {
  return stream.isTTY ? columnsOf(stream) : Number.POSITIVE_INFINITY;
}

function columnsOf(stream: NodeJS.WriteStream): number {
  const columns = stream.columns ?? Number(process.env.COLUMNS);
  return Number.isInteger(columns) && columns > 0 ? Math.max(40, columns) : 80;
}
