import {
  allocate,
  checkRange,
  closed,
  DTYPES,
  type DType,
  type DTypeInfo,
  fileError,
  fileExists,
  isDType,
  nodeFs,
  openRegularFile,
  publish,
  quote,
  readOnly,
  StowageError,
  type SyncByteSource,
  type TypedArrays,
  temporaryName,
  viewElements,
  writeFully,
} from "@stowage/core";
import type { Advice, Engine, FileRange, MapMode } from "./engine.js";
import { LoadedFile } from "./loaded-file.js";
import { nativeAddon, nativeStatus } from "./native.js";
import { NativeMap } from "./native-map.js";

export interface MmapOpenOptions {
  /** `"r"` reads, `"r+"` writes to the file, `"c"` (copy-on-write) keeps stores in memory. Default `"r"`. */
  mode?: MapMode;
  /** First byte to be mapped. Default 0. */
  offset?: number;
  /** Bytes to be mapped. Default: to the end of the file. */
  length?: number;
}

/**
 * A file as memory: nothing is read before it is looked at, and nothing is copied.
 *
 * Views belong to the file: after `close()` they are empty. If another program cuts the file, views show zeros for the
 * lost bytes, and `check()`, `flush()` and every copy of them throw ERR_MAPPING_TRUNCATED; the process goes on. A store
 * into a view opened with `"r"` changes memory only.
 *
 * Without the native addon the same class reads the file into memory, up to 1 GiB; `backend` tells.
 *
 * @example
 * ```ts
 * using file = MmapFile.open("forces.bin");
 * const forces = file.view("float32", 0, 3 * 64);
 * console.log(forces[0], file.byteLength);
 * ```
 */
export class MmapFile implements SyncByteSource {
  readonly resident = true;
  /** The path, as it was given. */
  readonly name: string;
  readonly mode: MapMode;
  #engine: Engine | null;

  private constructor(name: string, mode: MapMode, engine: Engine) {
    this.name = name;
    this.mode = mode;
    this.#engine = engine;
  }

  /** @throws {StowageError} ERR_FILE_MISSING, ERR_FILE_ACCESS, ERR_SOURCE_BOUNDS if the file is shorter than asked. */
  static open(path: string, options: MmapOpenOptions = {}): MmapFile {
    const { mode = "r", offset = 0, length } = options;
    if (!["r", "r+", "c"].includes(mode)) throw badOption("mode", mode, '"r", "r+" or "c"');
    const opened = openRegularFile(path, mode === "r+");
    let fd: number | undefined = opened.fd;
    try {
      const byteLength = length ?? Math.max(0, opened.byteLength - offset);
      checkRange({ name: path, byteLength: opened.byteLength }, offset, byteLength);
      const range: FileRange = { path, mode, byteOffset: offset, byteLength: length ?? null };
      const addon = nativeAddon();
      if (addon !== null) return new MmapFile(path, mode, new NativeMap(addon, fd, range, byteLength));
      const engine = new LoadedFile(fd, range, byteLength, nativeStatus().reason);
      fd = undefined;
      return new MmapFile(path, mode, engine);
    } catch (error) {
      throw fileError(error, "open", path);
    } finally {
      if (fd !== undefined) nodeFs().closeSync(fd);
    }
  }

  /**
   * Makes a file of zeros and opens it for writing. Its room on the disk is taken now: a full disk is met here.
   *
   * @throws {StowageError} ERR_FILE_EXISTS without `overwrite`, ERR_FILE_ACCESS, ERR_OPTION
   */
  static create(path: string, byteLength: number, options: { overwrite?: boolean } = {}): MmapFile {
    if (!Number.isSafeInteger(byteLength) || byteLength < 0) {
      throw badOption("byteLength", byteLength, "a whole number");
    }
    const fs = nodeFs();
    if (options.overwrite !== true && fs.existsSync(path)) throw fileExists(path);
    // The file that a link leads to is replaced, not the link.
    const target = fs.existsSync(path) ? fs.realpathSync(path) : path;
    const temporary = temporaryName(target);
    try {
      const fd = fs.openSync(temporary, "wx");
      try {
        reserve(fd, byteLength);
      } finally {
        fs.closeSync(fd);
      }
      publish(temporary, target, options.overwrite === true);
    } catch (error) {
      fs.rmSync(temporary, { force: true });
      throw fileError(error, "create", path);
    }
    return MmapFile.open(path, { mode: "r+" });
  }

