import { StowageError } from "../errors.js";

const MIN_INT64 = -0x8000000000000000n;
const MAX_UINT64 = 0xffffffffffffffffn;

const utf8 = new TextEncoder();
const float = new Float64Array(1);
const scratch = new Uint8Array(float.buffer);

/** Writes msgpack's own types one after the other into one growing buffer. */
export class MsgpackWriter {
  #bytes = new Uint8Array(1024);
  #at = 0;

  get byteLength(): number {
    return this.#at;
  }

  get capacity(): number {
    return this.#bytes.length;
  }

  /** All bytes written so far: a view, valid until more is written. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Forgets what was written from there on. */
  truncate(byteLength: number): void {
    this.#at = byteLength;
  }

  #room(byteLength: number): void {
    const needed = this.#at + byteLength;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.bytes());
    this.#bytes = grown;
  }

  byte(byte: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = byte;
  }

  raw(bytes: ArrayLike<number>): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** One byte, then an integer of 1, 2, 4 bytes, big-endian. */
  tagged(tag: number, value: number, width: number): void {
    this.#room(1 + width);
    this.#bytes[this.#at++] = tag;
    for (let shift = 8 * (width - 1); shift >= 0; shift -= 8) this.#bytes[this.#at++] = value >>> shift;
  }

  /** The length of a list, map or text; `tag16` and the next tag are those of 2 and 4 bytes. */
  head(length: number, short: number, shortEnd: number, tag16: number): void {
    if (length < shortEnd) this.byte(short | length);
    else if (length < 0x10000) this.tagged(tag16, length, 2);
    else this.tagged(tag16 + 1, length, 4);
  }

  bin(data: Uint8Array): void {
    const { length } = data;
    if (length > 0xffffffff) {
      throw new StowageError("ERR_UNSUPPORTED", `Cannot encode ${length} bytes as one msgpack value`, {
        feature: "values of 4 GiB and more",
      });
    }
    if (length < 0x100) this.tagged(0xc4, length, 1);
    else if (length < 0x10000) this.tagged(0xc5, length, 2);
    else this.tagged(0xc6, length, 4);
    this.raw(data);
  }

  /** A key of msgpack-numpy's maps: bytes, not text. */
  key(name: string): void {
    this.bin(utf8.encode(name));
  }

  text(text: string): void {
    const { length } = text;
    if (length < 32) {
      this.#room(1 + length);
      const start = this.#at++;
      let i = 0;
      for (; i < length; i++) {
        const unit = text.charCodeAt(i);
        if (unit >= 0x80) break;
        this.#bytes[this.#at++] = unit;
      }
      this.#bytes[start] = 0xa0 | length;
      if (i === length) return;
      this.#at = start;
    }
    if (/\p{Surrogate}/u.test(text)) {
      throw new StowageError("ERR_DTYPE", "Cannot encode text: it has half of a surrogate pair", {
        expected: "Unicode text",
        found: JSON.stringify(text.slice(0, 40)),
      });
    }
    const bytes = utf8.encode(text);
    if (bytes.length >= 32 && bytes.length < 0x100) this.tagged(0xd9, bytes.length, 1);
    else this.head(bytes.length, 0xa0, 32, 0xda);
    this.raw(bytes);
  }

  float(value: number): void {
    float[0] = value;
    this.#room(9);
    this.#bytes[this.#at++] = 0xcb;
    for (let i = 7; i >= 0; i--) this.#bytes[this.#at++] = scratch[i]!;
  }

  /** An extent, or any integer from 0 to 2^53, in as few bytes as it needs. */
  extent(value: number): void {
    if (value < 0x80) this.byte(value);
    else if (value < 0x100) this.tagged(0xcc, value, 1);
    else if (value < 0x10000) this.tagged(0xcd, value, 2);
    else if (value < 0x100000000) this.tagged(0xce, value, 4);
    else this.#wide(0xcf, BigInt(value));
  }

  #wide(tag: number, value: bigint): void {
    this.tagged(tag, Number(BigInt.asUintN(32, value >> 32n)), 4);
    const low = Number(BigInt.asUintN(32, value));
    this.raw([low >>> 24, low >>> 16, low >>> 8, low]);
  }

  integer(value: bigint): void {
    if (value < MIN_INT64 || value > MAX_UINT64) {
      throw new StowageError("ERR_DTYPE", `Cannot encode ${value}: it needs more than 64 bits`, {
        expected: "int64",
        found: String(value),
      });
    }
    const small = Number(value);
    if (value >= 0x100000000n || value < -0x80000000n) {
      this.#wide(value > 0n ? 0xcf : 0xd3, value);
    } else if (small >= 0) this.extent(small);
    else if (small >= -32) this.byte(small & 0xff);
    else if (small >= -0x80) this.tagged(0xd0, small, 1);
    else if (small >= -0x8000) this.tagged(0xd1, small, 2);
    else this.tagged(0xd2, small, 4);
  }
}
