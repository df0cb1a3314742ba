import { FileSource, type SyncByteSource } from "@stowage/core";

/**
 * The bytes of a file that is opened by path: the one place that decides how they are read.
 *
 * @throws {StowageError} ERR_FILE_MISSING, ERR_FILE_ACCESS
 */
export function openPath(path: string): SyncByteSource {
  return FileSource.open(path);
}