  /** `"mmap"`, or `"buffered"` where there is no native addon. */
  get backend(): "mmap" | "buffered" {
    return this.#open().kind;
  }

  /** Bytes mapped; 0 after `close()`. */
  get byteLength(): number {
    return this.#engine?.byteLength ?? 0;
  }

  /**
   * All bytes: a view.
   *
   * @throws {StowageError} ERR_MAPPING_VIEW if they are more than one array of the runtime holds (4 GiB on Node 20 and
   * Bun): use {@link view}.
   */
  get bytes(): Uint8Array {
    const engine = this.#open();
    return engine.view(0, engine.byteLength);
  }

  /**
   * Elements of a range, in the byte order of the machine.
   *
   * A view where the range lies at a multiple of the element size; else a copy, which `"r+"` and `"c"` refuse, since
   * stores into it would be lost.
   *
   * @param byteOffset  From the start of the map. Default 0.
   * @param length      Number of elements. Default: all that follow, which must end with the map.
   * @throws {StowageError} ERR_SOURCE_BOUNDS, ERR_MAPPING_VIEW
   */
  view<D extends DType>(dtype: D, byteOffset = 0, length?: number): TypedArrays[D] {
    const engine = this.#open();
    if (!isDType(dtype)) throw noDType(dtype);
    const { itemSize, ctor } = DTYPES[dtype] as DTypeInfo<D>;
    const rest = engine.byteLength - byteOffset;
    const count = length ?? rest / itemSize;
    if (length === undefined && rest >= 0 && !Number.isInteger(count)) {
      throw this.#noView(byteOffset, rest, `${rest} bytes are no whole number of ${dtype} elements`);
    }
    checkRange(this, byteOffset, count * itemSize);
    const bytes = engine.view(byteOffset, count * itemSize);
    if (bytes.byteOffset % ctor.BYTES_PER_ELEMENT === 0) return viewElements(dtype, bytes, 0, count);
    if (this.mode !== "r") {
      throw this.#noView(
        byteOffset,
        bytes.length,
        `in the file, ${dtype} elements lie at multiples of ${ctor.BYTES_PER_ELEMENT} bytes`,
      );
    }
    const copy = allocate(dtype, count);
    engine.readInto(new Uint8Array(copy.buffer), byteOffset);
    return copy;
  }

  /** A view of a range. */
  readSync(byteOffset: number, byteLength: number): Uint8Array {
    const engine = this.#open();
    checkRange(this, byteOffset, byteLength);
    return engine.view(byteOffset, byteLength);
  }

  /** @throws {StowageError} ERR_MAPPING_TRUNCATED if the file has lost any of these bytes. */
  readIntoSync(target: Uint8Array, byteOffset: number): void {
    const engine = this.#open();
    checkRange(this, byteOffset, target.byteLength);
    engine.readInto(target, byteOffset);
  }

  /** A copy of a range. */
  async read(
    byteOffset: number,
    byteLength: number,
    options: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    this.#open();
    checkRange(this, byteOffset, byteLength);
    const bytes = new Uint8Array(byteLength);
    this.readIntoSync(bytes, byteOffset);
    return bytes;
  }

  /** Throws ERR_MAPPING_TRUNCATED if views may have shown zeros in place of bytes that the file has lost. */
  check(): void {
    const engine = this.#open();
    engine.verify(engine.byteLength);
  }

  /**
   * Looks again how long the file is. If that changed, or the map met a fault, all views of before are empty, and new
   * ones show the file as it is now.
   *
   * @returns The bytes mapped now.
   * @throws {StowageError} ERR_MAPPING_TRUNCATED if the file ends before the range that was asked for.
   */
  refresh(): number {
    const engine = this.#open();
    engine.refresh();
    return engine.byteLength;
  }

  /** Tells the system how a range will be used. Never changes what is read. */
  advise(advice: Advice, byteOffset = 0, byteLength: number = this.byteLength - byteOffset): void {
    const engine = this.#open();
    if (!ADVICES.includes(advice)) throw badOption("advice", advice, ADVICES.join(", "));
    checkRange(this, byteOffset, byteLength);
    engine.advise(advice, byteOffset, byteLength);
  }

  /** Reads a range from the disk into memory, now. */
  populate(byteOffset = 0, byteLength: number = this.byteLength - byteOffset): void {
    const engine = this.#open();
    checkRange(this, byteOffset, byteLength);
    engine.populate(byteOffset, byteLength);
  }

  /**
   * Writes a range to the disk, so that it survives a power cut. Other processes see stores before that.
   *
   * @throws {StowageError} ERR_READ_ONLY, ERR_MAPPING_TRUNCATED if the file was cut: what was stored may be lost.
   */
  flush(byteOffset = 0, byteLength: number = this.byteLength - byteOffset): void {
    const engine = this.#open();
    if (this.mode !== "r+") throw readOnly(this.name);
    checkRange(this, byteOffset, byteLength);
    engine.flush(byteOffset, byteLength);
  }

  /**
   * Empties all views and lets the file go. Does nothing the second time.
   *
   * @throws {StowageError} ERR_MAPPING_TRUNCATED with `"r+"` if the file was cut: what was stored may be lost. The file
   * is let go all the same.
   */
  close(): void {
    const engine = this.#engine;
    this.#engine = null;
    engine?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The map, for kernels; `null` where there is none. */
  static nativeMap(file: MmapFile): NativeMap | null {
    const engine = file.#open();
    return engine instanceof NativeMap ? engine : null;
  }

  #open(): Engine {
    if (this.#engine === null) throw closed(this.name);
    return this.#engine;
  }

  #noView(byteOffset: number, byteLength: number, reason: string): StowageError<"ERR_MAPPING_VIEW"> {
    return new StowageError(
      "ERR_MAPPING_VIEW",
      `Cannot view ${this.name} at byte ${byteOffset}: ${reason}`,
      { path: this.name, byteOffset, byteLength, limit: this.byteLength },
      { hint: "pass another byteOffset or length" },
    );
  }
}

const ADVICES: readonly Advice[] = ["normal", "sequential", "random", "willneed", "hugepage"];

/** Takes room on the disk. Without the addon that means to write it. */
function reserve(fd: number, byteLength: number): void {
  const fs = nodeFs();
  const addon = nativeAddon();
  if (addon === null) {
    const zeros = new Uint8Array(Math.min(byteLength, 1 << 22));
    for (let at = 0; at < byteLength; at += zeros.length) {
      writeFully(fd, zeros.subarray(0, byteLength - at), at);
    }
  } else {
    addon.allocate(fd, byteLength);
  }
  fs.fsyncSync(fd);
}

function badOption(option: string, value: unknown, expected: string): StowageError<"ERR_OPTION"> {
  return new StowageError(
    "ERR_OPTION",
    `Cannot use ${option} ${JSON.stringify(value)}: it must be ${expected}`,
    { option, value: String(value) },
  );
}

function noDType(name: string): StowageError<"ERR_DTYPE"> {
  const expected = Object.keys(DTYPES).join(", ");
  return new StowageError(
    "ERR_DTYPE",
    `Cannot view elements of type ${quote(name)}: it must be one of ${expected}`,
    {
      expected,
      found: String(name),
    },
  );
}
