import { quote, type StowageError } from "@stowage/core";
import { readCount } from "./count-line.js";
import { type FramePlace, formatError } from "./errors.js";
import { LineBuffer } from "./line-buffer.js";
import { strip } from "./python-text.js";
import { findControl, lineText, type TextBlock, textBlock } from "./text-block.js";

/** A frame as it was found. */
export interface FoundFrame {
  /** Of its count line, from the start of the input. */
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Bytes of the count line and the comment line, with their line ends. */
  readonly headerLength: number;
  readonly nAtoms: number;
  /** Lines `VEC1`, `VEC2`, `VEC3` after the atoms, which hold a cell. */
  readonly nVectors: number;
  /** The text that holds the comment. Valid during the call. */
  readonly comment: TextBlock;
  readonly commentStart: number;
  /** The place of its line end. */
  readonly commentEnd: number;
  /** Line of the count, from 1. */
  readonly firstLine: number;
}

/** Atoms in a frame, at most: the positions of more fill no single buffer. */
const MAX_ATOMS = 2 ** 28;
/** Longer lines are no atom counts. */
const MAX_COUNT_LINE = 2 ** 12;
/** Longer lines are no comments. */
const MAX_COMMENT = 2 ** 26;

const LF = 10;
const CR = 13;

/**
 * Finds frames in bytes that are pushed block by block, with the memory of one comment line.
 *
 * Lines end as in Python's text files: with \n, \r\n or \r. A blank line in place of a count ends the input. Whether
 * `VEC` lines belong to a frame shows only after it: a frame is announced when the next one begins or the input ends.
 *
 * @see ase 3.29 `ase/io/extxyz.py` (`read_xyz`)
 */
export class FrameScanner {
  /** Frames announced. */
  nFrames = 0;
  /** Where the last announced frame ends. */
  end = 0;
  /** The blank line (from 1) that ended the input although more text follows; 0 if there is none. */
  ignoredAfter = 0;

  readonly #path: string;
  readonly #onFrame: (frame: FoundFrame) => void;
  #state: "count" | "comment" | "atoms" | "ended" = "count";
  /** Bytes of the input before the block in hand. */
  #offset = 0;
  /** Complete lines so far. */
  #nLines = 0;
  /** The last block ended with \r, which waits for what follows: \r\n is one line end. */
  #heldReturn = false;
  readonly #count = new LineBuffer(MAX_COUNT_LINE);
  readonly #comment = new LineBuffer(MAX_COMMENT);
  /** The frame in hand; in state "count" it is complete but for VEC lines. */
  #frame: { -readonly [key in keyof FoundFrame]: FoundFrame[key] } | null = null;
  #atomsLeft = 0;
  /** Whether the current atom line has any bytes yet. */
  #inLine = false;

  /** @param start  Of the input, or where an earlier scanner ended. */
  constructor(
    onFrame: (frame: FoundFrame) => void,
    start: { path: string; end: number; nFrames: number; nLines: number },
  ) {
    this.#path = start.path;
    this.#onFrame = onFrame;
    this.#offset = start.end;
    this.#nLines = start.nLines;
    this.nFrames = start.nFrames;
    this.end = start.end;
  }

  /** @throws {StowageError} ERR_XYZ_FORMAT */
  push(bytes: Uint8Array): void {
    let block = bytes;
    if (block.length === 0) return;
    if (this.#heldReturn) {
      this.#heldReturn = false;
      const pair = block[0] === LF;
      this.#scan(textBlock(Uint8Array.from(pair ? [CR, LF] : [CR])));
      if (pair) block = block.subarray(1);
    }
    if (block.at(-1) === CR) {
      this.#heldReturn = true;
      block = block.subarray(0, -1);
    }
    this.#scan(textBlock(block));
  }

