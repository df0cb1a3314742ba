import type { RecordDraft } from "./record-draft.js";

/** So much is compressed at a time: enough for all cores, little beside the molecules themselves. */
const BATCH_BYTES = 1 << 20;

/** Records on their way to be compressed together, one after the other. */
export class RecordBatch {
  #bytes = new Uint8Array(0);
  #ends: number[] = [];
  #nAtoms: number[] = [];
  #bound = 0;

  /** Number of records. */
  get length(): number {
    return this.#ends.length;
  }

  /** The records. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#end);
  }

  /** Where each record ends. */
  get ends(): Uint32Array {
    return Uint32Array.from(this.#ends);
  }

  get nAtoms(): readonly number[] {
    return this.#nAtoms;
  }

  /** The most that the records can take when they are stored. */
  get bound(): number {
    return this.#bound;
  }

  recordSize(i: number): number {
    return this.#ends[i]! - (i === 0 ? 0 : this.#ends[i - 1]!);
  }

  /** Whether a record fits; a single one always does. */
  hasRoom(byteLength: number): boolean {
    return this.length === 0 || this.#end + byteLength <= BATCH_BYTES;
  }

  /** @param bound  The most that the record can take when it is stored. */
  push(draft: RecordDraft, bound: number): void {
    const start = this.#end;
    const end = start + draft.byteLength;
    if (end > this.#bytes.length) this.#grow(end);
    draft.write(this.#bytes, start);
    this.#ends.push(end);
    this.#nAtoms.push(draft.nAtoms);
    this.#bound += bound;
  }

  clear(): void {
    this.#ends = [];
    this.#nAtoms = [];
    this.#bound = 0;
  }

  get #end(): number {
    return this.#ends.at(-1) ?? 0;
  }

  #grow(byteLength: number): void {
    const grown = new Uint8Array(Math.max(byteLength, Math.min(2 * this.#bytes.length, BATCH_BYTES)));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
