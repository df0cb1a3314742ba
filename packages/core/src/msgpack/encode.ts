import { DTYPES, type DType, type DTypeInfo } from "../dtype.js";
import { StowageError } from "../errors.js";
import { bytesOf, describeArray, isNdArray, type NdArray, sizeOf } from "../nd-array.js";
import type { Value } from "../row.js";
import { MAX_DEPTH } from "./msgpack-error.js";
import { isRecordArray } from "./numpy-map.js";
import { formatComplex, parseComplex } from "./python-complex.js";
import { encodeTextArray } from "./text-array.js";

export interface EncodeOptions {
  /**
   * Writes a rectangular list of strings as a NumPy array of text (`<Un`), as ASE has per-atom text. Only the value
   * itself, no list within it. Default: false, a list of strings.
   */
  textArrays?: boolean;
}

/** A spare buffer larger than this is let go. */
const MAX_SPARE_BYTES = 1 << 20;

const MIN_INT64 = -0x8000000000000000n;
const MAX_INT64 = 0x7fffffffffffffffn;
const MAX_UINT64 = 0xffffffffffffffffn;

/**
 * Encodes one value as msgpack with the NumPy extension, byte for byte as asebytes and msgpack-numpy write it.
 *
 * A plain number is a float64 and stays one in Python (`float`). Scalars, `NdArray`s of shape `[]`, become what Python
 * reads as the same value: int64, and uint64 past 2^63, an `int`; float64 a `float`; complex128 a `complex`; the others
 * a NumPy scalar of their dtype.
 *
 * @throws {StowageError} ERR_DTYPE for bigints beyond 64 bits and text that UTF-8 cannot hold; ERR_SHAPE for an array
 *   that does not fill its shape; ERR_UNSUPPORTED for lists and objects nested more than 512 deep.
 * @throws {TypeError} for what is no `Value`.
 *
 * @example
 * ```ts
 * encodeValue(ndarray(new Float64Array(6), [2, 3])); // what msgpack.packb(array, default=msgpack_numpy.encode) gives
 * ```
 */
export function encodeValue(value: Value, options?: EncodeOptions): Uint8Array {
  const encoder = spare ?? new ValueEncoder();
  // A getter of the value that encodes something must not find the same encoder.
  spare = null;
  encoder.clear();
  encoder.append(value, options);
  const bytes = encoder.bytes().slice();
  if (encoder.capacity <= MAX_SPARE_BYTES) spare = encoder;
  return bytes;
}

let spare: ValueEncoder | null = null;

const utf8 = new TextEncoder();
const float = new Float64Array(1);
const scratch = new Uint8Array(float.buffer);

/** Encodes many values one after the other into one growing buffer. */
export class ValueEncoder {
  #bytes = new Uint8Array(1024);
  #at = 0;
  #depth = 0;

  /** Bytes encoded so far. */
  get byteLength(): number {
    return this.#at;
  }

  /** Bytes of memory held. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** All bytes encoded so far: a view, valid until the next `append` or `clear`. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Forgets what was encoded and keeps the memory. */
  clear(): void {
    this.#at = 0;
  }

  /**
   * Encodes a value behind the others; nothing of it stays if it cannot be encoded.
   *
   * @returns The byte offset at which it begins.
   * @throws {StowageError} as {@link encodeValue}
   */
  append(value: Value, options: EncodeOptions = {}): number {
    const start = this.#at;
    this.#depth = 0;
    try {
      const text = options.textArrays && Array.isArray(value) ? encodeTextArray(value) : null;
      if (text !== null) this.#array(text.code, text.shape, text.data);
      else this.#value(value);
    } catch (error) {
      this.#at = start;
      throw error;
    }
    return start;
  }

