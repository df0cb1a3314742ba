import type { Bin } from "../streaming-histogram.js";
import { formatCount } from "./number.js";
import { displayWidth, padText } from "./width.js";

export interface Bar {
  readonly label: string;
  readonly count: number;
}

/** A full block and its eighths. */
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];

/**
 * Lines of a horizontal histogram: label, count, bar. The largest count fills the line; a count above zero is never
 * drawn as nothing.
 *
 * @param width  Terminal columns a line may take.
 */
export function renderHistogram(
  bars: readonly Bar[],
  width: number,
  options: { indent?: number; paint?: (text: string) => string } = {},
): string[] {
  const { indent = 2, paint = (text) => text } = options;
  const labelWidth = Math.max(0, ...bars.map(({ label }) => displayWidth(label)));
  const countWidth = Math.max(0, ...bars.map(({ count }) => formatCount(count).length));
  const room = Math.max(8, Math.min(48, width - indent - labelWidth - countWidth - 4));
  const largest = Math.max(1, ...bars.map(({ count }) => count));
  return bars.map(({ label, count }) => {
    const start = `${" ".repeat(indent)}${padText(label, labelWidth, "right")}  `;
    const bar = barOf(count / largest, room);
    return `${start}${padText(formatCount(count), countWidth, "right")}  ${paint(bar)}`.trimEnd();
  });
}

/** A bar over a share (0 to 1) of `room` columns, to an eighth of a column. */
export function barOf(share: number, room: number): string {
  const eighths = share > 0 ? Math.max(1, Math.round(share * room * 8)) : 0;
  return "█".repeat(eighths >> 3) + EIGHTHS[eighths & 7];
}

/** Whole numbers by their first and last value, others by their edges with the digits that tell them apart. */
export function binLabel({ from, to }: Pick<Bin, "from" | "to">, isWhole: boolean): string {
  if (isWhole && Number.isSafeInteger(from) && Number.isSafeInteger(to)) {
    return to - from <= 1 ? formatCount(from) : `${formatCount(from)}–${formatCount(to - 1)}`;
  }
  return `${formatEdge(from, to - from)} … ${formatEdge(to, to - from)}`;
}

/** An edge in as many digits as edges one width apart need to differ. */
function formatEdge(edge: number, width: number): string {
  const decimals = Math.max(0, -Math.floor(Math.log10(width) + 1e-9));
  const size = Math.abs(edge);
  if (size === 0) return edge.toFixed(decimals <= 12 ? decimals : 0);
  if (size < (decimals > 0 ? 1e12 : 1e9) && decimals <= 12) return edge.toFixed(decimals);
  const digits = Math.floor(Math.log10(size)) - Math.floor(Math.log10(width) + 1e-9);
  return edge.toExponential(Math.min(15, Math.max(3, digits)));
}
