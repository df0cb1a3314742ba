import { type Atoms, MemorySource } from "@stowage/core";
import { formatError } from "./errors.js";
import { FrameDecoder } from "./frame-decoder.js";
import { type FoundFrame, FrameScanner } from "./frame-scanner.js";
import { KeyTable } from "./key-table.js";
import { textBlock } from "./text-block.js";
import { XyzFile } from "./xyz-file.js";

/** A frame of more bytes cannot be read at once. */
const MAX_FRAME_LENGTH = 2 ** 30;

/**
 * All structures of a text, with the types that their keys have over all of it.
 *
 * @throws {StowageError} ERR_XYZ_FORMAT
 *
 * @example
 * ```ts
 * const [water] = parseXyz("3\nwater\nO 0 0 0\nH 0.76 0.59 0\nH -0.76 0.59 0\n");
 * ```
 */
export function parseXyz(text: string | Uint8Array): Atoms[] {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return [...XyzFile.open(new MemorySource(bytes, "text"))];
}

/**
 * The structures of an input that can only be read once, from start to end, such as stdin: each as soon as the line
 * after it is there.
 *
 * Nothing is known of frames to come, so each has the types that it shows itself: a key may be an int64 in one frame
 * and a float64 in the next, and a comment without `=` is the text `info.comment` whatever other comments are.
 *
 * @throws {StowageError} ERR_XYZ_FORMAT
 *
 * @example
 * ```ts
 * for await (const atoms of readXyz(process.stdin)) console.log(atoms.formula);
 * ```
 */
export async function* readXyz(
  stream: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>,
  options: { name?: string; signal?: AbortSignal } = {},
): AsyncGenerator<Atoms, void, undefined> {
  const { name = "stream", signal } = options;
  const window = new ByteWindow();
  const found: (FoundFrame & { frameIndex: number })[] = [];
  const start = { path: name, end: 0, nFrames: 0, nLines: 0 };
  const scanner = new FrameScanner(
    (frame) => found.push({ ...frame, frameIndex: scanner.nFrames - 1 }),
    start,
  );
  const decoder = new FrameDecoder(new KeyTable(), "each");
  const take = function* (): Generator<Atoms, void, undefined> {
    for (const { byteOffset, byteLength, firstLine, ...frame } of found.splice(0)) {
      const bytes = window.view(byteOffset, byteLength);
      const facts = { ...frame, path: name, firstLine: () => firstLine };
      yield decoder.decodeAtoms({ ...textBlock(bytes), start: 0, end: bytes.length }, facts);
    }
    window.dropBefore(scanner.end);
  };
  for await (const chunk of chunksOf(stream)) {
    signal?.throwIfAborted();
    if (!(chunk instanceof Uint8Array))
      throw new TypeError("Cannot read this stream: its chunks are not bytes");
    scanner.push(chunk);
    window.append(chunk);
    yield* take();
    if (window.length > MAX_FRAME_LENGTH) {
      throw formatError({ path: name, frameIndex: scanner.nFrames, firstLine: () => 1 }, 0, {
        found: `a frame of more than ${MAX_FRAME_LENGTH} bytes`,
        expected: "frames that fit in memory",
      });
    }
  }
  scanner.finish();
  yield* take();
}

async function* chunksOf(
  stream: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (Symbol.asyncIterator in stream) return yield* stream;
  // Not every browser can iterate over its streams.
  const reader = (stream as ReadableStream<Uint8Array>).getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel();
  }
}

/** The part of a stream that is still needed. */
class ByteWindow {
  #bytes = new Uint8Array(1 << 16);
  /** Of the first byte that is kept, in the stream. */
  #offset = 0;
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  append(chunk: Uint8Array): void {
    const length = this.length + chunk.length;
    if (this.#end + chunk.length > this.#bytes.length) {
      const target = length > this.#bytes.length / 2 ? new Uint8Array(2 * length) : this.#bytes;
      target.set(this.#bytes.subarray(this.#start, this.#end));
      this.#bytes = target;
      this.#end = this.length;
      this.#start = 0;
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Bytes of the stream, valid until the next `append`. */
  view(byteOffset: number, byteLength: number): Uint8Array {
    const start = this.#start + byteOffset - this.#offset;
    return this.#bytes.subarray(start, start + byteLength);
  }

  dropBefore(byteOffset: number): void {
    this.#start += byteOffset - this.#offset;
    this.#offset = byteOffset;
  }
}
