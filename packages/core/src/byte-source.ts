import { closed, StowageError } from "./errors.js";
import { fileError } from "./file-system.js";

/**
 * Where bytes are: memory, a file, a map, a Blob, a range of a URL.
 *
 * Everything that reads a format is a function of this contract.
 */
export interface ByteSource {
  /** A path or URL, for messages. */
  readonly name: string;
  readonly byteLength: number;
  /**
   * Reads exactly `byteLength` bytes.
   *
   * @throws {StowageError} ERR_SOURCE_BOUNDS for a range outside the source, ERR_SOURCE_TRUNCATED if a file shrank,
   * ERR_CLOSED after `close()`. The reason of the signal where it aborts.
   */
  read(byteOffset: number, byteLength: number, options?: { signal?: AbortSignal }): Promise<Uint8Array>;
  close(): void;
}

/** A source that can also answer at once. */
export interface SyncByteSource extends ByteSource {
  /**
   * Whether `readSync` hands out views of memory that exists already, at no cost.
   * Views are valid until the source is closed.
   */
  readonly resident: boolean;
  /** Reads exactly `byteLength` bytes: a view where {@link resident}, else fresh memory. */
  readSync(byteOffset: number, byteLength: number): Uint8Array;
  /** Fills `target` from `byteOffset` on. */
  readIntoSync(target: Uint8Array, byteOffset: number): void;
  /** Throws if views have shown something else than the source's bytes, as those of a mapped file that was cut do. */
  check?(): void;
}

/** Whether a source can answer at once. */
export function isSyncSource(source: ByteSource): source is SyncByteSource {
  return "readSync" in source;
}

/** Throws ERR_SOURCE_BOUNDS unless the range, in whole bytes, lies inside the source. */
export function checkRange(
  source: Pick<ByteSource, "name" | "byteLength">,
  byteOffset: number,
  byteLength: number,
): void {
  const whole = Number.isSafeInteger(byteOffset) && Number.isSafeInteger(byteLength);
  if (whole && byteOffset >= 0 && byteLength >= 0 && byteOffset + byteLength <= source.byteLength) return;
  throw new StowageError(
    "ERR_SOURCE_BOUNDS",
    `Cannot read ${byteLength} bytes at ${byteOffset} of ${source.name}: it has ${source.byteLength} bytes`,
    { path: source.name, byteOffset, byteLength, sourceLength: source.byteLength },
  );
}

/** Bytes that are in memory already. */
export class MemorySource implements SyncByteSource {
  readonly resident = true;
  readonly name: string;
  #bytes: Uint8Array | null;

  constructor(bytes: Uint8Array | ArrayBuffer, name = "memory") {
    // A plain view also of a Node Buffer, whose slice() would share memory where an array's copies.
    this.#bytes = ArrayBuffer.isView(bytes)
      ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      : new Uint8Array(bytes);
    this.name = name;
  }

  get byteLength(): number {
    return this.#bytes?.byteLength ?? 0;
  }

  readSync(byteOffset: number, byteLength: number): Uint8Array {
    if (this.#bytes === null) throw closed(this.name);
    checkRange(this, byteOffset, byteLength);
    return this.#bytes.subarray(byteOffset, byteOffset + byteLength);
  }

  readIntoSync(target: Uint8Array, byteOffset: number): void {
    target.set(this.readSync(byteOffset, target.byteLength));
  }

  async read(
    byteOffset: number,
    byteLength: number,
    options: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    return this.readSync(byteOffset, byteLength);
  }

  close(): void {
    this.#bytes = null;
  }
}

/**
 * A Blob or File, as browsers and `fs.openAsBlob` give them. Slices are read when asked for.
 *
 * In Node 20 a Blob ends at 4 GiB (`openAsBlob` gives a longer file the wrong size): open such files by path.
 */
export class BlobSource implements ByteSource {
  readonly name: string;
  #blob: Blob | null;

  constructor(blob: Blob, name: string = "name" in blob ? String(blob.name) : "blob") {
    this.#blob = blob;
    this.name = name;
  }

  get byteLength(): number {
    return this.#blob?.size ?? 0;
  }

  async read(
    byteOffset: number,
    byteLength: number,
    options: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    if (this.#blob === null) throw closed(this.name);
    checkRange(this, byteOffset, byteLength);
    const slice = this.#blob.slice(byteOffset, byteOffset + byteLength);
    const buffer = await slice.arrayBuffer().catch((error: unknown) => {
      throw fileError(error, "read", this.name); // the file behind the Blob changed or went away
    });
    options.signal?.throwIfAborted();
    return new Uint8Array(buffer);
  }

  close(): void {
    this.#blob = null;
  }
}
