import { isStowageError, StowageError } from "./errors.js";

/**
 * Node's `fs`, found when it is needed: a static import would keep this package out of browsers.
 *
 * @throws {StowageError} ERR_UNSUPPORTED where there is no file system.
 */
export function nodeFs(): typeof import("node:fs") {
  return builtin("node:fs");
}

/** Node's `path`, found when it is needed. */
export function nodePath(): typeof import("node:path") {
  return builtin("node:path");
}

/** Node's `os`, found when it is needed. */
export function nodeOs(): typeof import("node:os") {
  return builtin("node:os");
}

function builtin<T>(name: string): T {
  const module = globalThis.process?.getBuiltinModule?.(name);
  if (module !== undefined) return module as T;
  throw new StowageError(
    "ERR_UNSUPPORTED",
    "Cannot open files by path: this runtime has no file system",
    { feature: "files by path" },
    { hint: "pass a Blob, a File or a Uint8Array; on Node, version 20.16 or later is needed" },
  );
}

/** Node refuses to read or write more than 2 GiB in one call. */
export const MAX_IO_BYTES: number = 2 ** 30;

/**
 * Opens a regular file. Anything else is refused at once: a pipe that nobody writes to would wait for ever.
 *
 * @param writable  Whether it is to be written, too.
 * @throws {StowageError} ERR_FILE_MISSING, ERR_FILE_ACCESS
 */
export function openRegularFile(path: string, writable = false): { fd: number; byteLength: number } {
  const fs = nodeFs();
  const { O_RDONLY, O_RDWR, O_NONBLOCK = 0 } = fs.constants;
  let fd: number | undefined;
  try {
    fd = fs.openSync(path, (writable ? O_RDWR : O_RDONLY) | O_NONBLOCK);
    const stat = fs.fstatSync(fd);
    if (!stat.isFile())
      throw notRegular(path, stat.isDirectory() ? "it is a folder" : "it is no regular file");
    return { fd, byteLength: stat.size };
  } catch (error) {
    if (fd !== undefined) fs.closeSync(fd);
    throw fileError(error, "open", path);
  }
}

function notRegular(path: string, reason: string): StowageError<"ERR_FILE_ACCESS"> {
  return new StowageError(
    "ERR_FILE_ACCESS",
    `Cannot open ${path}: ${reason}`,
    { path, reason },
    { hint: "give the path of a file" },
  );
}

/**
 * Turns what the operating system said about a path into a {@link StowageError}.
 *
 * @param verb  What was tried, for the message: `Cannot <verb> <path>: …`.
 * @returns ERR_FILE_MISSING, ERR_FILE_EXISTS or ERR_FILE_ACCESS; a `TypeError` or {@link StowageError} as it is.
 */
export function fileError(error: unknown, verb: string, path: string): unknown {
  const { code } = (error ?? {}) as { code?: unknown };
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new StowageError(
      "ERR_FILE_MISSING",
      `Cannot ${verb} ${path}: there is no such file or folder`,
      { path },
      { cause: error },
    );
  }
  if (code === "EEXIST") return fileExists(path);
  if (!(error instanceof Error) || error instanceof TypeError || isStowageError(error)) return error;
  const reason = REASONS[String(code)] ?? error.message;
  return new StowageError(
    "ERR_FILE_ACCESS",
    `Cannot ${verb} ${path}: ${reason}`,
    { path, reason },
    { cause: error },
  );
}

const REASONS: Record<string, string> = {
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EISDIR: "it is a folder",
  ENOSPC: "no space is left on the device",
  EROFS: "the file system is read-only",
  EMFILE: "too many files are open",
};

/** The error for a file that must not be there yet. */
export function fileExists(path: string): StowageError<"ERR_FILE_EXISTS"> {
  return new StowageError(
    "ERR_FILE_EXISTS",
    `Cannot create ${path}: the file exists`,
    { path },
    { hint: "choose another name, or pass overwrite: true (--overwrite on the command line)" },
  );
}

/** Where a path leads through symbolic links; the absolute path itself where nothing is there yet. */
export function realPath(path: string): string {
  try {
    return nodeFs().realpathSync(path);
  } catch {
    return nodePath().resolve(path);
  }
}

/** Flushes a directory, so that a rename or a new name in it survives a power cut. Not every system can. */
export function syncDirectory(path: string): void {
  const fs = nodeFs();
  try {
    const fd = fs.openSync(path, "r");
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  } catch {
    // Windows cannot open a directory, some network file systems cannot flush one: the data itself is flushed.
  }
}
