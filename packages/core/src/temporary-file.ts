import { fileError, fileExists, nodeFs, nodePath, syncDirectory } from "./file-system.js";

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
  readonly #overwrite: boolean;
  #fd: number;

  private constructor(path: string, temporaryPath: string, fd: number, overwrite: boolean) {
    this.path = path;
    this.temporaryPath = temporaryPath;
    this.#fd = fd;
    this.#overwrite = overwrite;
  }

  /** @throws {StowageError} ERR_FILE_EXISTS without `overwrite`, ERR_FILE_MISSING if there is no such folder. */
  static create(path: string, options: { overwrite?: boolean } = {}): TemporaryFile {
    const fs = nodeFs();
    if (!options.overwrite && fs.existsSync(path)) throw fileExists(path);
    const temporaryPath = temporaryName(path);
    try {
      return new TemporaryFile(
        path,
        temporaryPath,
        fs.openSync(temporaryPath, "wx"),
        options.overwrite ?? false,
      );
    } catch (error) {
      throw fileError(error, "create", path);
    }
  }

  write(bytes: Uint8Array): void {
    try {
      writeFully(this.#fd, bytes, null);
    } catch (error) {
      throw fileError(error, "write", this.path);
    }
  }

  /** Gives the file its final name, durably. */
  commit(): void {
    const fs = nodeFs();
    try {
      fs.fsyncSync(this.#fd);
      this.#closeDescriptor();
      publish(this.temporaryPath, this.path, this.#overwrite);
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

  #closeDescriptor(): void {
    if (this.#fd < 0) return;
    nodeFs().closeSync(this.#fd);
    this.#fd = -1;
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
  if (overwrite) {
    fs.renameSync(temporaryPath, path);
  } else {
    try {
      // A hard link fails where the name exists; a rename would replace it.
      fs.linkSync(temporaryPath, path);
      fs.unlinkSync(temporaryPath);
    } catch (error) {
      if ((error as { code?: string }).code === "EEXIST") throw fileExists(path);
      if (fs.existsSync(path)) throw fileExists(path);
      fs.renameSync(temporaryPath, path); // file systems without hard links
    }
  }
  syncDirectory(nodePath().dirname(path));
}

/** Writes all bytes, at a position or (with `null`) at the descriptor's own. */
export function writeFully(fd: number, bytes: Uint8Array, position: number | null): void {
  const fs = nodeFs();
  let done = 0;
  while (done < bytes.byteLength) {
    done += fs.writeSync(
      fd,
      bytes,
      done,
      bytes.byteLength - done,
      position === null ? null : position + done,
    );
  }
}
