import { parsePythonInt } from "./python-number.js";
import { endOfLine, lineText } from "./text-block.js";

/**
 * The atom count in the line that begins at `start`, as `int(line)` reads it; NaN if it is none.
 *
 * @param bytes  With a line end after it.
 */
export function readCount(bytes: Uint8Array, start: number): number {
  let count = 0;
  let at = start;
  for (let byte = bytes[at]!; byte >= 48 && byte <= 57; byte = bytes[++at]!) count = count * 10 + byte - 48;
  if (at > start && (bytes[at] === 10 || bytes[at] === 13)) return count;
  const text = lineText(bytes, start, endOfLine(bytes, start)) ?? "";
  return Number(parsePythonInt(text) ?? Number.NaN);
}
