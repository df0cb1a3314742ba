import { type ByteSource, checkRange, type SyncByteSource } from "@stowage/core";

/** A range of bytes that a task needs next. */
export interface ByteRequest {
  readonly byteOffset: number;
  readonly byteLength: number;
}

/**
 * Work that needs bytes now and then: it yields what it wants, gets the bytes back, and returns its result.
 *
 * Written once, it runs over sources that answer at once and over those that answer later.
 */
export type ByteTask<T> = Generator<ByteRequest, T, Uint8Array>;

/**
 * Runs a task at once. The bytes that it gets are overwritten by the next ones.
 *
 * @throws What {@link SyncByteSource.check} throws, whatever the task made of bytes that were none.
 */
export function runSync<T>(task: ByteTask<T>, source: SyncByteSource): T {
  const read = blockReader(source);
  try {
    let step = task.next(NOTHING);
    while (!step.done) step = task.next(read(step.value));
    source.check?.();
    return step.value;
  } catch (error) {
    source.check?.();
    throw error;
  }
}

/**
 * Reads into the same memory again and again, which new memory for each block would double the cost of. Each answer
 * is valid until the next one.
 */
export function blockReader(source: SyncByteSource): (request: ByteRequest) => Uint8Array {
  let block = new Uint8Array(0);
  return ({ byteOffset, byteLength }) => {
    if (source.resident) return source.readSync(byteOffset, byteLength);
    checkRange(source, byteOffset, byteLength);
    if (block.length < byteLength) block = new Uint8Array(byteLength);
    const bytes = block.subarray(0, byteLength);
    source.readIntoSync(bytes, byteOffset);
    return bytes;
  };
}

/** Runs a task by promise. */
export async function run<T>(task: ByteTask<T>, source: ByteSource, signal?: AbortSignal): Promise<T> {
  let step = task.next(NOTHING);
  while (!step.done) {
    const { byteOffset, byteLength } = step.value;
    step = task.next(await source.read(byteOffset, byteLength, { signal }));
  }
  return step.value;
}

/** What the first call of `next` passes goes nowhere. */
const NOTHING = new Uint8Array(0);
