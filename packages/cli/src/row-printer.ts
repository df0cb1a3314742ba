import type { Row } from "@stowage/core";
import type { Context } from "./context.js";
import { jsonRow } from "./render/json.js";
import { formatCount } from "./render/number.js";
import { renderTable } from "./render/table.js";
import { describeRow, kindOf, renderValue } from "./render/value.js";
import { displayWidth, printable } from "./render/width.js";
import type { Terminal } from "./terminal.js";

/** What a value gets at least, however long the keys are. */
const MIN_VALUE_COLUMNS = 24;

/** Prints one row: readable, or as one line of JSON. */
export async function printRow(row: Row, index: number, isNext: boolean, context: Context): Promise<void> {
  const { terminal, json } = context;
  if (!json) return terminal.print([...(isNext ? [""] : []), ...renderRow(row, index, terminal)]);
  // Text is gathered to pieces worth a write, and a long row never becomes one string.
  let text = "";
  for (const piece of jsonRow(row)) {
    text += piece;
    if (text.length < 1 << 16) continue;
    await terminal.write(text);
    text = "";
  }
  await terminal.write(`${text}\n`);
}

/** A row as a title and one line a key. */
export function renderRow(row: Row, index: number, terminal: Terminal): string[] {
  const { paint, width, isInteractive } = terminal;
  const about = describeRow(row);
  const title = paint.bold(`row ${formatCount(index)}`) + (about === "" ? "" : paint.dim(` · ${about}`));
  const cells = Object.entries(row).map(([key, value]) => [printable(key), kindOf(value)] as const);
  const kindColumns = Math.max(0, ...cells.map(([, kind]) => displayWidth(kind)));
  const keyColumns = Math.max(0, ...cells.map(([key]) => displayWidth(key)));
  // Keys give way on a terminal only: in a pipe somebody may search for them.
  const keyLimit = Math.max(16, width - kindColumns - MIN_VALUE_COLUMNS - 6);
  const keyRoom = isInteractive ? Math.min(keyColumns, keyLimit) : keyColumns;
  const valueRoom = Math.max(MIN_VALUE_COLUMNS, width - 6 - keyRoom - kindColumns);
  const lines = renderTable(
    Object.values(row).map((value, i) => [...cells[i]!, renderValue(value, valueRoom)]),
    [isInteractive ? { shrinkTo: keyRoom, keep: "ends" } : {}, { paint: paint.dim }, {}],
    { width },
  );
  return [title, ...lines];
}
