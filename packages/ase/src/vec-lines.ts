import { quote } from "@stowage/core";
import { wordsOf } from "./atom-lines.js";
import { formatError } from "./errors.js";
import type { FrameBytes, FrameFacts } from "./frame-decoder.js";
import { parsePythonInt, storePythonFloat } from "./python-number.js";
import { nextLine } from "./text-block.js";

/**
 * Reads the lines `VEC1 x y z`, `VEC2 …` after the atoms of a frame, as ADF writes them.
 *
 * @param start  Where the first of them begins; the last one must have its line end.
 * @returns The cell, and where the line after it begins.
 * @throws {StowageError} ERR_XYZ_FORMAT
 */
export function readVectors(
  { bytes, end }: FrameBytes,
  start: number,
  frame: FrameFacts,
): { cell: Float64Array; end: number } {
  const { nAtoms, nVectors } = frame;
  const cell = new Float64Array(9);
  let at = start;
  for (let i = 0; i < nVectors; i++) {
    const words = at < end ? wordsOf(bytes, at, nAtoms + i, frame) : [];
    const numbered = parsePythonInt(words[0]?.slice("VEC".length) ?? "") === BigInt(i + 1);
    const fits =
      words.length === 4 && [0, 1, 2].every((k) => storePythonFloat(cell, 3 * i + k, words[k + 1]!));
    if (!numbered || !fits) {
      const expected = `VEC${i + 1} and three numbers`;
      throw formatError(frame, nAtoms + 2 + i, { found: quote(words.join(" ")), expected });
    }
    at = nextLine(bytes, at);
  }
  return { cell, end: at };
}
