import { checkRange, type SyncByteSource } from "./byte-source.js";
import { closed, StowageError } from "./errors.js";
import { fileError, MAX_IO_BYTES, nodeFs, openRegularFile } from "./file-system.js";

/**
 * A file read by position: nothing is kept in memory, nothing is mapped.
 *
 * @example
 * ```ts
 * using source = FileSource.open("water.atp");
 * const magic = source.readSync(0, 4);
 * ```
 */
export class FileSource implements SyncByteSource {
  readonly resident = false;
  readonly name: string;
  readonly #fd: number;
  #byteLength: number;
  #open = true;
  /**
   * The opener and each read under way. The last one closes the descriptor: closed earlier, its number could go to
   * another file, which a waiting read would then read.
   */
  #users = 1;

  private constructor(path: string, fd: number, byteLength: number) {
    this.name = path;
    this.#fd = fd;
    this.#byteLength = byteLength;
  }

  /** @throws {StowageError} ERR_FILE_MISSING, ERR_FILE_ACCESS */
  static open(path: string): FileSource {
    const { fd, byteLength } = openRegularFile(path);
    return new FileSource(path, fd, byteLength);
  }

  /** As of the opening or the last `refresh()`. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Looks again how long the file is now. */
  refresh(): number {
    if (!this.#open) throw closed(this.name);
    this.#byteLength = nodeFs().fstatSync(this.#fd).size;
    return this.#byteLength;
  }

  readSync(byteOffset: number, byteLength: number): Uint8Array {
    // Checked before allocating: a damaged file may ask for any size.
    this.#check(byteOffset, byteLength);
    const bytes = new Uint8Array(byteLength);
    this.readIntoSync(bytes, byteOffset);
    return bytes;
  }

  readIntoSync(target: Uint8Array, byteOffset: number): void {
    this.#check(byteOffset, target.byteLength);
    const fs = nodeFs();
    let done = 0;
    try {
      while (done < target.byteLength) {
        const length = Math.min(target.byteLength - done, MAX_IO_BYTES);
        const count = fs.readSync(this.#fd, target, done, length, byteOffset + done);
        if (count === 0) throw this.#truncated(byteOffset, target.byteLength);
        done += count;
      }
    } catch (error) {
      throw fileError(error, "read", this.name);
    }
  }

  async read(
    byteOffset: number,
    byteLength: number,
    options: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    this.#check(byteOffset, byteLength);
    const bytes = new Uint8Array(byteLength);
    this.#users++;
    try {
      let done = 0;
      while (done < byteLength) {
        const count = await this.#readSome(bytes, done, byteOffset + done);
        options.signal?.throwIfAborted();
        if (count === 0) throw this.#truncated(byteOffset, byteLength);
        done += count;
      }
    } finally {
      this.#release();
    }
    return bytes;
  }

  #readSome(bytes: Uint8Array, done: number, position: number): Promise<number> {
    const length = Math.min(bytes.byteLength - done, MAX_IO_BYTES);
    return new Promise((resolve, reject) => {
      nodeFs().read(this.#fd, bytes, done, length, position, (error, count) =>
        error ? reject(fileError(error, "read", this.name)) : resolve(count),
      );
    });
  }

  /** Reads under way still end well. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#release();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #release(): void {
    if (--this.#users === 0) nodeFs().closeSync(this.#fd);
  }

  #check(byteOffset: number, byteLength: number): void {
    if (!this.#open) throw closed(this.name);
    checkRange(this, byteOffset, byteLength);
  }

  #truncated(byteOffset: number, byteLength: number): StowageError {
    return new StowageError(
      "ERR_SOURCE_TRUNCATED",
      `Cannot read ${byteLength} bytes at ${byteOffset} of ${this.name}: the file was cut after it was opened`,
      { path: this.name, byteOffset, byteLength },
    );
  }
}
