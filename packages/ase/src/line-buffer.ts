import { findControl, type TextBlock, textBlock } from "./text-block.js";

const LF = 10;
const CR = 13;

/** Gathers one line that may come in several blocks. */
export class LineBuffer {
  text: TextBlock = textBlock(new Uint8Array(256));
  length = 0;
  /** Where the line begins in the input. */
  byteOffset = 0;
  /** Whether the line has a first byte, its line end included. */
  begun = false;
  /** Whether its line end was met. */
  complete = false;
  tooLong = false;
  readonly #maxLength: number;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  clear(): void {
    this.length = 0;
    this.begun = false;
    this.complete = false;
  }

  /**
   * Takes the rest of the line from a block.
   *
   * @param blockOffset  Of the block in the input.
   * @returns Where in the block the line is over, line end included; the block's end if it goes on.
   */
  take(block: TextBlock, start: number, blockOffset: number): number {
    const { bytes } = block;
    if (!this.begun) this.byteOffset = blockOffset + start;
    this.begun = true;
    let end = findControl(block, start);
    while (end < bytes.length && bytes[end] !== LF && bytes[end] !== CR) end = findControl(block, end + 1);
    this.#append(bytes, start, end);
    if (end === bytes.length) return end;
    this.complete = true;
    return bytes[end] === CR && bytes[end + 1] === LF ? end + 2 : end + 1;
  }

  /** The bytes, followed by a line end. */
  terminated(): TextBlock {
    this.#reserve(this.length + 1);
    this.text.bytes[this.length] = LF;
    return this.text;
  }

  #append(bytes: Uint8Array, start: number, end: number): void {
    const length = this.length + end - start;
    this.tooLong = length > this.#maxLength;
    if (this.tooLong) return;
    this.#reserve(length);
    this.text.bytes.set(bytes.subarray(start, end), this.length);
    this.length = length;
  }

  #reserve(length: number): void {
    const { bytes } = this.text;
    if (length <= bytes.length) return;
    this.text = textBlock(new Uint8Array(Math.max(length, 2 * bytes.length)));
    this.text.bytes.set(bytes.subarray(0, this.length));
  }
}
