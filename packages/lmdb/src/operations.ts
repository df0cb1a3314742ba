const HEAD = 12;
const [PUT, DELETE, CLEAR] = [0, 1, 2];
const EMPTY = new Uint8Array(0);

/**
 * What a transaction shall do, packed for the addon: records of kind, key length, value length (u32 each), key, value.
 */
export class Operations {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  #byteLength = 0;

  /** Makes room for so many bytes at once. */
  reserve(byteLength: number): void {
    const end = this.#byteLength + byteLength;
    if (end > this.#bytes.length) this.#grow(end);
  }

  /** Sets the value of a key. */
  put(key: Uint8Array, value: Uint8Array): void {
    this.#add(PUT!, key, value);
  }

  /** Removes a key, if it is there. */
  delete(key: Uint8Array): void {
    this.#add(DELETE!, key, EMPTY);
  }

  /** Removes all keys. */
  clear(): void {
    this.#add(CLEAR!, EMPTY, EMPTY);
  }

  /** A view: valid until more is added. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#byteLength);
  }

  #add(kind: number, key: Uint8Array, value: Uint8Array): void {
    const start = this.#byteLength;
    const end = start + HEAD + key.length + value.length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#view.setUint32(start, kind, true);
    this.#view.setUint32(start + 4, key.length, true);
    this.#view.setUint32(start + 8, value.length, true);
    this.#bytes.set(key, start + HEAD);
    this.#bytes.set(value, start + HEAD + key.length);
    this.#byteLength = end;
  }

  #grow(atLeast: number): void {
    const bytes = new Uint8Array(Math.max(2 * this.#bytes.length, atLeast));
    bytes.set(this.bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
