import { closed, StowageError } from "@stowage/core";
import type { Advice, Engine, FileRange } from "./engine.js";
import { truncatedMap } from "./errors.js";
import type { NativeAddon, NativeMapping } from "./native.js";

/** Maps begin at multiples of this, which every system accepts (Windows asks for it). */
const GRANULARITY = 1 << 16;
/** A window starts at each multiple of this, and shows twice as much: so a range up to this long lies in one window. */
const WINDOW_BYTES = 2 ** 30;

/** Where the sentinel is looked for: the last page. */
const TAIL_BYTES = 4096;

const ADVICE: Record<Advice, number> = { normal: 0, sequential: 1, random: 2, willneed: 3, hugepage: 4 };

const LIMITS_HINT =
  "close files that are no longer needed, or raise the limits: `ulimit -n` for files, vm.max_map_count for maps";

/** The flags of all maps: which of them met a fault. */
let flags: Uint8Array | null = null;

/**
 * A range of a file, mapped by the addon and shown through windows.
 *
 * Reads are private copy-on-write maps: a stray store changes memory, never the file, and cannot end the process.
 */
export class NativeMap implements Engine {
  readonly kind = "mmap";
  readonly #range: FileRange;
  /** Bytes from the start of the map to the start of the range. */
  readonly #lead: number;
  readonly #faults: Uint8Array;
  #mapping: NativeMapping;
  #slot: number;
  #byteLength: number;
  /** Over the start of the map: all of it, mostly. */
  #first: Uint8Array;
  #windows = new Map<string, Uint8Array>();
  /** The last bytes of the range, and which of them is the last that is not zero; -1 if none is. */
  #tail: Uint8Array = new Uint8Array(0);
  #sentinel = -1;
  #isOpen = true;

