/** Atom lines as nearly all files have them: an element symbol, then real numbers. */

import type { Column } from "./atom-lines.js";
import type { FrameBytes } from "./frame-decoder.js";
import { lastRows, NOT_A_NUMBER, readRows } from "./real-number.js";

/** Numbers on their way from lines to columns: few enough to stay in the cache of one core. */
const buffer = new Float64Array(2048);

/** Where the values of such lines go. */
export interface UsualColumns {
  /** Atomic numbers; `null` if the lines begin with numbers. */
  readonly symbols: Uint8Array | null;
  readonly reals: readonly (Column & { readonly kind: "real" })[];
  /** Numbers in each line. */
  readonly width: number;
}

/** The columns, if lines have this form; `null` if they do not. */
export function usualColumns(columns: readonly Column[]): UsualColumns | null {
  const symbols = columns[0]?.kind === "symbol" ? columns[0].data : null;
  const rest = symbols === null ? columns : columns.slice(1);
  const reals = rest.filter((column) => column.kind === "real");
  const width = reals.reduce((sum, { count }) => sum + count, 0);
  return reals.length === rest.length && width > 0 && width <= buffer.length
    ? { symbols, reals, width }
    : null;
}

/**
 * Reads lines, as many as the buffer holds or until one is not of this form; `lastRows` tells how many.
 *
 * @param position  Where the line of `atom` begins.
 * @returns Where the last line was read up to; {@link NOT_A_NUMBER} if there is none.
 */
export function readUsualLines(
  { symbols, reals, width }: UsualColumns,
  text: FrameBytes,
  position: number,
  atom: number,
  nAtoms: number,
): number {
  const nRows = Math.min(nAtoms - atom, Math.floor(buffer.length / width));
  const at = readRows(text, position, text.end, symbols, atom, nRows, buffer, 0, width);
  if (at < 0 || text.bytes[at]! > 32) {
    lastRows.count = 0;
    return NOT_A_NUMBER;
  }
  let first = 0;
  for (const { count, data } of reals) {
    let target = atom * count;
    for (let row = 0, source = first; row < lastRows.count; row++, source += width)
      for (let k = 0; k < count; k++) data[target++] = buffer[source + k]!;
    first += count;
  }
  return at;
}
