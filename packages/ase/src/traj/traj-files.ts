/**
 * Trajectories that frames are written to. Items are written behind everything else, where no reader looks; they count
 * when the header says so, in one write of 8 bytes after all that it leads to is on the disk.
 */

import {
  FileLock,
  FileSource,
  fileError,
  nodeFs,
  type SyncByteSource,
  TemporaryFile,
  writeFully,
} from "@stowage/core";
import { runSync } from "../byte-requests.js";
import { trajFormatError } from "./traj-errors.js";
import { TrajReader } from "./traj-reader.js";
import { aligned, COUNT_OFFSET, TABLE_OFFSET, tableCapacity, ULM_VERSION } from "./ulm-layout.js";
import { readDirectory, type UlmDirectory } from "./ulm-reader.js";
import { type EncodedItem, emptyTraj, int64Bytes } from "./ulm-writer.js";

/** A trajectory that is open for writing. */
export class WritableTraj {
  /** Also of the items that do not count yet. */
  readonly directory: UlmDirectory;
  readonly #path: string;
  readonly #fd: number;
  readonly #source: FileSource;
  readonly #end: { keep(): void; discard(): void };
  readonly #isNew: boolean;
  /** Frames that others see. */
  #nCommitted: number;
  /** What the file ended with when they were committed; nothing before it may go. */
  #committedEnd: number;
  /** Whether what a table has room for is free: an append that was killed leaves places behind that it has filled. */
  #hasRoom: boolean;
  #open = true;

  private constructor(
    path: string,
    fd: number,
    source: FileSource,
    directory: UlmDirectory,
    options: { isNew: boolean; keep(): void; discard(): void },
  ) {
    this.directory = directory;
    this.#path = path;
    this.#fd = fd;
    this.#source = source;
    this.#end = options;
    this.#isNew = options.isNew;
    this.#nCommitted = directory.offsets.length;
    this.#committedEnd = directory.byteLength;
    this.#hasRoom = roomIsFree(directory, source);
  }

