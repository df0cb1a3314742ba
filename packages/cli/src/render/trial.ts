import { basename } from "node:path";
import { lossText } from "../loss-text.js";
import type { ReadRate } from "../read-rates.js";
import type { Terminal } from "../terminal.js";
import type { Trial } from "../trial.js";
import { renderDescription } from "./description.js";
import { renderMismatch } from "./mismatch.js";
import { formatBytes, formatCount, formatDuration, formatPlural, formatRatio } from "./number.js";
import { renderTable } from "./table.js";
import { wrapText } from "./width.js";

/** A trial on one screen: what was written, whether it is equal, what it holds, how fast it reads. */
export function renderTrial(trial: Trial, terminal: Terminal): string[] {
  const { paint } = terminal;
  const title = `${trial.input} → ${trial.isKept ? trial.output : basename(trial.output)}`;
  const lines = [...renderDescription(trial.description, terminal, title), ""];
  lines.push(`  ${paint.dim("packed")}    ${packedText(trial)}`);
  for (const note of trial.losses) lines.push(...indented(lossText(note), 12, terminal));
  lines.push(`  ${paint.dim("compared")}  ${comparedText(trial, terminal)}`);
  for (const mismatch of trial.mismatches)
    lines.push(...renderMismatch(mismatch, ["source", "copy"], terminal));
  const rest = trial.mismatchCount - trial.mismatches.length;
  if (rest > 0) lines.push(`    and ${formatCount(rest)} more`);
  if (trial.rates.length > 0) lines.push("", ...renderRates(trial.rates, terminal));
  return lines;
}

function packedText({ inputBytes, description, writeSeconds, rows }: Trial): string {
  const { bytes } = description;
  const parts = [`${formatPlural(rows, "row")} in ${formatDuration(writeSeconds * 1000)}`];
  if (inputBytes !== null && bytes !== null) {
    parts.push(`${formatBytes(inputBytes)} → ${formatBytes(bytes)}`, formatRatio(inputBytes, bytes));
  }
  return parts.filter((part) => part !== "").join(", ");
}

function comparedText({ values, mismatchCount, compareSeconds }: Trial, { paint }: Terminal): string {
  const verdict =
    mismatchCount === 0
      ? paint.green("all equal")
      : paint.red(formatPlural(mismatchCount, "mismatch", "mismatches"));
  return `${formatPlural(values, "value")} in ${formatDuration(compareSeconds * 1000)}: ${verdict}`;
}

function renderRates(rates: readonly ReadRate[], { paint, width }: Terminal): string[] {
  const rows = rates.map(({ way, structuresPerSecond, atomsPerSecond, bytesPerSecond }) => [
    way,
    formatCount(structuresPerSecond),
    formatCount(atomsPerSecond),
    formatCount(bytesPerSecond / 1e6),
  ]);
  const [head = "", ...lines] = renderTable(
    [["reading (file in memory)", "structures/s", "atoms/s", "MB/s"], ...rows],
    [{}, { align: "right" }, { align: "right" }, { align: "right" }],
    { width, gap: 3 },
  );
  return [paint.dim(head), ...lines];
}

function indented(text: string, indent: number, { width }: Terminal): string[] {
  return wrapText(text, width - indent).map((line) => " ".repeat(indent) + line);
}
