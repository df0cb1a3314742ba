import { MemorySource, type SyncByteSource } from "@stowage/core";

/** Counts what is read of the bytes it stands for, as a file would have to. */
export class CountingSource implements SyncByteSource {
  readonly resident = false;
  readonly #source: MemorySource;
  reads = 0;
  bytes = 0;

  constructor(bytes: Uint8Array) {
    this.#source = new MemorySource(bytes, "counted");
  }

  get name(): string {
    return this.#source.name;
  }

  get byteLength(): number {
    return this.#source.byteLength;
  }

  readSync(byteOffset: number, byteLength: number): Uint8Array {
    this.#count(byteLength);
    return this.#source.readSync(byteOffset, byteLength).slice();
  }

  readIntoSync(target: Uint8Array, byteOffset: number): void {
    this.#count(target.byteLength);
    this.#source.readIntoSync(target, byteOffset);
  }

  async read(byteOffset: number, byteLength: number): Promise<Uint8Array> {
    return this.readSync(byteOffset, byteLength);
  }

  close(): void {
    this.#source.close();
  }

  /** What an action reads. */
  during(action: () => unknown): { reads: number; bytes: number } {
    const before = { reads: this.reads, bytes: this.bytes };
    action();
    return { reads: this.reads - before.reads, bytes: this.bytes - before.bytes };
  }

  #count(byteLength: number): void {
    this.reads++;
    this.bytes += byteLength;
  }
}
