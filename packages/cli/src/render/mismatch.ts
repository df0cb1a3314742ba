import type { Mismatch } from "../expected-row.js";
import type { Terminal } from "../terminal.js";
import { formatCount } from "./number.js";
import { renderTable } from "./table.js";
import { kindOf, renderValue } from "./value.js";
import { cutText, printable } from "./width.js";

/**
 * A value that two datasets do not agree on: its place, and both values below.
 *
 * @param sides  What the two datasets are called.
 */
export function renderMismatch(
  { row, key, source, target }: Mismatch,
  sides: readonly [string, string],
  terminal: Terminal,
): string[] {
  const cells = [source, target].map((value, i) =>
    value === undefined
      ? [sides[i]!, "absent", ""]
      : [sides[i]!, kindOf(value), renderValue(value, Math.max(24, terminal.width - 36))],
  );
  const place = `row ${formatCount(row)}, ${printable(key)}`;
  return [
    `    ${terminal.paint.red(terminal.isInteractive ? cutText(place, terminal.width - 4, "ends") : place)}`,
    ...renderTable(cells, [{}, {}, {}], { width: terminal.width, indent: 6 }),
  ];
}
