import { closed, type LossNote, progressReporter, type TaskOptions } from "@stowage/core";
import { type FrameFormat, formatFrame } from "./format-frame.js";
import { type Frames, frameFormat, rowsOf, type XyzFormatOptions } from "./format-rows.js";
import { type FrameFile, NewFrameFile } from "./frame-files.js";
import { openForAppending } from "./xyz-append.js";

export interface XyzWriteOptions extends XyzFormatOptions {
  /** Replace a file that is there. Default: refuse. */
  overwrite?: boolean;
}

/** What a finished writer tells. */
export interface XyzSummary {
  readonly frames: number;
  /** What was widened, changed or left out, one note for each key and reason. */
  readonly losses: readonly LossNote[];
}

/** Text is gathered to this length before it is encoded and written. */
const CHUNK_LENGTH = 1 << 20;

/**
 * Writes frames to an XYZ file, one by one.
 *
 * A `using` block that is left without `close()` keeps nothing that was not flushed: an error in the middle must not
 * leave a file that looks complete.
 *
 * @example
 * ```ts
 * using writer = XyzWriter.create("relaxed.xyz");
 * for (const atoms of XyzFile.open("start.xyz")) writer.append(relax(atoms));
 * writer.close();
 * ```
 */
export class XyzWriter {
  readonly path: string;
  /** What opening found, such as an earlier append that was not finished. */
  readonly warnings: readonly string[];
  readonly #file: FrameFile;
  readonly #format: FrameFormat;
  /** Frames that wait to be written: small ones are written together. */
  #text = "";
  #length = 0;
  #open = true;

  private constructor(path: string, file: FrameFile, format: FrameFormat, warnings: readonly string[] = []) {
    this.path = path;
    this.warnings = warnings;
    this.#file = file;
    this.#format = format;
  }

  /** Begins a new file, which gets its name when it is closed. @throws {StowageError} ERR_FILE_EXISTS */
  static create(path: string, options: XyzWriteOptions = {}): XyzWriter {
    return new XyzWriter(path, new NewFrameFile(path, options), frameFormat(options));
  }

  /**
   * Opens a file to add frames at its end, where others see them after `flush` or `close`.
   *
   * @throws {StowageError} ERR_LOCKED if somebody else is writing it, ERR_XYZ_FORMAT if it is no XYZ file.
   */
  static open(path: string, options: XyzFormatOptions & TaskOptions = {}): XyzWriter {
    const { file, format, warnings } = openForAppending(path, options);
    return new XyzWriter(path, file, format, warnings);
  }

  /** Frames added by this writer. */
  get length(): number {
    return this.#length;
  }

  /** What was widened, changed or left out, one note for each key and reason. */
  get losses(): readonly LossNote[] {
    return this.#format.losses.notes;
  }

  /**
   * Adds frames. Those before one that cannot be written are added.
   *
   * @throws {StowageError} ERR_LOSS for values that XYZ cannot hold, ERR_ROW for rows that are no structures.
   */
  append(frames: Frames): void {
    this.#checkOpen();
    for (const row of rowsOf(frames)) {
      this.#text += formatFrame(row, this.#format);
      this.#length++;
      if (this.#text.length >= CHUNK_LENGTH) this.#write();
    }
  }

  /** Makes durable what was added to a file that was there before; a new file is durable when it is closed. */
  flush(): void {
    this.#checkOpen();
    this.#write();
    this.#file.flush();
  }

  /** Completes the file. Does nothing when closed already. */
  close(): void {
    if (!this.#open) return;
    this.#write();
    this.#open = false;
    this.#file.close();
  }

  /** Ends without what was not flushed. Does nothing when closed already. */
  discard(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#file.discard();
  }

  [Symbol.dispose](): void {
    this.discard();
  }

  #write(): void {
    if (this.#text === "") return;
    this.#file.write(new TextEncoder().encode(this.#text));
    this.#text = "";
  }

  #checkOpen(): void {
    if (!this.#open) throw closed(this.path);
  }
}

/**
 * Writes all frames to a new file. The file appears when it is complete, or not at all.
 *
 * @throws {StowageError} ERR_FILE_EXISTS, ERR_LOSS, ERR_ROW
 *
 * @example
 * ```ts
 * writeXyz("low.xyz", [...XyzFile.open("md.xyz")].filter((atoms) => Number(atoms.calc.energy) < -380));
 * ```
 */
export function writeXyz(
  path: string,
  frames: Frames,
  options: XyzWriteOptions & TaskOptions = {},
): XyzSummary {
  using writer = XyzWriter.create(path, options);
  const report = progressReporter(options, "rows");
  for (const row of rowsOf(frames)) {
    writer.append(row);
    report(writer.length);
  }
  writer.close();
  report.end();
  return { frames: writer.length, losses: writer.losses };
}
