import { formatBytes, formatCount, formatDuration, formatPlural, formatRatio } from "./number.js";
import { printable } from "./width.js";

/** What became of a dataset that was written. */
export interface Written {
  readonly output: string;
  readonly rows: number;
  readonly atoms: number;
  /** Rows that were there before, where it went on after those. */
  readonly resumedAt?: number;
  /** On disk; `null` for what is not on this machine. */
  readonly inputBytes: number | null;
  readonly outputBytes: number | null;
  readonly seconds: number;
}

/** Two lines: what was written and how fast, and what became of the size. */
export function writtenLines(written: Written): string[] {
  const { output, rows, atoms, resumedAt = 0, inputBytes, outputBytes, seconds } = written;
  const amount = [formatPlural(rows, "row"), ...(atoms > 0 ? [formatPlural(atoms, "atom")] : [])].join(", ");
  const rate = `${formatCount(rows / Math.max(seconds, 1e-6))} rows/s`;
  const after = resumedAt > 0 ? `, after ${formatPlural(resumedAt, "row")} that were there` : "";
  const lines = [`${printable(output)}: ${amount} in ${formatDuration(seconds * 1000)} (${rate})${after}`];
  if (inputBytes !== null && outputBytes !== null) {
    const ratio = formatRatio(inputBytes, outputBytes);
    lines.push(`${formatBytes(inputBytes)} → ${formatBytes(outputBytes)}${ratio === "" ? "" : `, ${ratio}`}`);
  }
  return lines;
}