  #value(value: Value): void {
    if (value === null) this.#byte(0xc0);
    else if (typeof value === "number") this.#float(value);
    else if (typeof value === "string") this.#text(value);
    else if (typeof value === "boolean") this.#byte(value ? 0xc3 : 0xc2);
    else if (typeof value === "bigint") this.#integer(value);
    else if (typeof value !== "object")
      throw new TypeError(`Cannot encode a value of the type ${typeof value}`);
    else if (isNdArray(value)) this.#ndarray(value);
    else this.#nested(value);
  }

  #nested(value: Value[] | { [key: string]: Value }): void {
    if (++this.#depth > MAX_DEPTH) {
      throw new StowageError(
        "ERR_UNSUPPORTED",
        `Cannot encode a value: it is nested more than ${MAX_DEPTH} deep, or contains itself`,
        { feature: "deep nesting" },
      );
    }
    if (Array.isArray(value)) {
      this.#head(value.length, 0x90, 16, 0xdc);
      for (const item of value) this.#value(item);
    } else if (isRecordArray(value)) {
      this.#records(value);
    } else {
      const keys = Object.keys(value);
      this.#head(keys.length, 0x80, 16, 0xde);
      for (const key of keys) {
        this.#text(key);
        this.#value(value[key]!);
      }
    }
    this.#depth--;
  }

  #ndarray(array: NdArray): void {
    const { dtype, shape, data } = array;
    const { code, lanes } = DTYPES[dtype] as DTypeInfo;
    if (sizeOf(shape) * lanes !== data.length) {
      const found = `${data.length / lanes} elements`;
      throw new StowageError("ERR_SHAPE", `Cannot encode ${describeArray(array)}: it has ${found}`, {
        expected: `${sizeOf(shape)} elements`,
        found,
      });
    }
    if (shape.length > 0) this.#array(code, shape, bytesOf(data), dtype);
    else if (!this.#pythonScalar(array)) {
      this.#raw([0x83]);
      this.#key("nd");
      this.#byte(0xc2);
      this.#key("type");
      this.#text(code);
      this.#key("data");
      this.#bin(bytesOf(data));
    }
  }

  /** Writes a scalar that Python's own types hold to the bit. */
  #pythonScalar({ dtype, data }: NdArray): boolean {
    if (dtype === "float64") this.#float(Number(data[0]));
    else if (dtype === "int64") this.#integer(BigInt(data[0]!));
    else if (dtype === "uint64" && data[0]! > MAX_INT64) this.#integer(BigInt(data[0]!));
    else if (dtype === "complex128") {
      const parts = data as Float64Array;
      const text = formatComplex(parts[0]!, parts[1]!);
      // The text of a NaN tells neither its sign nor its payload.
      const read = bytesOf(Float64Array.from(parseComplex(text)!));
      if (!bytesOf(parts).every((byte, i) => byte === read[i])) return false;
      this.#raw([0x82]);
      this.#key("complex");
      this.#byte(0xc3);
      this.#key("data");
      this.#text(text);
    } else return false;
    return true;
  }

  #array(code: string, shape: readonly number[], data: Uint8Array, dtype?: DType): void {
    const prefix = (dtype === undefined ? undefined : PREFIXES.get(dtype)) ?? arrayPrefix(code);
    if (dtype !== undefined) PREFIXES.set(dtype, prefix);
    this.#raw(prefix);
    this.#head(shape.length, 0x90, 16, 0xdc);
    for (const extent of shape) this.#extent(extent);
    this.#key("data");
    this.#bin(data);
  }

  /** See {@link isRecordArray}. */
  #records({ type, shape, data }: { [key: string]: Value }): void {
    this.#raw([0x85]);
    this.#key("nd");
    this.#byte(0xc3);
    this.#key("type");
    this.#value(type!);
    this.#key("kind");
    this.#bin(Uint8Array.of(0x56));
    this.#key("shape");
    this.#value(shape!);
    this.#key("data");
    this.#bin(bytesOf((data as NdArray).data));
  }

  #room(byteLength: number): void {
    const needed = this.#at + byteLength;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.bytes());
    this.#bytes = grown;
  }

  #byte(byte: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = byte;
  }

  #raw(bytes: ArrayLike<number>): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** One byte, then an integer of 1, 2, 4 bytes, big-endian. */
  #tagged(tag: number, value: number, width: number): void {
    this.#room(1 + width);
    this.#bytes[this.#at++] = tag;
    for (let shift = 8 * (width - 1); shift >= 0; shift -= 8) this.#bytes[this.#at++] = value >>> shift;
  }

  /** The length of a list, map or text; `tag16` and the next tag are those of 2 and 4 bytes. */
  #head(length: number, short: number, shortEnd: number, tag16: number): void {
    if (length < shortEnd) this.#byte(short | length);
    else if (length < 0x10000) this.#tagged(tag16, length, 2);
    else this.#tagged(tag16 + 1, length, 4);
  }

  #bin(data: Uint8Array): void {
    const { length } = data;
    if (length > 0xffffffff) {
      throw new StowageError("ERR_UNSUPPORTED", `Cannot encode ${length} bytes as one msgpack value`, {
        feature: "values of 4 GiB and more",
      });
    }
    if (length < 0x100) this.#tagged(0xc4, length, 1);
    else if (length < 0x10000) this.#tagged(0xc5, length, 2);
    else this.#tagged(0xc6, length, 4);
    this.#raw(data);
  }

  /** A key of msgpack-numpy's maps: bytes, not text. */
  #key(name: string): void {
    this.#bin(utf8.encode(name));
  }

  #text(text: string): void {
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
    if (bytes.length >= 32 && bytes.length < 0x100) this.#tagged(0xd9, bytes.length, 1);
    else this.#head(bytes.length, 0xa0, 32, 0xda);
    this.#raw(bytes);
  }

  #float(value: number): void {
    float[0] = value;
    this.#room(9);
    this.#bytes[this.#at++] = 0xcb;
    for (let i = 7; i >= 0; i--) this.#bytes[this.#at++] = scratch[i]!;
  }

  /** An extent, or any integer from 0 to 2^53, in as few bytes as it needs. */
  #extent(value: number): void {
    if (value < 0x80) this.#byte(value);
    else if (value < 0x100) this.#tagged(0xcc, value, 1);
    else if (value < 0x10000) this.#tagged(0xcd, value, 2);
    else if (value < 0x100000000) this.#tagged(0xce, value, 4);
    else this.#wide(0xcf, BigInt(value));
  }

  #wide(tag: number, value: bigint): void {
    this.#tagged(tag, Number(BigInt.asUintN(32, value >> 32n)), 4);
    const low = Number(BigInt.asUintN(32, value));
    this.#raw([low >>> 24, low >>> 16, low >>> 8, low]);
  }

  #integer(value: bigint): void {
    if (value < MIN_INT64 || value > MAX_UINT64) {
      throw new StowageError("ERR_DTYPE", `Cannot encode ${value}: it needs more than 64 bits`, {
        expected: "int64",
        found: String(value),
      });
    }
    const small = Number(value);
    if (value >= 0x100000000n || value < -0x80000000n) {
      this.#wide(value > 0n ? 0xcf : 0xd3, value);
    } else if (small >= 0) this.#extent(small);
    else if (small >= -32) this.#byte(small & 0xff);
    else if (small >= -0x80) this.#tagged(0xd0, small, 1);
    else if (small >= -0x8000) this.#tagged(0xd1, small, 2);
    else this.#tagged(0xd2, small, 4);
  }
}

const PREFIXES = new Map<DType, Uint8Array>();

/** Everything of an array before its extents. */
function arrayPrefix(code: string): Uint8Array {
  const key = (name: string): number[] => [0xc4, name.length, ...utf8.encode(name)];
  return Uint8Array.from([
    ...[0x85, ...key("nd"), 0xc3, ...key("type"), 0xa0 | code.length, ...utf8.encode(code)],
    ...[...key("kind"), 0xc4, 0, ...key("shape")],
  ]);
}
