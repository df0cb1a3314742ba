import type { ByteSource } from "@stowage/core";
import { kernelError } from "./errors.js";
import { MmapFile } from "./mmap-file.js";
import {
  type NativeAtpField,
  type NativeAtpPlan,
  type NativeAtpReader,
  type NativeAtpTexts,
  type NativeMapping,
  nativeAddon,
} from "./native.js";
import type { NativeMap } from "./native-map.js";

/** How records are stored. */
export type RecordCodec = "none" | "lz4" | "zstd";

/** As the addon numbers them. */
const CODECS: Record<RecordCodec, number> = { none: 0, lz4: 1, zstd: 2 };
const DONE = -1;

/** What a commit of an .atp file says of where its records are. */
export interface AtpCommit {
  readonly codec: RecordCodec;
  /** Where the first index entry is. */
  readonly indexOffset: number;
  readonly nMolecules: number;
  readonly dataStart: number;
  readonly dataEnd: number;
  /** No stored byte stands for more bytes than this. */
  readonly maxExpansion: number;
}

export type AtpFieldPlan = NativeAtpField;
export type AtpTexts = NativeAtpTexts;

/**
 * Batch kernels over one map, for packages that read a format.
 *
 * Kernels know sound data only. Where something is not as expected they say so by their result, and the caller's
 * TypeScript twin reads the same again, to give the value or the error.
 */
export class MapKernels {
  readonly #map: NativeMap;

  private constructor(map: NativeMap) {
    this.#map = map;
  }

  /** Kernels for a source that is a map of a whole file; `null` for any other, and without the addon. */
  static of(source: ByteSource): MapKernels | null {
    if (!(source instanceof MmapFile)) return null;
    const map = MmapFile.nativeMap(source);
    return map === null || map.byteOffset !== 0 ? null : new MapKernels(map);
  }

  /**
   * Copies byte ranges one after the other.
   *
   * @returns Bytes written; `null` where a range is outside the map or the target, or the file was cut.
   */
  gather(offsets: Float64Array, lengths: Uint32Array, target: Uint8Array): number | null {
    const written = run("gather", () => this.#map.mapping.gather(offsets, lengths, target));
    return written < 0 ? null : written;
  }

  /** Decompresses one record that fills `target`; whether that worked. */
  decompress(codec: RecordCodec, storedAt: number, storedSize: number, target: Uint8Array): boolean {
    let result: number;
    try {
      result = this.#map.mapping.decompressOne(CODECS[codec], storedAt, storedSize, target);
    } catch (cause) {
      throw kernelError("decompress", cause);
    }
    if (result !== DONE) return false;
    this.#map.verify(storedAt + storedSize);
    return true;
  }

  /**
   * Decompresses many records, on all cores.
   *
   * @param jobs  For each: where it is stored, stored size, its place in the target, its size.
   */
  decompressMany(codec: RecordCodec, jobs: Float64Array, target: Uint8Array): boolean {
    return run("decompress", () => this.#map.mapping.decompress(CODECS[codec], jobs, target)) === DONE;
  }

  /** Prepares reading batches of one commit. */
  atpPlan(commit: AtpCommit, positionBytes: 12 | 24, complete: boolean, fields: AtpFieldPlan[]): AtpPlan {
    const { AtpPlan: Plan } = nativeAddon()!;
    const plan = run("flat", () => new Plan(numbersOf(commit), positionBytes, complete, fields));
    return new AtpPlan(this.#map, plan);
  }

  /** Prepares reading single records of one commit. */
  atpReader(commit: AtpCommit): AtpReader {
    return new AtpReader(this.#map, commit);
  }
}

function numbersOf({
  codec,
  indexOffset,
  nMolecules,
  dataStart,
  dataEnd,
  maxExpansion,
}: AtpCommit): Float64Array {
  return Float64Array.of(CODECS[codec], indexOffset, nMolecules, dataStart, dataEnd, maxExpansion);
}

/** Reads single records of one commit of an .atp file. */
export class AtpReader {
  readonly #map: NativeMap;
  readonly #commit: AtpCommit;
  #mapping: NativeMapping | null = null;
  #readRecord: NativeAtpReader | null = null;

  constructor(map: NativeMap, commit: AtpCommit) {
    this.#map = map;
    this.#commit = commit;
  }

  /**
   * Reads one record into a buffer from `at` on.
   *
   * @returns Its size; -1 where it needs a closer look; -2 - n where it takes n bytes, for which there is no room.
   */
  read(index: number, target: ArrayBuffer, at: number): number {
    try {
      if (this.#mapping !== this.#map.mapping) this.#renew();
      const size = this.#readRecord!(index, target, at);
      return size >= 0 && !this.#map.isIntact ? -1 : size;
    } catch (cause) {
      throw kernelError("at", cause);
    }
  }

  /** A reader of the map as it is now: it may have been made anew since. */
  #renew(): void {
    const { mapping } = this.#map;
    this.#readRecord = nativeAddon()!.atpReader(mapping, numbersOf(this.#commit));
    this.#mapping = mapping;
  }
}

/** How batches of one commit of an .atp file are read. */
export class AtpPlan {
  readonly #map: NativeMap;
  readonly #plan: NativeAtpPlan;

  constructor(map: NativeMap, plan: NativeAtpPlan) {
    this.#map = map;
    this.#plan = plan;
  }

  /**
   * Finds the molecules of the next batch, and fills `nAtoms`.
   *
   * @returns Their sum; `null` where an index is out of range or an entry cannot be true.
   */
  find(indices: Float64Array, nAtoms: Uint32Array): number | null {
    const total = run("flat", () => this.#plan.find(this.#map.mapping, indices, nAtoms));
    return total < 0 ? null : total;
  }

  /**
   * Reads the batch that was found. What a record has not reads zero.
   *
   * @param outputs  Positions, atomic numbers, presence (fields × molecules, zeroed), then one a field, empty for text.
   * @returns The texts, `"done"` if there are none, `null` where a record is not as the plan says.
   */
  flat(outputs: Uint8Array[]): AtpTexts | "done" | null {
    const result = run("flat", () => this.#plan.flat(this.#map.mapping, outputs));
    if (typeof result !== "number") return result;
    return result === DONE ? "done" : null;
  }
}

/**
 * Compresses records on all cores.
 *
 * @param records  One after the other.
 * @param ends     Where each ends.
 * @param target   Room for what the codec can make of each at worst.
 * @param sizes    Takes the compressed size of each.
 * @returns Bytes written, the compressed records one after the other; `null` without the addon.
 */
export function compressRecords(
  codec: RecordCodec,
  level: number,
  records: Uint8Array,
  ends: Uint32Array,
  target: Uint8Array,
  sizes: Uint32Array,
): number | null {
  const addon = nativeAddon();
  if (addon === null) return null;
  const written = run("compress", () => addon.compress(CODECS[codec], level, records, ends, target, sizes));
  if (written >= 0) return written;
  throw kernelError("compress", `record ${-3 - written} of ${ends.length} could not be stored`);
}

/** Runs a kernel: what it throws becomes a StowageError. */
function run<T>(name: string, kernel: () => T): T {
  try {
    return kernel();
  } catch (cause) {
    throw kernelError(name, cause);
  }
}
