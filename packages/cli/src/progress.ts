import type { Progress } from "@stowage/core";
import cliProgress from "cli-progress";
import { barOf } from "./render/histogram.js";
import { formatBytes, formatCount, formatDuration, formatPlural } from "./render/number.js";
import { cutText, padText } from "./render/width.js";
import type { Terminal } from "./terminal.js";

export interface ProgressBar {
  update(done: number): void;
  /** Removes the bar from the screen; what comes next begins on a clean line. */
  stop(): void;
}

/** Work that ends sooner than this shows nothing: a bar that flashes by only disturbs. */
const DELAY_MS = 250;
/** In a pipe: a line at each quarter, and never two within this time. */
const LINE_INTERVAL_MS = 5000;

export interface ProgressTask {
  readonly label: string;
  readonly total: number;
  readonly unit: Progress["unit"];
}

export interface ProgressState extends ProgressTask {
  readonly done: number;
  readonly elapsedMs: number;
}

/** Shows how far a task over rows has come: a bar on a terminal, a few lines in a pipe, nothing with `--quiet`. */
export function startProgress(terminal: Terminal, label: string, total: number): ProgressBar {
  return start(terminal, { label, total, unit: "rows" });
}

/** The same for a task that reports by itself how far it has come, and how far it has to go. */
export function followProgress(
  terminal: Terminal,
  label: string,
): { onProgress: (progress: Progress) => void; stop: () => void } {
  let bar: ProgressBar | null = null;
  return {
    onProgress({ done, total, unit }) {
      if (total === undefined) return;
      bar ??= start(terminal, { label, total, unit });
      bar.update(done);
    },
    stop: () => bar?.stop(),
  };
}

function start(terminal: Terminal, task: ProgressTask): ProgressBar {
  if (terminal.quiet) return { update() {}, stop() {} };
  return terminal.stderr.isTTY ? drawnBar(terminal, task) : plainLines(terminal, task);
}

function drawnBar(terminal: Terminal, task: ProgressTask): ProgressBar {
  const started = performance.now();
  const width = terminal.noteWidth; // drawn on terminals only, so it is finite
  let bar: cliProgress.SingleBar | null = null;
  const stop = (): void => {
    process.off("exit", stop);
    bar?.stop();
    bar = null;
  };
  return {
    update(done) {
      if (bar === null) {
        if (performance.now() - started < DELAY_MS) return;
        bar = new cliProgress.SingleBar({
          stream: terminal.stderr,
          format: (_options, params) =>
            progressLine({ ...task, done: params.value, elapsedMs: performance.now() - started }, width),
          hideCursor: true,
          clearOnComplete: true,
          gracefulExit: false, // signals are handled in one place, main.ts
          fps: 12,
        });
        bar.start(task.total, done);
        process.once("exit", stop); // the bar hides the cursor: a sudden end must bring it back
      }
      bar.update(done);
    },
    stop,
  };
}

function plainLines(terminal: Terminal, task: ProgressTask): ProgressBar {
  const started = performance.now();
  let last = started;
  let quarter = 0;
  return {
    update(done) {
      const now = performance.now();
      const reached = Math.floor((4 * done) / Math.max(1, task.total));
      if (reached <= quarter || reached >= 4 || now - last < LINE_INTERVAL_MS) return;
      quarter = reached;
      last = now;
      terminal.note(progressText({ ...task, done, elapsedMs: now - started }));
    },
    stop() {},
  };
}

/** The bar as one line that fits the terminal. */
export function progressLine(state: ProgressState, width: number): string {
  const share = shareOf(state);
  const left = state.done > 0 && share < 1 ? `${formatDuration(timeLeft(state))} left` : "";
  const numbers = `${padText(String(Math.floor(share * 100)), 3, "right")} %  ${amountText(state)}`;
  const label = cutText(state.label, Math.max(8, Math.floor(width / 3)), "ends");
  const room = Math.min(30, width - label.length - numbers.length - 18);
  const bar = room >= 8 ? `${padText(barOf(share, room), room)}  ` : "";
  return cutText(`${label}  ${bar}${numbers}  ${left}`, width - 1);
}

/** The same for a log: `convert 50 %, 512 of 1,024 rows, 12.1 s`. */
export function progressText(state: ProgressState): string {
  const { label, elapsedMs } = state;
  const percent = Math.floor(shareOf(state) * 100);
  return `${label}: ${percent} %, ${amountText(state)}, ${formatDuration(elapsedMs)}`;
}

function amountText({ done, total, unit }: ProgressState): string {
  if (unit === "bytes") return `${formatBytes(done)} of ${formatBytes(total)}`;
  return `${formatCount(done)} of ${formatPlural(total, "row")}`;
}

function shareOf({ done, total }: ProgressState): number {
  return total > 0 ? Math.min(1, done / total) : 1;
}

function timeLeft({ done, total, elapsedMs }: ProgressState): number {
  return (elapsedMs / done) * (total - done);
}
