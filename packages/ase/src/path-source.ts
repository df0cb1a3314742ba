import type { SyncByteSource } from "@stowage/core";
import { openFileSource } from "@stowage/mmap";

/**
 * The bytes of a file that is opened by path: mapped where that can be, else read from place to place.
 *
 * @throws {StowageError} ERR_FILE_MISSING, ERR_FILE_ACCESS
 */
export function openPath(path: string): SyncByteSource {
  return openFileSource(path);
}
