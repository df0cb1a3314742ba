import type { ByteSource } from "@stowage/core";
import { FileKernel } from "./file-kernel.js";

const UNSOUND = -1;

/** Where the tree of a commit is. */
export interface LmdbCommit {
  readonly pageSize: number;
  readonly lastPage: number;
  /** Levels of the tree; 0 where it is empty. */
  readonly depth: number;
  readonly root: number;
}

/** Which fields of rows, and where their values go. */
export interface LmdbRowBuffers {
  /** The fields' names, one after the other. */
  readonly names: Uint8Array;
  /** Where each name ends. */
  readonly ends: Uint32Array;
  /** Whether they are all names there are, sorted by their bytes; else only these are wanted. */
  readonly all: boolean;
  readonly values: Uint8Array;
  /**
   * For each row 1 if it has any field, and then two numbers for each field: where its value begins in `values`,
   * 0xffffffff if there is none; its length.
   */
  readonly places: Uint32Array;
}

/**
 * The rows of an asebytes store in LMDB, read from a map.
 *
 * It knows sound pages. Where something needs a closer look it says so, and the caller's TypeScript twin reads it again,
 * to give the value or the error.
 */
export class LmdbKernel {
  readonly #kernel: FileKernel;

  private constructor(kernel: FileKernel) {
    this.#kernel = kernel;
  }

  /** A kernel for a source that is a map of a whole file; `null` for any other, and without the addon. */
  static of(source: ByteSource): LmdbKernel | null {
    const kernel = FileKernel.of(source);
    return kernel && new LmdbKernel(kernel);
  }

  /**
   * Reads rows until one does not fit into `values`. Where the file was cut it may read zeros: the source's `check` tells.
   *
   * @param sortKeys  Two numbers a row, the low half first.
   * @returns How many were read; `null` if one needs a closer look.
   */
  rows(commit: LmdbCommit, sortKeys: Uint32Array, buffers: LmdbRowBuffers): number | null {
    const { pageSize, lastPage, depth, root } = commit;
    const { names, ends, all, values, places } = buffers;
    const numbers = Float64Array.of(pageSize, lastPage, depth, root, Number(all));
    const read = this.#kernel.run("lmdbRows", (addon, map) =>
      addon.lmdbRows(map, numbers, sortKeys, names, ends, values, places),
    );
    return read === UNSOUND ? null : read;
  }
}
