import type { ByteSource } from "@stowage/core";
import { FileKernel } from "./file-kernel.js";

/** Numbers that {@link XyzKernel.scan} gives for each frame, by their place. */
export const XyzFrame = {
  start: 0,
  commentStart: 1,
  /** Of its line end. */
  commentEnd: 2,
  /** Where the atom lines begin. */
  rows: 3,
  /** Where the next frame begins. */
  end: 4,
  nAtoms: 5,
  /** 1 if the comment has the keys and types of that of the frame found before, in the same form. */
  alike: 6,
  /** How many there are. */
  size: 7,
} as const;

/** What a column of atom lines is, to {@link XyzKernel.rows}. */
export const XyzColumn = { symbol: 0, real: 1, integer: 2, skip: 3 } as const;

/**
 * The frames and atom lines of extended XYZ, read from a map on all cores.
 *
 * It knows usual text. Where a frame needs a closer look it says so, and the caller's TypeScript twin reads it again, to
 * give the value or the error.
 */
export class XyzKernel {
  readonly #kernel: FileKernel;

  private constructor(kernel: FileKernel) {
    this.#kernel = kernel;
  }

  /** A kernel for a source that is a map of a whole file; `null` for any other, and without the addon. */
  static of(source: ByteSource): XyzKernel | null {
    const kernel = FileKernel.of(source);
    return kernel && new XyzKernel(kernel);
  }

  /**
   * Finds frames that follow each other from `start` on, until `found` is full or one ends at or behind `stop`.
   *
   * @param found  Takes the numbers of {@link XyzFrame} for each.
   * @returns How many there are; 0 if the first one needs a closer look.
   * @throws {StowageError} ERR_MAPPING_TRUNCATED
   */
  scan(start: number, stop: number, found: Float64Array): number {
    return this.#kernel.run("xyzScan", (addon, map) => addon.xyzScan(map, start, stop, found)) ?? 0;
  }

  /**
   * Reads the atom lines of frames.
   *
   * @param columns  Two numbers each: a kind of {@link XyzColumn}, and how many words.
   * @param frames   Three each: where the atom lines begin and end, and the number of atoms.
   * @param groups   How many of these frames, in their order, share outputs.
   * @param outputs  For each group and column, its values: uint8 for symbols, float64, int32, none for what is skipped.
   * @param read     Takes 1 for each frame that was read. Others need a closer look; their outputs are zeros.
   * @throws {StowageError} ERR_MAPPING_TRUNCATED
   */
  rows(
    columns: Uint32Array,
    frames: Float64Array,
    groups: Uint32Array,
    outputs: Uint8Array[],
    read: Uint8Array,
  ): void {
    const done = this.#kernel.run("xyzRows", (addon, map) =>
      addon.xyzRows(map, columns, frames, groups, outputs, read),
    );
    if (done === null) read.fill(0);
  }
}
