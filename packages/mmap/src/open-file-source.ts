import { FileSource, isStowageError, type SyncByteSource } from "@stowage/core";
import { MmapFile } from "./mmap-file.js";
import { nativeAddon } from "./native.js";

/** A file whose length may change while it is open. */
export interface FileByteSource extends SyncByteSource {
  /** Takes up the file's length now, and returns it. Views of before may end. */
  refresh(): number;
}

/**
 * Opens a file for reading: mapped where there is an addon and the file system lets itself be mapped, else by
 * positional reads.
 *
 * @throws {StowageError} ERR_FILE_MISSING, ERR_FILE_ACCESS
 */
export function openFileSource(path: string): FileByteSource {
  // Windows lets nobody cut a file that is mapped, not even the writer that holds the map.
  if (nativeAddon() === null || globalThis.process.platform === "win32") return FileSource.open(path);
  try {
    return MmapFile.open(path);
  } catch (error) {
    // Some network file systems cannot be mapped, and a process may have too many maps: reads work all the same.
    if (isStowageError(error, "ERR_MAPPING")) return FileSource.open(path);
    throw error;
  }
}
