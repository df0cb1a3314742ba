import { fileError, nodeFs, writeFully } from "@stowage/core";
import type { Engine, FileRange } from "./engine.js";
import { nativeRequired, truncatedMap } from "./errors.js";

/** A file longer than this is not read into memory whole: that is what maps are for. */
const MAX_LOADED_BYTES = 2 ** 30;
const MAX_IO_BYTES = 2 ** 30;
/** Changed bytes with no more than this between them are written in one go. */
const MAX_GAP_BYTES = 64;

/**
 * The stand-in for a map where there is no addon: the range is read into memory when a view is first asked for, and
 * what was stored there is written back by `flush`, `refresh` and `close`.
 */
export class LoadedFile implements Engine {
  readonly kind = "buffered";
  readonly #range: FileRange;
  readonly #fd: number;
  readonly #reason: string;
  #byteLength: number;
  #loaded: Uint8Array<ArrayBuffer> | null = null;
  /** With `"r+"` what the file held when it was read: only what differs from that is written, as with a map. */
  #before: Uint8Array | null = null;

  /**
   * @param fd          Open; the engine's from here on.
   * @param byteLength  Of the range, which the file has.
   * @param reason      Why there is no map.
   */
  constructor(fd: number, range: FileRange, byteLength: number, reason: string) {
    this.#range = range;
    this.#fd = fd;
    this.#reason = reason;
    this.#byteLength = byteLength;
    abandoned ??= new FinalizationRegistry((descriptor) => nodeFs().closeSync(descriptor));
    abandoned.register(this, fd, this);
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  view(byteOffset: number, byteLength: number): Uint8Array {
    return this.#load().subarray(byteOffset, byteOffset + byteLength);
  }

  readInto(target: Uint8Array, byteOffset: number): void {
    const loaded = this.#loaded;
    if (loaded?.length === this.#byteLength)
      target.set(loaded.subarray(byteOffset, byteOffset + target.length));
    else this.#read(target, byteOffset);
  }

  verify(): void {
    // What was read is in memory, whatever happens to the file.
  }

  refresh(): void {
    const byteLength = this.#lengthNow();
    this.#writeBack(0, Math.min(byteLength, this.#byteLength));
    if (byteLength !== this.#byteLength) {
      this.#unload();
      this.#byteLength = byteLength;
    } else if (this.#loaded?.length === byteLength && this.#range.mode !== "c") {
      this.#read(this.#loaded, 0);
      this.#before?.set(this.#loaded);
    }
  }

  advise(): void {
    // Positional reads leave the read-ahead to the system.
  }

  populate(): void {
    this.#load();
  }

  flush(byteOffset: number, byteLength: number): void {
    this.#writeBack(byteOffset, byteLength);
    this.#try("flush", (fs) => fs.fdatasyncSync(this.#fd));
  }

  close(): void {
    try {
      this.#writeBack(0, this.#byteLength);
    } finally {
      this.#unload();
      abandoned?.unregister(this);
      nodeFs().closeSync(this.#fd);
    }
  }

  #load(): Uint8Array {
    // Shorter where somebody has transferred the buffer away.
    if (this.#loaded?.length === this.#byteLength) return this.#loaded;
    if (this.#byteLength > MAX_LOADED_BYTES) {
      throw nativeRequired(`view a file of ${this.#byteLength} bytes`, this.#reason);
    }
    const bytes = new Uint8Array(this.#byteLength);
    this.#read(bytes, 0);
    this.#loaded = bytes;
    if (this.#range.mode === "r+") this.#before = bytes.slice();
    return bytes;
  }

  #unload(): void {
    const buffer = this.#loaded?.buffer;
    this.#loaded = null;
    this.#before = null;
    // Detached, so that a view kept too long is empty here, too.
    if (buffer !== undefined && buffer.byteLength > 0) structuredClone(buffer, { transfer: [buffer] });
  }

  #writeBack(byteOffset: number, byteLength: number): void {
    const [loaded, before] = [this.#loaded, this.#before];
    if (loaded?.length !== this.#byteLength || before === null) return;
    const start = this.#range.byteOffset;
    this.#try("write", (fs) => {
      // Writing would make the file long again.
      const { size } = fs.fstatSync(this.#fd);
      const end = start + byteOffset + byteLength;
      if (size < end) throw truncatedMap(this.#range.path, end, size);
      for (const [from, to] of changes(loaded, before, byteOffset, byteOffset + byteLength)) {
        writeFully(this.#fd, loaded.subarray(from, to), start + from);
        before.set(loaded.subarray(from, to), from);
      }
    });
  }

  #read(target: Uint8Array, byteOffset: number): void {
    const { path } = this.#range;
    const start = this.#range.byteOffset + byteOffset;
    this.#try("read", (fs) => {
      for (let done = 0; done < target.length; ) {
        const length = Math.min(MAX_IO_BYTES, target.length - done);
        const count = fs.readSync(this.#fd, target, done, length, start + done);
        if (count === 0) throw truncatedMap(path, start + target.length, fs.fstatSync(this.#fd).size);
        done += count;
      }
    });
  }

  #lengthNow(): number {
    const { path, byteOffset, byteLength } = this.#range;
    const { size } = this.#try("refresh", (fs) => fs.fstatSync(this.#fd));
    const end = byteOffset + (byteLength ?? 0);
    if (size < end) throw truncatedMap(path, end, size);
    return byteLength ?? size - byteOffset;
  }

  #try<T>(verb: string, action: (fs: typeof import("node:fs")) => T): T {
    try {
      return action(nodeFs());
    } catch (error) {
      throw fileError(error, verb, this.#range.path);
    }
  }
}

/** Closes the descriptors of files that were dropped without `close()`. */
let abandoned: FinalizationRegistry<number> | undefined;

/** Where two arrays differ, as ranges. */
function* changes(
  now: Uint8Array,
  before: Uint8Array,
  start: number,
  end: number,
): Generator<[from: number, to: number]> {
  for (let at = start; at < end; at++) {
    if (now[at] === before[at]) continue;
    const from = at;
    let to = at + 1;
    for (at = to; at < end && at - to <= MAX_GAP_BYTES; at++) {
      if (now[at] !== before[at]) to = at + 1;
    }
    yield [from, to];
    at = to;
  }
}
