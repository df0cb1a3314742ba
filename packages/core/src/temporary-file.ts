import { closed } from "./errors.js";
import {
  fileError,
  fileExists,
  MAX_IO_BYTES,
  nodeFs,
  nodePath,
  realPath,
  syncDirectory,
} from "./file-system.js";

/**
 * A file that gets its final name only when it is complete.
 *
 * Written beside its final place; `commit` flushes it, renames it and flushes the directory. A process that dies
 * before leaves the final name untouched.
 *
 * @example
 * ```ts
 * const file = TemporaryFile.create("out.xyz");
 * file.write(new TextEncoder().encode("0\n\n"));
 * file.commit();
 * ```
 */
export class TemporaryFile {
  /** Where the bytes are until `commit`. */
  readonly temporaryPath: string;
  readonly path: string;
  /** `path` without symbolic links: the file that a link leads to is replaced, not the link. */
  readonly #target: string;
  readonly #overwrite: boolean;
  #fd: number;

  private constructor(path: string, target: string, temporaryPath: string, fd: number, overwrite: boolean) {
    this.path = path;
    this.#target = target;
    this.temporaryPath = temporaryPath;
    this.#fd = fd;
    this.#overwrite = overwrite;
  }

  /** @throws {StowageError} ERR_FILE_EXISTS without `overwrite`, ERR_FILE_MISSING if there is no such folder. */
  static create(path: string, options: { overwrite?: boolean } = {}): TemporaryFile {
    const fs = nodeFs();
    const { overwrite = false } = options;
    if (!overwrite && fs.existsSync(path)) throw fileExists(path);
    const target = realPath(path);
    const temporaryPath = temporaryName(target);
    try {
      return new TemporaryFile(path, target, temporaryPath, fs.openSync(temporaryPath, "wx"), overwrite);
    } catch (error) {
      throw fileError(error, "create", path);
    }
  }

  /** @throws {StowageError} ERR_FILE_ACCESS when the disk is full, ERR_CLOSED after `commit` or `discard` */
  write(bytes: Uint8Array): void {
    this.#checkOpen();
    try {
      writeFully(this.#fd, bytes, null);
    } catch (error) {
      throw fileError(error, "write", this.path);
    }
  }

  /**
   * Gives the file its final name, durably. Where that fails, what was written is discarded.
   *
   * @throws {StowageError} ERR_FILE_EXISTS if somebody else made the final name meanwhile and `overwrite` is false;
   * that file stays as it is.
   */
  commit(): void {
    this.#checkOpen();
    try {
      nodeFs().fsyncSync(this.#fd);
      this.#closeDescriptor();
      publish(this.temporaryPath, this.#target, this.#overwrite);
    } catch (error) {
      this.discard();
      throw fileError(error, "create", this.path);
    }
  }

  /** Removes what was written. Does nothing after `commit`. */
  discard(): void {
    this.#closeDescriptor();
    nodeFs().rmSync(this.temporaryPath, { force: true });
  }

  #checkOpen(): void {
    if (this.#fd < 0) throw closed(this.path);
  }

  #closeDescriptor(): void {
    const fd = this.#fd;
    this.#fd = -1;
    if (fd >= 0) nodeFs().closeSync(fd);
  }
}

/** A name beside `path` that nobody else uses; it begins with a dot so that folder scans pass it over. */
export function temporaryName(path: string): string {
  const { dirname, basename, join } = nodePath();
  const nonce = Math.random().toString(36).slice(2, 10);
  return join(dirname(path), `.${basename(path)}.${process.pid}-${nonce}.tmp`);
}

/**
 * Moves a complete file to its final name in one step, and flushes the folder.
 *
 * @throws {StowageError} ERR_FILE_EXISTS if somebody else made the final name meanwhile and `overwrite` is false.
 */
export function publish(temporaryPath: string, path: string, overwrite: boolean): void {
  const fs = nodeFs();
  try {
    if (overwrite || !linkNew(temporaryPath, path)) fs.renameSync(temporaryPath, path);
    else fs.unlinkSync(temporaryPath);
  } catch (error) {
    throw fileError(error, "create", path);
  }
  syncDirectory(nodePath().dirname(path));
}

/** A hard link fails where the name exists; a rename would replace it. `false` on file systems without hard links. */
function linkNew(temporaryPath: string, path: string): boolean {
  const fs = nodeFs();
  try {
    fs.linkSync(temporaryPath, path);
    return true;
  } catch {
    if (fs.existsSync(path)) throw fileExists(path);
    return false;
  }
}

/** Writes all bytes, at a position or (with `null`) at the descriptor's own. */
export function writeFully(fd: number, bytes: Uint8Array, position: number | null): void {
  const fs = nodeFs();
  let done = 0;
  while (done < bytes.byteLength) {
    const length = Math.min(bytes.byteLength - done, MAX_IO_BYTES);
    done += fs.writeSync(fd, bytes, done, length, position === null ? null : position + done);
  }
}
