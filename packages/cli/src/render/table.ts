import { cutText, displayWidth, padText } from "./width.js";

export interface TableColumn {
  readonly align?: "left" | "right";
  /** May be cut, down to this many columns, where the line is too long. Default: never. */
  readonly shrinkTo?: number;
  /** Which part of a cut text survives. */
  readonly keep?: "start" | "ends";
  /** Colours a cell after it was padded, so that colour codes never count as width. */
  readonly paint?: (text: string) => string;
}

export interface TableOptions {
  /** Terminal columns a line may take; `Infinity` cuts nothing. */
  readonly width: number;
  readonly indent?: number;
  readonly gap?: number;
}

/**
 * Lines of an aligned table. A pure function of its cells; the last column is not padded.
 *
 * @param rows  Cells without control characters, as many in each row as there are columns.
 */
export function renderTable(
  rows: readonly (readonly string[])[],
  columns: readonly TableColumn[],
  options: TableOptions,
): string[] {
  const { width, indent = 2, gap = 2 } = options;
  const natural = columns.map((_, i) => Math.max(0, ...rows.map((row) => displayWidth(row[i] ?? ""))));
  const widths = shrinkColumns(natural, columns, width - indent - gap * (columns.length - 1));
  return rows.map((row) => {
    const cells = columns.map(({ align, keep, paint = (text) => text }, i) => {
      const text = cutText(row[i] ?? "", widths[i]!, keep);
      const last = i === columns.length - 1 && align !== "right";
      return paint(last ? text : padText(text, widths[i]!, align));
    });
    return (" ".repeat(indent) + cells.join(" ".repeat(gap))).trimEnd();
  });
}

/** Takes what is too much from the columns that allow it, always from the widest of them. */
export function shrinkColumns(
  natural: readonly number[],
  columns: readonly TableColumn[],
  available: number,
): number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, width) => sum + width, 0) - available;
  while (excess > 0) {
    let widest = -1;
    columns.forEach(({ shrinkTo }, i) => {
      const room = shrinkTo === undefined ? 0 : widths[i]! - shrinkTo;
      if (room > 0 && (widest < 0 || widths[i]! > widths[widest]!)) widest = i;
    });
    if (widest < 0) break;
    widths[widest]!--;
    excess--;
  }
  return widths;
}
