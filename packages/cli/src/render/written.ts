import { formatBytes, formatCount, formatDuration, formatPlural, formatRatio } from "./number.js";
import { printable } from "./width.js";

/** What became of a dataset that was written. */
export interface Written {
  readonly output: string;
  readonly rows: number;
  readonly atoms: number;
  /** On disk; `null` for what is not on this machine. */
  readonly inputBytes: number | null;
  readonly outputBytes: number | null;
  readonly seconds: number;
}

/** Two lines: what was written and how fast, and what became of the size. */
export function writtenLines({ output, rows, atoms, inputBytes, outputBytes, seconds }: Written): string[] {
  const amount = [formatPlural(rows, "row"), ...(atoms > 0 ? [formatPlural(atoms, "atom")] : [])].join(", ");
  const rate = `${formatCount(rows / Math.max(seconds, 1e-6))} rows/s`;
  const lines = [`${printable(output)}: ${amount} in ${formatDuration(seconds * 1000)} (${rate})`];
  if (inputBytes !== null && outputBytes !== null) {
    const ratio = formatRatio(inputBytes, outputBytes);
    lines.push(`${formatBytes(inputBytes)} → ${formatBytes(outputBytes)}${ratio === "" ? "" : `, ${ratio}`}`);
  }
  return lines;
}