  /** A new file, which gets its name when it is closed. @throws {StowageError} ERR_FILE_EXISTS, ERR_FILE_ACCESS */
  static create(path: string, options: { overwrite?: boolean } = {}): WritableTraj {
    const file = TemporaryFile.create(path, options);
    try {
      file.write(emptyTraj());
      return WritableTraj.#at(path, file.temporaryPath, {
        isNew: true,
        keep: () => file.commit(),
        discard: () => file.discard(),
      });
    } catch (error) {
      file.discard();
      throw error;
    }
  }

  /**
   * A file that frames are added to, by one process at a time; an empty one where there is none.
   *
   * @throws {StowageError} ERR_LOCKED, ERR_FILE_ACCESS; ERR_TRAJ_FORMAT, ERR_TRAJ_FRAME for files that end early
   */
  static append(path: string): WritableTraj {
    const lock = FileLock.acquire(path);
    const release = (): void => lock.release();
    try {
      makeIfEmpty(path);
      return WritableTraj.#at(path, path, { isNew: false, keep: release, discard: release });
    } catch (error) {
      release();
      throw error;
    }
  }

  static #at(
    path: string,
    place: string,
    options: { isNew: boolean; keep(): void; discard(): void },
  ): WritableTraj {
    const source = FileSource.open(place);
    let fd: number | undefined;
    try {
      const directory = runSync(readDirectory(path, source.byteLength), source);
      checkComplete(directory, source);
      fd = nodeFs().openSync(place, "r+");
      return new WritableTraj(path, fd, source, directory, options);
    } catch (error) {
      source.close();
      if (fd !== undefined) nodeFs().closeSync(fd);
      throw fileError(error, "open", path);
    }
  }

  /** What is there so far, with the items that do not count yet. */
  get source(): SyncByteSource {
    this.#source.refresh();
    return this.#source;
  }

  /** Adds items, all or none. @param items  Made for places one behind the other, from the end of the file on. */
  write(items: readonly EncodedItem[]): void {
    const { directory } = this;
    const start = directory.byteLength;
    try {
      let at = start;
      for (const { chunks } of items) {
        for (const chunk of chunks) {
          writeFully(this.#fd, chunk, at);
          at += chunk.length;
        }
      }
      directory.byteLength = at;
      for (const { byteOffset } of items) directory.offsets.push(byteOffset);
    } catch (error) {
      nodeFs().ftruncateSync(this.#fd, start);
      throw fileError(error, "append to", this.#path);
    }
  }

  /** Makes durable what was written. A new file is not, before it has its name. */
  flush(): void {
    if (!this.#isNew) this.#commit();
  }

  /** Flushes, and ends the file. */
  close(): void {
    if (!this.#open) return;
    try {
      this.#commit();
    } catch (error) {
      this.discard();
      throw error;
    }
    this.#release();
    this.#end.keep();
  }

  /** Ends the file without what was not flushed. */
  discard(): void {
    if (!this.#open) return;
    try {
      if (!this.#isNew) nodeFs().ftruncateSync(this.#fd, this.#committedEnd);
    } finally {
      this.#release();
      this.#end.discard();
    }
  }

  /** Each step reaches the disk before the next one, so that whatever comes between them leaves the old frames. */
  #commit(): void {
    const { directory } = this;
    const nFrames = directory.offsets.length;
    if (nFrames === this.#nCommitted) return;
    const fs = nodeFs();
    try {
      const moved = this.#writeTable();
      fs.fsyncSync(this.#fd);
      this.#committedEnd = directory.byteLength;
      if (moved) {
        writeFully(this.#fd, int64Bytes([directory.tableOffset]), TABLE_OFFSET);
        fs.fsyncSync(this.#fd);
      }
      writeFully(this.#fd, int64Bytes([nFrames]), COUNT_OFFSET);
      fs.fsyncSync(this.#fd);
    } catch (error) {
      throw fileError(error, "append to", this.#path);
    }
    this.#nCommitted = nFrames;
    this.#hasRoom = true;
  }

  /** Puts the new offsets into the free places of the table, or a longer table behind the items. */
  #writeTable(): boolean {
    const { directory } = this;
    const { offsets } = directory;
    if (this.#hasRoom && offsets.length <= tableCapacity(this.#nCommitted)) {
      const place = directory.tableOffset + this.#nCommitted * 8;
      writeFully(this.#fd, int64Bytes(offsets.slice(this.#nCommitted)), place);
      return false;
    }
    const place = aligned(directory.byteLength);
    const table = int64Bytes(offsets, tableCapacity(offsets.length));
    writeFully(this.#fd, new Uint8Array(place - directory.byteLength).fill(35), directory.byteLength);
    writeFully(this.#fd, table, place);
    directory.tableOffset = place;
    directory.byteLength = place + table.length;
    return true;
  }

  #release(): void {
    this.#open = false;
    this.#source.close();
    nodeFs().closeSync(this.#fd);
  }
}

function makeIfEmpty(path: string): void {
  const fs = nodeFs();
  if (fs.existsSync(path) && fs.statSync(path).size > 0) return;
  const file = TemporaryFile.create(path, { overwrite: true });
  file.write(emptyTraj());
  file.commit();
}

/** Frames behind a damaged end would be found, but those that are missing would stay missing. */
function checkComplete(directory: UlmDirectory, source: SyncByteSource): void {
  const { path, version, offsets } = directory;
  if (version !== ULM_VERSION) {
    throw trajFormatError(
      path,
      `version ${version}`,
      `version ${ULM_VERSION} for adding frames`,
      "convert it first",
    );
  }
  if (offsets.length > 0) runSync(new TrajReader(directory).rows([offsets.length - 1]), source);
}

function roomIsFree({ tableOffset, byteLength, offsets }: UlmDirectory, source: SyncByteSource): boolean {
  const start = tableOffset + offsets.length * 8;
  const end = tableOffset + tableCapacity(offsets.length) * 8;
  if (end > byteLength) return false;
  const places = source.readSync(start, end - start);
  // ASE fills the first place with -1 and the others with 0.
  return places.every((byte) => byte === 0) || places.every((byte) => byte === 255);
}