  /** Ends the input: the last line needs no line end. @throws {StowageError} ERR_XYZ_FORMAT for a frame cut short. */
  finish(): void {
    if (this.#heldReturn) this.#scan(textBlock(Uint8Array.of(CR)));
    this.#heldReturn = false;
    if (this.#state === "count" && this.#count.begun) this.#endCount(this.#offset);
    if (this.#state === "comment" && this.#comment.begun) this.#endComment(this.#offset);
    if (this.#state === "atoms" && this.#inLine && this.#atomsLeft === 1) this.#endAtoms(this.#offset);
    if (this.#state === "comment" || this.#state === "atoms") throw this.#cutShort(this.#frame!);
    this.#announce();
    this.#state = "ended";
  }

  #scan(block: TextBlock): void {
    const { length } = block.bytes;
    let at = 0;
    while (at < length) {
      switch (this.#state) {
        case "count":
          at = this.#count.take(block, at, this.#offset);
          if (this.#count.tooLong) throw this.#noCount("a very long line");
          if (this.#count.complete) this.#endCount(this.#offset + at);
          break;
        case "comment":
          at = this.#comment.take(block, at, this.#offset);
          if (this.#comment.tooLong) {
            throw formatError(this.#place(this.#frame!), 1, {
              found: `a line of more than ${MAX_COMMENT} bytes`,
              expected: "a comment",
            });
          }
          if (this.#comment.complete) this.#endComment(this.#offset + at);
          break;
        case "atoms":
          at = this.#passAtoms(block, at);
          break;
        case "ended":
          if (this.ignoredAfter === 0 && block.bytes.subarray(at).some(isVisible))
            this.ignoredAfter = this.#nLines;
          at = length;
      }
    }
    this.#offset += length;
  }

  /** Passes over atom lines. */
  #passAtoms(block: TextBlock, start: number): number {
    const { bytes } = block;
    let at = start;
    let left = this.#atomsLeft;
    let lineStart = this.#inLine ? -1 : at;
    while (left > 0) {
      at = findControl(block, at);
      if (at === bytes.length) break;
      const byte = bytes[at++];
      if (byte !== LF && byte !== CR) continue;
      if (byte === CR && bytes[at] === LF) at++;
      lineStart = at;
      left--;
    }
    this.#atomsLeft = left;
    this.#inLine = lineStart !== at;
    if (left === 0) this.#endAtoms(this.#offset + at);
    return at;
  }

  #endCount(end: number): void {
    const { length, byteOffset } = this.#count;
    const { bytes } = this.#count.terminated();
    this.#nLines++;
    this.#count.clear();
    const nAtoms = readCount(bytes, 0);
    if (nAtoms >= 0 && nAtoms <= MAX_ATOMS) {
      this.#announce();
      this.#begin(byteOffset, nAtoms);
    } else {
      this.#endOtherLine(strip(lineText(bytes, 0, length) ?? "bytes that are not UTF-8"), end);
    }
  }

  /** A line in place of a count: blank, or a cell vector. */
  #endOtherLine(line: string, end: number): void {
    const frame = this.#frame;
    if (line === "") {
      this.#announce();
      this.#state = "ended";
    } else if (line.startsWith("VEC") && frame !== null) {
      frame.nVectors++;
      frame.byteLength = end - frame.byteOffset;
      if (frame.nVectors <= 3) return;
      const expected = "at most 3 cell vectors";
      throw formatError(this.#place(frame), frame.nAtoms + 5, { found: quote(line), expected });
    } else {
      throw this.#noCount(quote(line), this.#nLines);
    }
  }

  #begin(byteOffset: number, nAtoms: number): void {
    this.#state = "comment";
    this.#comment.clear();
    this.#frame = {
      byteOffset,
      byteLength: 0,
      headerLength: 0,
      nAtoms,
      nVectors: 0,
      comment: this.#comment.text,
      commentStart: 0,
      commentEnd: 0,
      firstLine: this.#nLines,
    };
  }

  #endComment(end: number): void {
    const frame = this.#frame!;
    this.#nLines++;
    frame.comment = this.#comment.terminated();
    frame.commentEnd = this.#comment.length;
    frame.headerLength = end - frame.byteOffset;
    frame.byteLength = frame.headerLength;
    this.#atomsLeft = frame.nAtoms;
    this.#inLine = false;
    this.#state = frame.nAtoms === 0 ? "count" : "atoms";
  }

  #endAtoms(end: number): void {
    const frame = this.#frame!;
    this.#nLines += frame.nAtoms;
    frame.byteLength = end - frame.byteOffset;
    this.#state = "count";
  }

  #announce(): void {
    const frame = this.#frame;
    if (frame === null) return;
    this.#frame = null;
    this.nFrames++;
    this.end = frame.byteOffset + frame.byteLength;
    this.#onFrame(frame);
  }

  #place(frame: FoundFrame): FramePlace {
    return { path: this.#path, frameIndex: this.nFrames, firstLine: () => frame.firstLine };
  }

  /** @param line  From 1. */
  #noCount(found: string, line = this.#nLines + 1): StowageError<"ERR_XYZ_FORMAT"> {
    const frameIndex = this.nFrames + (this.#frame === null ? 0 : 1);
    const place = { path: this.#path, frameIndex, firstLine: () => line };
    const hint = frameIndex > 0 ? "does the frame before have more atoms than its count says?" : undefined;
    return formatError(place, 0, { found, expected: "an atom count", hint });
  }

  #cutShort(frame: FoundFrame): StowageError<"ERR_XYZ_FORMAT"> {
    if (this.#state === "comment") {
      return formatError(this.#place(frame), 1, {
        found: "the end of the input",
        expected: "a comment line",
      });
    }
    const complete = frame.nAtoms - this.#atomsLeft;
    const lines = complete + (this.#inLine ? 1 : 0);
    return formatError(this.#place(frame), 2 + complete, {
      found: `the end of the input, after ${lines} atom lines`,
      expected: `${frame.nAtoms} atom lines`,
    });
  }
}

function isVisible(byte: number): boolean {
  return byte > 32;
}
