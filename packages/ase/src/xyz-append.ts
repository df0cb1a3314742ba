import { StowageError, type TaskOptions } from "@stowage/core";
import { runSync } from "./byte-requests.js";
import { formatError } from "./errors.js";
import type { FrameFormat } from "./format-frame.js";
import { frameFormat, type XyzFormatOptions } from "./format-rows.js";
import { AppendedFrameFile } from "./frame-files.js";
import type { FrameIndexBuilder } from "./frame-index-builder.js";
import { indexFrames } from "./frame-reader.js";

/** A file that is ready for more frames. */
export interface OpenedForAppending {
  readonly file: AppendedFrameFile;
  /** Of the frames that are there; goes on with those that are added. */
  readonly builder: FrameIndexBuilder;
  readonly format: FrameFormat;
  readonly warnings: readonly string[];
}

/**
 * Opens a file for adding frames, or an empty one where there is none.
 *
 * @throws {StowageError} ERR_LOCKED, ERR_FILE_ACCESS; ERR_XYZ_FORMAT if new frames could not be found again;
 * ERR_OPTION for plain frames in an extended file.
 */
export function openForAppending(path: string, options: XyzFormatOptions & TaskOptions): OpenedForAppending {
  const file = AppendedFrameFile.open(path);
  try {
    const { source } = file;
    const builder = runSync(indexFrames(path, source.byteLength, options), source);
    const { index } = builder;
    const rest = file.continueAt(index.end);
    if (rest === "text") throw blankLine(builder);
    index.end = file.end;
    const warnings = rest === "unfinished" ? [UNFINISHED] : index.warnings;
    return { file, builder, format: formatFor(builder, options), warnings };
  } catch (error) {
    file.discard();
    throw error;
  }
}

const UNFINISHED = "frames of an append that was not finished are ignored, and will be overwritten";

function blankLine({ index }: FrameIndexBuilder): StowageError<"ERR_XYZ_FORMAT"> {
  const { path, nFrames } = index;
  const place = { path, frameIndex: nFrames, firstLine: () => index.nLines + 1 };
  return formatError(place, 0, {
    found: "a blank line, and text after it",
    expected: "an atom count: a blank line ends the file, and nobody would find frames behind it",
    hint: "remove the blank line, or what follows it",
  });
}

/** New frames must not change how the old ones are read: comments without "=" are text only if all are. */
function formatFor({ index }: FrameIndexBuilder, options: XyzFormatOptions): FrameFormat {
  const isText = index.plain && index.keys.typesOf("info.comment").present > 0;
  if (options.plain && !index.plain) {
    throw new StowageError(
      "ERR_OPTION",
      `Cannot append plain frames to ${index.path}: it is extended XYZ, where their comments would be keys`,
      { option: "plain", value: "true" },
    );
  }
  const format = { ...frameFormat(options), plain: isText || (options.plain ?? false) };
  for (const { rowKey, hasIntegers, hasFloats } of index.keys.present) {
    if (hasIntegers) format.losses.wrote(rowKey, "integer");
    if (hasFloats) format.losses.wrote(rowKey, "float");
  }
  return format;
}
