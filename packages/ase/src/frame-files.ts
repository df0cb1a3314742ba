/** Files that frames are written to: new ones, and ones that have frames already. */

import {
  FileLock,
  FileSource,
  fileError,
  nodeFs,
  type SyncByteSource,
  TemporaryFile,
  writeFully,
} from "@stowage/core";

/** Where whole frames are written, and read back. */
export interface FrameFile {
  /** What is there so far, as readers will find it. */
  readonly source: SyncByteSource;
  /** Where in `source` the next frame will begin. */
  readonly end: number;
  /**
   * Writes frames, all or none.
   *
   * @returns The bytes that readers will find from `end` on.
   * @throws {StowageError} ERR_FILE_ACCESS
   */
  write(frames: Uint8Array): Uint8Array;
  /** Makes durable what was written. */
  flush(): void;
  /** Flushes, and ends the file. */
  close(): void;
  /** Ends the file without what was not flushed. */
  discard(): void;
}

/** A new file, which gets its name when it is closed. */
export class NewFrameFile implements FrameFile {
  end = 0;
  readonly #file: TemporaryFile;
  #source: FileSource | null = null;

  /** @throws {StowageError} ERR_FILE_EXISTS, ERR_FILE_MISSING, ERR_FILE_ACCESS */
  constructor(path: string, options: { overwrite?: boolean }) {
    this.#file = TemporaryFile.create(path, options);
  }

  get source(): SyncByteSource {
    this.#source ??= FileSource.open(this.#file.temporaryPath);
    this.#source.refresh();
    return this.#source;
  }

  write(frames: Uint8Array): Uint8Array {
    this.#file.write(frames);
    this.end += frames.length;
    return frames;
  }

  /** Nothing is durable before the file has its name. */
  flush(): void {}

  close(): void {
    this.#source?.close();
    this.#file.commit();
  }

  discard(): void {
    this.#source?.close();
    this.#file.discard();
  }
}

/**
 * What stands between the frames of a file and frames that are being added: a line of white space.
 *
 * All readers take a blank line for the end of the file (ASE does, and so does this package), so that frames behind it
 * are invisible until they are complete and on the disk. Then the line end becomes a space, which is one byte that no
 * crash can split, and what was a line leads the count line of the first added frame, where white space may be.
 */
const SEAM = Uint8Array.of(9, 32, 9, 10);
const JOINED = Uint8Array.of(32, 32, 32, 32);

/** A file that frames are added to, by one process at a time. */
export class AppendedFrameFile implements FrameFile {
  readonly #path: string;
  readonly #lock: FileLock;
  readonly #fd: number;
  readonly #source: FileSource;
  /** End of the frames that others see; what follows is being added, or was left behind. */
  #committed: number;
  /** The last line has no line end. */
  #unterminated = false;
  #end: number;
  #open = true;

  private constructor(path: string, lock: FileLock, fd: number, source: FileSource) {
    this.#path = path;
    this.#lock = lock;
    this.#fd = fd;
    this.#source = source;
    this.#committed = source.byteLength;
    this.#end = this.#committed;
  }

  /** Opens a file for adding frames; `continueAt` has to follow. @throws {StowageError} ERR_LOCKED, ERR_FILE_ACCESS */
  static open(path: string): AppendedFrameFile {
    const lock = FileLock.acquire(path);
    let fd: number | undefined;
    try {
      fd = nodeFs().openSync(path, nodeFs().existsSync(path) ? "r+" : "wx+");
      return new AppendedFrameFile(path, lock, fd, FileSource.open(path));
    } catch (error) {
      if (fd !== undefined) nodeFs().closeSync(fd);
      lock.release();
      throw fileError(error, "open", path);
    }
  }

