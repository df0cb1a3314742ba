/*
 * LZ4 blocks: sequences of token, literals, match. The token's high half counts literals, its low half the match
 * beyond 4 bytes; 15 means that more length bytes follow. A match is a u16 distance back. The last sequence has
 * literals only: at least the last 5 bytes are literals, and no match begins in the last 12.
 *
 * Written here because the one JavaScript library that encodes blocks lets matches begin in the last 12 bytes,
 * which liblz4 (and so the peer) refuses to read, and decodes without checking bounds.
 *
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
 */
const MIN_MATCH = 4;
const LAST_LITERALS = 5;
const MATCH_LIMIT = 12;
const MAX_DISTANCE = 65535;

const HASH_BITS = 14;
/** Position + 1 of the last occurrence of each hash; 0 for none. Reused, cleared as far as an input needs. */
const table = new Int32Array(1 << HASH_BITS);

/** Largest size of a block of `length` bytes that do not compress. */
export function lz4Bound(length: number): number {
  return length + Math.floor(length / 255) + 16;
}

/**
 * Compresses into one block.
 *
 * @param target  At least `lz4Bound(source.length)` bytes.
 * @returns Bytes written.
 */
export function lz4Compress(source: Uint8Array, target: Uint8Array): number {
  const length = source.length;
  const bits = Math.min(HASH_BITS, Math.max(8, 32 - Math.clz32(length)));
  const shift = 32 - bits;
  table.fill(0, 0, 1 << bits);
  const matchStop = length - MATCH_LIMIT;
  let at = 0;
  let anchor = 0;
  let out = 0;
  let misses = 1 << 6;
  while (at < matchStop) {
    const word = readWord(source, at);
    const slot = Math.imul(word, 0x9e3779b1) >>> shift;
    const candidate = table[slot]! - 1;
    table[slot] = at + 1;
    if (candidate < 0 || at - candidate > MAX_DISTANCE || readWord(source, candidate) !== word) {
      // The longer nothing matches, the larger the steps: incompressible data passes quickly.
      at += misses++ >> 6;
      continue;
    }
    misses = 1 << 6;
    let start = at;
    let from = candidate;
    while (start > anchor && from > 0 && source[start - 1] === source[from - 1]) {
      start--;
      from--;
    }
    let end = at + MIN_MATCH;
    let ahead = candidate + MIN_MATCH;
    const stop = length - LAST_LITERALS;
    while (end < stop && source[end] === source[ahead]) {
      end++;
      ahead++;
    }
    out = writeSequence(source, anchor, start, start - from, end - start, target, out);
    if (end - 2 > at) table[Math.imul(readWord(source, end - 2), 0x9e3779b1) >>> shift] = end - 1;
    at = end;
    anchor = end;
  }
  return writeLiterals(source, anchor, length, 0, target, out);
}

function readWord(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function writeSequence(
  source: Uint8Array,
  anchor: number,
  start: number,
  distance: number,
  matchLength: number,
  target: Uint8Array,
  out: number,
): number {
  const extra = matchLength - MIN_MATCH;
  let at = writeLiterals(source, anchor, start, Math.min(extra, 15), target, out);
  target[at++] = distance;
  target[at++] = distance >>> 8;
  if (extra >= 15) at = writeLength(extra - 15, target, at);
  return at;
}

function writeLiterals(
  source: Uint8Array,
  from: number,
  to: number,
  matchNibble: number,
  target: Uint8Array,
  out: number,
): number {
  const count = to - from;
  let at = out;
  target[at++] = (Math.min(count, 15) << 4) | matchNibble;
  if (count >= 15) at = writeLength(count - 15, target, at);
  if (count <= 24) for (let i = 0; i < count; i++) target[at + i] = source[from + i]!;
  else target.set(source.subarray(from, to), at);
  return at + count;
}

function writeLength(rest: number, target: Uint8Array, out: number): number {
  let at = out;
  let left = rest;
  for (; left >= 255; left -= 255) target[at++] = 255;
  target[at++] = left;
  return at;
}

/**
 * Decompresses one block that must fill the target exactly.
 *
 * @returns `null` when it does, else what is wrong with the block.
 */
export function lz4Decompress(source: Uint8Array, target: Uint8Array): string | null {
  const sourceEnd = source.length;
  const targetEnd = target.length;
  let at = 0;
  let out = 0;
  while (at < sourceEnd) {
    const token = source[at++]!;
    let literals = token >>> 4;
    if (literals === 15) {
      let byte = 255;
      while (byte === 255) {
        if (at >= sourceEnd) return "a length is cut";
        byte = source[at++]!;
        literals += byte;
      }
    }
    if (at + literals > sourceEnd) return `literals run ${at + literals - sourceEnd} bytes past its end`;
    if (out + literals > targetEnd) return "it holds more bytes than the index says";
    if (literals <= 24) for (let i = 0; i < literals; i++) target[out + i] = source[at + i]!;
    else target.set(source.subarray(at, at + literals), out);
    at += literals;
    out += literals;
    if (at === sourceEnd) break;
    if (at + 2 > sourceEnd) return "a match is cut";
    const distance = source[at]! | (source[at + 1]! << 8);
    at += 2;
    let length = (token & 15) + MIN_MATCH;
    if (length === 15 + MIN_MATCH) {
      let byte = 255;
      while (byte === 255) {
        if (at >= sourceEnd) return "a length is cut";
        byte = source[at++]!;
        length += byte;
      }
    }
    if (distance === 0 || distance > out) return `a match reaches ${distance} bytes back from byte ${out}`;
    if (out + length > targetEnd) return "it holds more bytes than the index says";
    // Byte by byte: source and target of a match may overlap, and then repeat.
    if (distance >= length && length > 24) target.copyWithin(out, out - distance, out - distance + length);
    else for (let i = 0; i < length; i++) target[out + i] = target[out + i - distance]!;
    out += length;
  }
  return out === targetEnd ? null : `it holds ${out} bytes, the index says ${targetEnd}`;
}
