/*
 * Fixed-width integers in bytes. Written out because a DataView for each record costs more than the reads;
 * nothing is aligned in this format.
 */

export function readUint16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

/** A u64 as a number; values past 2^53 lose digits, which every caller refuses by size. */
export function readUint64(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) + readUint32(bytes, at + 4) * 0x1_0000_0000;
}

export function writeUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

export function writeUint64(bytes: Uint8Array, at: number, value: number): void {
  writeUint32(bytes, at, value % 0x1_0000_0000);
  writeUint32(bytes, at + 4, Math.floor(value / 0x1_0000_0000));
}

/** Copies `length` bytes; short runs by a loop, which beats making a view of them. */
export function copyBytes(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  at: number,
  length: number,
): void {
  if (length <= 24) for (let i = 0; i < length; i++) target[at + i] = source[from + i]!;
  else target.set(source.subarray(from, from + length), at);
}
