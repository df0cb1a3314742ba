import { fileError, nodeFs, StowageError, writeFully } from "@stowage/core";
import type { Engine, FileRange } from "./engine.js";
import { nativeRequired } from "./errors.js";

/** A file longer than this is not read into memory whole: that is what maps are for. */
const MAX_LOADED_BYTES = 2 ** 30;
const MAX_IO_BYTES = 2 ** 30;

/**
 * The stand-in for a map where there is no addon: the range is read into memory when a view is first asked for, and
 * what was stored there is written back by `flush` and `close`.
 */
export class LoadedFile implements Engine {
  readonly kind = "buffered";
  readonly #range: FileRange;
  readonly #fd: number;
  readonly #reason: string;
  #byteLength: number;
  #loaded: Uint8Array<ArrayBuffer> | null = null;

  /**
   * @param fd      Open; the engine's from here on.
   * @param reason  Why there is no map.
   */
  constructor(fd: number, range: FileRange, reason: string) {
    this.#range = range;
    this.#fd = fd;
    this.#reason = reason;
    this.#byteLength = this.#lengthNow();
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  view(byteOffset: number, byteLength: number): Uint8Array {
    return this.#load().subarray(byteOffset, byteOffset + byteLength);
  }

  readInto(target: Uint8Array, byteOffset: number): void {
    if (this.#loaded !== null) target.set(this.#loaded.subarray(byteOffset, byteOffset + target.length));
    else this.#read(target, byteOffset);
  }

  check(): void {
    // What was read is in memory, whatever happens to the file.
  }

  refresh(): void {
    const byteLength = this.#lengthNow();
    if (byteLength === this.#byteLength) return;
    this.#writeBack(0, this.#byteLength);
    this.#unload();
    this.#byteLength = byteLength;
  }

  advise(): void {
    // Positional reads leave the read-ahead to the system.
  }

  populate(): void {
    this.#load();
  }

  flush(byteOffset: number, byteLength: number): void {
    this.#writeBack(byteOffset, byteLength);
    if (this.#range.mode === "r+") this.#try("flush", (fs) => fs.fdatasyncSync(this.#fd));
  }

  close(): void {
    try {
      this.#writeBack(0, this.#byteLength);
    } finally {
      this.#unload();
      nodeFs().closeSync(this.#fd);
    }
  }

  #load(): Uint8Array {
    if (this.#loaded !== null) return this.#loaded;
    if (this.#byteLength > MAX_LOADED_BYTES) {
      throw nativeRequired(`view a file of ${this.#byteLength} bytes`, this.#reason);
    }
    const bytes = new Uint8Array(this.#byteLength);
    this.#read(bytes, 0);
    this.#loaded = bytes;
    return bytes;
  }

  #unload(): void {
    const buffer = this.#loaded?.buffer;
    this.#loaded = null;
    // Detached, so that a view kept too long is empty here, too.
    if (buffer !== undefined && buffer.byteLength > 0) structuredClone(buffer, { transfer: [buffer] });
  }

  #writeBack(byteOffset: number, byteLength: number): void {
    if (this.#range.mode !== "r+" || this.#loaded === null) return;
    const bytes = this.#loaded.subarray(byteOffset, byteOffset + byteLength);
    this.#try("write", () => writeFully(this.#fd, bytes, this.#range.byteOffset + byteOffset));
  }

  #read(target: Uint8Array, byteOffset: number): void {
    const { path } = this.#range;
    const start = this.#range.byteOffset + byteOffset;
    this.#try("read", (fs) => {
      for (let done = 0; done < target.length; ) {
        const length = Math.min(MAX_IO_BYTES, target.length - done);
        const count = fs.readSync(this.#fd, target, done, length, start + done);
        if (count === 0) throw truncated(path, start, target.length);
        done += count;
      }
    });
  }

  #lengthNow(): number {
    const { byteOffset, byteLength } = this.#range;
    return byteLength ?? Math.max(0, nodeFs().fstatSync(this.#fd).size - byteOffset);
  }

  #try<T>(verb: string, action: (fs: typeof import("node:fs")) => T): T {
    try {
      return action(nodeFs());
    } catch (error) {
      throw fileError(error, verb, this.#range.path);
    }
  }
}

function truncated(
  path: string,
  byteOffset: number,
  byteLength: number,
): StowageError<"ERR_SOURCE_TRUNCATED"> {
  return new StowageError(
    "ERR_SOURCE_TRUNCATED",
    `Cannot read ${byteLength} bytes at ${byteOffset} of ${path}: the file was cut after it was opened`,
    { path, byteOffset, byteLength },
  );
}