  /**
   * Says where the frames end.
   *
   * @returns What follows: nothing but white space, frames of an append that was not finished, or other text, which
   * no reader would find again behind new frames.
   */
  continueAt(end: number): "nothing" | "unfinished" | "text" {
    this.#committed = end;
    const last = end > 0 ? this.#source.readSync(end - 1, 1)[0] : 10;
    this.#unterminated = last !== 10 && last !== 13;
    this.#end = end + (this.#unterminated ? 1 : 0);
    const { byteLength } = this.#source;
    for (let at = end; at < byteLength; at += 1 << 20) {
      const block = this.#source.readSync(at, Math.min(1 << 20, byteLength - at));
      if (at === end && SEAM.every((byte, i) => block[i] === byte)) return "unfinished";
      if (block.some((byte) => byte > 32)) return "text";
    }
    return "nothing";
  }

  get source(): SyncByteSource {
    this.#source.refresh();
    return this.#isJoined ? this.#source : new JoinedSource(this.#source, this.#seam);
  }

  get end(): number {
    return this.#end;
  }

  get #isJoined(): boolean {
    return this.#end <= this.#seam;
  }

  get #seam(): number {
    return this.#committed + (this.#unterminated ? 1 : 0);
  }

  write(frames: Uint8Array): Uint8Array {
    const before = this.#end;
    const first = this.#isJoined;
    try {
      if (first) {
        nodeFs().ftruncateSync(this.#fd, this.#committed);
        if (this.#unterminated) writeFully(this.#fd, Uint8Array.of(10), this.#committed);
        writeFully(this.#fd, SEAM, this.#seam);
      }
      writeFully(this.#fd, frames, before + (first ? SEAM.length : 0));
    } catch (error) {
      nodeFs().ftruncateSync(this.#fd, first ? this.#committed : before);
      throw fileError(error, "append to", this.#path);
    }
    const seen = first ? concat(JOINED, frames) : frames;
    this.#end += seen.length;
    return seen;
  }

  flush(): void {
    if (this.#isJoined) return;
    const fs = nodeFs();
    try {
      fs.fsyncSync(this.#fd);
      writeFully(this.#fd, JOINED.subarray(3), this.#seam + 3);
      fs.fsyncSync(this.#fd);
      writeFully(this.#fd, JOINED, this.#seam);
    } catch (error) {
      throw fileError(error, "append to", this.#path);
    }
    this.#committed = this.#end;
    this.#unterminated = false;
  }

  close(): void {
    if (!this.#open) return;
    try {
      this.flush();
    } finally {
      this.#release();
    }
  }

  discard(): void {
    if (!this.#open) return;
    try {
      if (!this.#isJoined) nodeFs().ftruncateSync(this.#fd, this.#committed);
    } finally {
      this.#release();
    }
  }

  #release(): void {
    this.#open = false;
    this.#source.close();
    nodeFs().closeSync(this.#fd);
    this.#lock.release();
  }
}

/** A file with a seam, as it will be when that is joined. */
class JoinedSource implements SyncByteSource {
  readonly resident = false;
  readonly name: string;
  readonly #file: FileSource;
  readonly #seam: number;

  constructor(file: FileSource, seam: number) {
    this.name = file.name;
    this.#file = file;
    this.#seam = seam;
  }

  get byteLength(): number {
    return this.#file.byteLength;
  }

  readSync(byteOffset: number, byteLength: number): Uint8Array {
    return this.#join(this.#file.readSync(byteOffset, byteLength), byteOffset);
  }

  readIntoSync(target: Uint8Array, byteOffset: number): void {
    this.#file.readIntoSync(target, byteOffset);
    this.#join(target, byteOffset);
  }

  async read(
    byteOffset: number,
    byteLength: number,
    options?: { signal?: AbortSignal },
  ): Promise<Uint8Array> {
    return this.#join(await this.#file.read(byteOffset, byteLength, options), byteOffset);
  }

  close(): void {}

  #join(bytes: Uint8Array, byteOffset: number): Uint8Array {
    JOINED.forEach((byte, i) => {
      const at = this.#seam + i - byteOffset;
      if (at >= 0 && at < bytes.length) bytes[at] = byte;
    });
    return bytes;
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
