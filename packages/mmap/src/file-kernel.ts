import type { ByteSource } from "@stowage/core";
import { kernelError } from "./errors.js";
import { MmapFile } from "./mmap-file.js";
import { type NativeAddon, type NativeMapping, nativeAddon } from "./native.js";

const TRUNCATED = -2;

/** What kernels over a file that may grow have in common: the map of the whole file, and the addon. */
export class FileKernel {
  readonly #file: MmapFile;
  readonly #addon: NativeAddon;

  private constructor(file: MmapFile, addon: NativeAddon) {
    this.#file = file;
    this.#addon = addon;
  }

  /** For a source that is a map of a whole file; `null` for any other, and without the addon. */
  static of(source: ByteSource): FileKernel | null {
    const addon = nativeAddon();
    if (addon === null || !(source instanceof MmapFile)) return null;
    return MmapFile.nativeMap(source)?.byteOffset === 0 ? new FileKernel(source, addon) : null;
  }

  /**
   * @returns What the kernel returns; `null` where the file was cut and is whole again.
   * @throws {StowageError} ERR_MAPPING_TRUNCATED, ERR_NATIVE
   */
  run(name: string, kernel: (addon: NativeAddon, mapping: NativeMapping) => number): number | null {
    const { mapping } = MmapFile.nativeMap(this.#file)!;
    let result: number;
    try {
      result = kernel(this.#addon, mapping);
    } catch (cause) {
      throw kernelError(name, cause);
    }
    if (result !== TRUNCATED) return result;
    this.#file.check();
    return null;
  }
}
