import { type Atoms, atomsToRow, type Row, type RowSchema } from "@stowage/core";
import { type FrameFormat, formatFrame } from "./format-frame.js";
import { LossLog } from "./losses.js";

export interface XyzFormatOptions {
  /** Plain XYZ: symbols and positions, and `info.comment` as the comment. All else is left out, and noted. */
  plain?: boolean;
  /** Values that XYZ cannot hold: refuse the frame (default) or leave them out and note it. */
  unsupported?: "error" | "drop";
  /** What is known of all frames to come: keys that are float64 are written so that they stay float64. */
  schema?: RowSchema;
}

/** What is written, with what it loses. */
export function frameFormat(options: XyzFormatOptions): FrameFormat {
  const { plain = false, unsupported = "error", schema } = options;
  return { plain, schema, losses: new LossLog(plain || unsupported === "drop") };
}

/** Structures or rows, given one by one or together. */
export type Frames = Atoms | Row | Iterable<Atoms | Row>;

/** Turns whatever frames were given into rows. */
export function* rowsOf(frames: Frames): Generator<Row, void, undefined> {
  if (!(Symbol.iterator in frames)) yield rowOf(frames);
  else for (const frame of frames as Iterable<Atoms | Row>) yield rowOf(frame);
}

function rowOf(frame: Atoms | Row): Row {
  return "atomicNumbers" in frame ? atomsToRow(frame as Atoms) : frame;
}

/**
 * Frames as extended XYZ text, which ASE and this package read back with equal values.
 *
 * @throws {StowageError} ERR_LOSS for values that XYZ cannot hold, ERR_ROW for rows that are no structures.
 *
 * @example
 * ```ts
 * const text = formatXyz(new Atoms({ atomicNumbers: [1, 1], positions: new Float64Array(6), info: { id: 7 } }));
 * ```
 */
export function formatXyz(frames: Frames, options: XyzFormatOptions = {}): string {
  const format = frameFormat(options);
  let text = "";
  for (const row of rowsOf(frames)) text += formatFrame(row, format);
  return text;
}
