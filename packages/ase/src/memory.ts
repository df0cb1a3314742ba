import { slabAllocate } from "@stowage/core";

/** Zeros in memory shared with other small arrays: an array of its own costs several times more. */
export function newFloats(length: number): Float64Array {
  const { buffer, byteOffset } = slabAllocate(length * 8);
  return new Float64Array(buffer, byteOffset, length);
}

/** As {@link newFloats}. */
export function newBytes(length: number): Uint8Array {
  const { buffer, byteOffset } = slabAllocate(length);
  return new Uint8Array(buffer, byteOffset, length);
}

/** As {@link newFloats}, filled from an array. */
export function copyFloats(source: Float64Array, start: number, end: number): Float64Array {
  const copy = newFloats(end - start);
  for (let i = start; i < end; i++) copy[i - start] = source[i]!;
  return copy;
}
