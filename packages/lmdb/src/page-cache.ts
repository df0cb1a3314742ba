/** Pages of one commit by the number of the first, as many bytes as are allowed; the longest unused ones go. */
export class PageCache {
  readonly #maxBytes: number;
  readonly #runs = new Map<number, Uint8Array>();
  #byteLength = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** At least `byteLength` bytes from a page on, if they are here. */
  get(firstPage: number, byteLength: number): Uint8Array | undefined {
    const run = this.#runs.get(firstPage);
    if (run === undefined || run.length < byteLength) return undefined;
    this.#runs.delete(firstPage);
    this.#runs.set(firstPage, run);
    return run.length === byteLength ? run : run.subarray(0, byteLength);
  }

  set(firstPage: number, run: Uint8Array): void {
    this.#byteLength += run.length - (this.#runs.get(firstPage)?.length ?? 0);
    this.#runs.delete(firstPage);
    this.#runs.set(firstPage, run);
  }

  /** Drops what is too much. Not done by `set`: work that is under way needs all that was fetched for it. */
  trim(): void {
    for (const [firstPage, run] of this.#runs) {
      if (this.#byteLength <= this.#maxBytes) return;
      this.#runs.delete(firstPage);
      this.#byteLength -= run.length;
    }
  }
}
