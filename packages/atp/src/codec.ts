import { compressRecords } from "@stowage/mmap";
import { lz4Bound, lz4Compress, lz4Decompress } from "./lz4.js";
import { zstdBound, zstdCompress, zstdDecompress } from "./zstd.js";

/** As small as the peer's: it writes high-compression blocks of this level. */
const LZ4_HC_LEVEL = 12;

export type CodecName = "none" | "lz4" | "zstd";

/** How records of one file are stored. */
export interface Codec {
  readonly name: CodecName;
  /** No stored byte can stand for more bytes than this: a crafted size beyond it is refused before allocating. */
  readonly maxExpansion: number;
  /** Largest stored size of a record. */
  bound(recordSize: number): number;
  /**
   * Compresses records into `target`, one after the other; on all cores where there is a native addon.
   *
   * @param records  One after the other, each up to the next of `ends`.
   * @param target   At least the sum of their bounds.
   * @param sizes    Takes the stored sizes.
   */
  compressMany(records: Uint8Array, ends: Uint32Array, target: Uint8Array, sizes: Uint32Array): void;
  /** Fills `target` exactly; `null` when that worked, else what is wrong with the stored bytes. */
  decompress(stored: Uint8Array, target: Uint8Array): string | null;
}

/** @param level  For zstd, 1 to 22 or negative for speed. */
export function codecOf(name: CodecName, level: number): Codec {
  return name === "none" ? NONE : name === "lz4" ? LZ4 : zstdCodec(level);
}

const NONE: Codec = {
  name: "none",
  maxExpansion: 1,
  bound: (recordSize) => recordSize,
  compressMany: (records, ends, target, sizes) => {
    target.set(records);
    for (let i = 0; i < ends.length; i++) sizes[i] = ends[i]! - (i === 0 ? 0 : ends[i - 1]!);
  },
  decompress: (stored, target) => {
    target.set(stored);
    return null;
  },
};

const LZ4: Codec = {
  name: "lz4",
  maxExpansion: 255, // one length byte
  bound: lz4Bound,
  compressMany: (records, ends, target, sizes) => {
    const done = compressRecords("lz4", LZ4_HC_LEVEL, records, ends, target, sizes);
    if (done === null) compressEach(lz4Compress, records, ends, target, sizes);
  },
  decompress: lz4Decompress,
};

function zstdCodec(level: number): Codec {
  const compress = (record: Uint8Array, target: Uint8Array) => zstdCompress(record, target, level);
  return {
    name: "zstd",
    maxExpansion: 1 << 15, // a run-length block: 128 KiB from 4 bytes
    bound: zstdBound,
    compressMany: (records, ends, target, sizes) => {
      const done = compressRecords("zstd", level, records, ends, target, sizes);
      if (done === null) compressEach(compress, records, ends, target, sizes);
    },
    decompress: zstdDecompress,
  };
}

function compressEach(
  compress: (record: Uint8Array, target: Uint8Array) => number,
  records: Uint8Array,
  ends: Uint32Array,
  target: Uint8Array,
  sizes: Uint32Array,
): void {
  let start = 0;
  let at = 0;
  for (let i = 0; i < ends.length; i++) {
    const size = compress(records.subarray(start, ends[i]!), target.subarray(at));
    sizes[i] = size;
    at += size;
    start = ends[i]!;
  }
}
