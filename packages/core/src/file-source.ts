import { checkRange, type SyncByteSource } from "./byte-source.js";
import { StowageError } from "./errors.js";
import { fileError, nodeFs } from "./file-system.js";

/** A file read by position: nothing is kept in memory, nothing is mapped. */
export class FileSource implements SyncByteSource {
  readonly resident = false;
  readonly name: string;
  #fd: number;
  #byteLength: number;

  private constructor(path: string, fd: number, byteLength: number) {
    this.name = path;
    this.#fd = fd;
    this.#byteLength = byteLength;
  }

  /** @throws {StowageError} ERR_FILE_MISSING, ERR_FILE_ACCESS */
  static open(path: string): FileSource {
    const fs = nodeFs();
    let fd: number | undefined;
    try {
      fd = fs.openSync(path, "r");
      const stat = fs.fstatSync(fd);
      if (stat.isDirectory()) throw Object.assign(new Error("is a directory"), { code: "EISDIR" });
      return new FileSource(path, fd, stat.size);
    } catch (error) {
      if (fd !== undefined) fs.closeSync(fd);
      throw fileError(error, "open", path);
    }
  }

  /** As of the opening or the last `refresh()`. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Looks again how long the file is now. */
  refresh(): number {
    this.#checkOpen();
    this.#byteLength = nodeFs().fstatSync(this.#fd).size;
    return this.#byteLength;
  }

  readSync(byteOffset: number, byteLength: number): Uint8Array {
    // Checked before allocating: a damaged file may ask for any size.
    checkRange(this, byteOffset, byteLength);
    const bytes = new Uint8Array(byteLength);
    this.readIntoSync(bytes, byteOffset);
    return bytes;
  }

  readIntoSync(target: Uint8Array, byteOffset: number): void {
    this.#checkOpen();
    checkRange(this, byteOffset, target.byteLength);
    const fs = nodeFs();
    let done = 0;
    try {
      while (done < target.byteLength) {
        const count = fs.readSync(this.#fd, target, done, target.byteLength - done, byteOffset + done);
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
    this.#checkOpen();
    checkRange(this, byteOffset, byteLength);
    options.signal?.throwIfAborted();
    const fs = nodeFs();
    const bytes = new Uint8Array(byteLength);
    let done = 0;
    while (done < byteLength) {
      const count = await new Promise<number>((resolve, reject) => {
        fs.read(this.#fd, bytes, done, byteLength - done, byteOffset + done, (error, bytesRead) =>
          error ? reject(fileError(error, "read", this.name)) : resolve(bytesRead),
        );
      });
      options.signal?.throwIfAborted();
      if (count === 0) throw this.#truncated(byteOffset, byteLength);
      done += count;
    }
    return bytes;
  }

  close(): void {
    if (this.#fd < 0) return;
    nodeFs().closeSync(this.#fd);
    this.#fd = -1;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #checkOpen(): void {
    if (this.#fd >= 0) return;
    throw new StowageError("ERR_CLOSED", `Cannot read ${this.name}: it is closed`, { path: this.name });
  }

  #truncated(byteOffset: number, byteLength: number): StowageError {
    return new StowageError(
      "ERR_SOURCE_TRUNCATED",
      `Cannot read ${byteLength} bytes at ${byteOffset} of ${this.name}: the file was cut after it was opened`,
      { path: this.name, byteOffset, byteLength },
    );
  }
}