  /**
   * @param fd          May be closed afterwards: the map has a descriptor of its own.
   * @param byteLength  Of the range, which the file has.
   */
  constructor(addon: NativeAddon, fd: number, range: FileRange, byteLength: number) {
    this.#range = range;
    flags ??= new Uint8Array(addon.faultFlags());
    this.#faults = flags;
    this.#lead = range.byteOffset % GRANULARITY;
    this.#byteLength = byteLength;
    const start = range.byteOffset - this.#lead;
    this.#mapping = this.#try("map", () =>
      addon.Mapping.open(fd, range.mode === "r+", start, this.#lead + byteLength),
    );
    this.#slot = this.#mapping.slot;
    try {
      this.#first = this.#firstWindow();
      this.#placeSentinel();
    } catch (error) {
      this.#mapping.close([]);
      throw error;
    }
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  /** For kernels: the map, and where the range begins in it. */
  get mapping(): NativeMapping {
    if (!this.#isOpen) throw closed(this.#range.path);
    return this.#mapping;
  }

  /** Where in the file the range begins. */
  get byteOffset(): number {
    return this.#range.byteOffset;
  }

  view(byteOffset: number, byteLength: number): Uint8Array {
    const start = this.#lead + byteOffset;
    const end = start + byteLength;
    if (this.#faults[this.#slot] !== 0) this.check(byteOffset + byteLength);
    if (end <= this.#first.length) return this.#first.subarray(start, end);
    const mapEnd = this.#lead + this.#byteLength;
    let base = Math.floor(start / WINDOW_BYTES) * WINDOW_BYTES;
    let windowEnd = Math.min(base + 2 * WINDOW_BYTES, mapEnd);
    if (end > windowEnd) {
      base = Math.floor(start / GRANULARITY) * GRANULARITY;
      windowEnd = end;
    }
    try {
      return this.#window(base, windowEnd - base).subarray(start - base, end - base);
    } catch (cause) {
      const { path } = this.#range;
      throw new StowageError(
        "ERR_MAPPING_VIEW",
        `Cannot view ${byteLength} bytes of ${path} at once: ${reasonOf(cause)}`,
        { path, byteOffset, byteLength, limit: windowLimit() },
        { cause, hint: "use view(dtype, byteOffset, length) for one part after the other" },
      );
    }
  }

  readInto(target: Uint8Array, byteOffset: number): void {
    const { length } = target;
    if (length === 0) return;
    if (length > WINDOW_BYTES) {
      for (let at = 0; at < length; at += WINDOW_BYTES) {
        this.readInto(target.subarray(at, at + WINDOW_BYTES), byteOffset + at);
      }
      return;
    }
    target.set(this.view(byteOffset, length));
    this.verify(byteOffset + length);
  }

  /**
   * Throws ERR_MAPPING_TRUNCATED if the file has lost bytes before `end`, at the cost of a load where it has not: the
   * system, which takes a thousand times as long, is asked only where the sentinel has become zero, as all that a file
   * loses does.
   */
  verify(end: number): void {
    if (!this.isIntact) this.check(end);
  }

  /** Whether nothing speaks for a loss. */
  get isIntact(): boolean {
    const sentinel = this.#tail[this.#sentinel];
    // Undefined where there is none, and where somebody has transferred the buffer away.
    return sentinel !== undefined && sentinel !== 0 && this.#faults[this.#slot] === 0;
  }

  /** As {@link verify}, asking the system in any case. */
  check(end: number): void {
    if (!this.#mapping.wasCut(this.#lead + end)) return;
    const mappedEnd = this.#range.byteOffset + end;
    throw truncatedMap(this.#range.path, mappedEnd, this.#mapping.fileLength());
  }

  refresh(): void {
    const byteLength = this.#lengthNow();
    if (byteLength === this.#byteLength && this.#faults[this.#slot] === 0) return;
    // The new map first: where the system refuses it, the old one stays.
    const mapping = this.#try("map", () => this.#mapping.resized(this.#lead + byteLength));
    try {
      this.#release();
    } finally {
      this.#byteLength = byteLength;
      this.#mapping = mapping;
      this.#slot = mapping.slot;
      this.#first = this.#firstWindow();
      this.#placeSentinel();
    }
  }

  advise(advice: Advice, byteOffset: number, byteLength: number): void {
    this.#try("advise", () => this.#mapping.advise(ADVICE[advice], this.#lead + byteOffset, byteLength));
  }

  populate(byteOffset: number, byteLength: number): void {
    this.#try("populate", () => this.#mapping.populate(this.#lead + byteOffset, byteLength));
    this.check(byteOffset + byteLength);
  }

  flush(byteOffset: number, byteLength: number): void {
    // After a fault, stores went into pages that are no longer the file's.
    const end = this.#faults[this.#slot] === 0 ? byteOffset + byteLength : this.#byteLength;
    this.check(end);
    this.#try("flush", () => this.#mapping.flush(this.#lead + byteOffset, byteLength));
    this.check(byteOffset + byteLength);
  }

  close(): void {
    let lost: unknown;
    try {
      if (this.#range.mode === "r+") this.check(this.#byteLength);
    } catch (error) {
      lost = error;
    }
    this.#isOpen = false;
    this.#release();
    if (lost !== undefined) throw lost;
  }

  #release(): void {
    const buffers = Array.from(this.#windows.values(), ({ buffer }) => buffer as ArrayBuffer);
    this.#windows = new Map();
    this.#first = new Uint8Array(0);
    this.#try("close", () => this.#mapping.close(buffers));
  }

  #lengthNow(): number {
    const { path, byteOffset, byteLength } = this.#range;
    const fileSize = this.#try("refresh", () => this.#mapping.fileLength());
    const end = byteOffset + (byteLength ?? 0);
    if (fileSize < end) throw truncatedMap(path, end, fileSize);
    return byteLength ?? fileSize - byteOffset;
  }

  #placeSentinel(): void {
    const length = Math.min(TAIL_BYTES, this.#byteLength);
    this.#tail = length === 0 ? new Uint8Array(0) : this.view(this.#byteLength - length, length);
    this.#sentinel = length - 1;
    while (this.#sentinel >= 0 && this.#tail[this.#sentinel] === 0) this.#sentinel--;
  }

  #firstWindow(): Uint8Array {
    return this.#try("map", () => this.#window(0, Math.min(this.#lead + this.#byteLength, 2 * WINDOW_BYTES)));
  }

  #window(start: number, byteLength: number): Uint8Array {
    if (byteLength === 0) return new Uint8Array(0);
    const key = `${start}+${byteLength}`;
    const known = this.#windows.get(key);
    // Shorter where somebody has transferred the buffer away.
    if (known?.length === byteLength) return known;
    const limit = windowLimit();
    if (byteLength > limit) throw new RangeError(`one array of this runtime ends at ${limit}`);
    const window = new Uint8Array(this.#mapping.window(start, byteLength));
    this.#windows.set(key, window);
    return window;
  }

  #try<T>(verb: string, action: () => T): T {
    try {
      return action();
    } catch (cause) {
      const { path } = this.#range;
      const reason = reasonOf(cause);
      const hint = /too many|most|memory/i.test(reason) ? LIMITS_HINT : undefined;
      throw new StowageError(
        "ERR_MAPPING",
        `Cannot ${verb} ${path}: ${reason}`,
        { path, reason },
        { cause, hint },
      );
    }
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** 4 GiB on Node 20 and Bun, practically none elsewhere. */
function windowLimit(): number {
  const { constants } = globalThis.process.getBuiltinModule("node:buffer");
  return constants.MAX_LENGTH;
}
