import { lz4Bound, lz4Compress, lz4Decompress } from "./lz4.js";
import { zstdBound, zstdCompress, zstdDecompress } from "./zstd.js";

export type CodecName = "none" | "lz4" | "zstd";

/** How records of one file are stored. */
export interface Codec {
  readonly name: CodecName;
  /** No stored byte can stand for more bytes than this: a crafted size beyond it is refused before allocating. */
  readonly maxExpansion: number;
  /** Largest stored size of a record. */
  bound(recordSize: number): number;
  /** Compresses into `target` and returns the stored size. */
  compress(record: Uint8Array, target: Uint8Array): number;
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
  compress: (record, target) => {
    target.set(record);
    return record.length;
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
  compress: lz4Compress,
  decompress: lz4Decompress,
};

function zstdCodec(level: number): Codec {
  return {
    name: "zstd",
    maxExpansion: 1 << 15, // a run-length block: 128 KiB from 4 bytes
    bound: zstdBound,
    compress: (record, target) => zstdCompress(record, target, level),
    decompress: zstdDecompress,
  };
}
