import type { DatasetDifference, KeyDifference } from "../dataset-difference.js";
import type { Terminal } from "../terminal.js";
import { renderMismatch } from "./mismatch.js";
import { formatCount, formatPlural } from "./number.js";
import { renderTable } from "./table.js";
import { printable } from "./width.js";

/** Two datasets side by side: the verdict, the keys that are not the same, the first values that differ. */
export function renderDifference(
  difference: DatasetDifference,
  names: { readonly a: string; readonly b: string },
  terminal: Terminal,
): string[] {
  const { equal, rows, differentRows, keys, mismatches } = difference;
  const { paint } = terminal;
  const verdict = equal ? paint.green("equal") : paint.red("different");
  const lines = [`${verdict}  ${printable(names.a)} ↔ ${printable(names.b)}  ${paint.dim(rowsText(rows))}`];
  // Within the tolerance there may be something to see, too.
  const notable = keys.filter(({ firstRow, maxAbsolute }) => firstRow !== null || maxAbsolute > 0);
  if (notable.length > 0) lines.push("", ...renderKeys(notable, terminal));
  if (mismatches.length > 0) {
    lines.push("", `  ${formatPlural(differentRows, "row differs", "rows differ")}, the first values:`);
    for (const mismatch of mismatches) lines.push(...renderMismatch(mismatch, ["A", "B"], terminal));
  }
  return lines;
}

function rowsText({ a, b }: DatasetDifference["rows"]): string {
  return a === b ? formatPlural(a, "row") : `${formatCount(a)} and ${formatCount(b)} rows`;
}

/** What a key's line says; those marked `wide` wait for a wide terminal, or a pipe. */
const COLUMNS: readonly { head: string; wide?: true; cell: (key: KeyDifference) => string }[] = [
  { head: "key", cell: ({ key }) => printable(key) },
  { head: "A only", wide: true, cell: ({ onlyInA }) => formatCount(onlyInA) },
  { head: "B only", wide: true, cell: ({ onlyInB }) => formatCount(onlyInB) },
  { head: "in both", wide: true, cell: ({ compared }) => formatCount(compared) },
  { head: "types", cell: ({ types, shapes }) => formatCount(types + shapes) },
  { head: "values", cell: ({ values }) => formatCount(values) },
  { head: "max |a-b|", cell: ({ maxAbsolute }) => formatSize(maxAbsolute) },
  { head: "relative", wide: true, cell: ({ maxRelative }) => formatSize(maxRelative) },
  { head: "first row", cell: ({ firstRow }) => (firstRow === null ? "" : formatCount(firstRow)) },
];

function renderKeys(keys: readonly KeyDifference[], { paint, width, isInteractive }: Terminal): string[] {
  const columns = COLUMNS.filter(({ wide }) => !(wide && isInteractive && width < 100));
  const rows = keys.map((key) => columns.map(({ cell }) => cell(key)));
  const [head = "", ...lines] = renderTable(
    [columns.map((column) => column.head), ...rows],
    columns.map((_, i) =>
      i === 0
        ? { shrinkTo: isInteractive ? 12 : Number.POSITIVE_INFINITY, keep: "ends" }
        : { align: "right" },
    ),
    { width },
  );
  return [paint.dim(head), ...lines];
}

/** A difference to three digits: how large it is matters, not its last digit. */
function formatSize(size: number): string {
  return size === 0 ? "0" : String(Number(size.toPrecision(3)));
}
