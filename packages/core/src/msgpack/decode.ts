import { StowageError } from "../errors.js";
import { setKey, type Value } from "../row.js";
import { MAX_DEPTH, msgpackError, unsupportedValue } from "./msgpack-error.js";
import { checkedSize, DTYPE_BY_CODE, decodeNumpyMap, placeElements } from "./numpy-map.js";

export interface DecodeOptions {
  /** Where the value begins in the bytes. Default: 0. */
  byteOffset?: number;
  /** Its length. Default: up to the end of the bytes. */
  byteLength?: number;
  /** Gives every array memory that is not the input's. Default: false. */
  copy?: boolean;
}

/**
 * Decodes one msgpack value with the NumPy extension, as asebytes and msgpack-numpy write it.
 *
 * Integers become `NdArray`s of shape `[]`: int64, or uint64 past 2^63. Floats of either width are plain numbers.
 * Bytes are uint8 arrays. NumPy text becomes strings in lists nested by the shape, NumPy records keep their map as an
 * object.
 *
 * @returns The value. Its arrays are views of `bytes` where they happen to be aligned, else copies: they live as long
 *   as `bytes` keeps its content, or forever with `copy`.
 * @throws {StowageError} ERR_MSGPACK for damaged bytes; ERR_PICKLE for arrays of Python objects; ERR_UNSUPPORTED for
 *   extension types, keys that are no text, and NumPy types that are no dtype here; ERR_OPTION for a range outside
 *   the bytes.
 * @see msgpack-numpy 0.4.8 `msgpack_numpy.py`
 *
 * @example
 * ```ts
 * decodeValue(encodeValue({ energy: -14.2 })); // { energy: -14.2 }
 * ```
 */
export function decodeValue(bytes: Uint8Array, options: DecodeOptions = {}): Value {
  const { byteOffset = 0, byteLength = bytes.length - byteOffset, copy = false } = options;
  const end = byteOffset + byteLength;
  if (!(byteOffset >= 0 && byteLength >= 0 && end <= bytes.length)) {
    throw new StowageError(
      "ERR_OPTION",
      `Cannot decode ${byteLength} bytes at ${byteOffset}: there are ${bytes.length}`,
      { option: "byteOffset", value: String(byteOffset) },
    );
  }
  const decoder = new Decoder(bytes, byteOffset, end, copy);
  const value = decoder.value();
  if (decoder.at !== end) throw msgpackError(decoder.at, "the end", `${end - decoder.at} more bytes`);
  return value;
}

const ascii = (text: string): number[] => Array.from(text, (char) => char.charCodeAt(0));
const ARRAY_HEAD = Uint8Array.of(0x85, 0xc4, 2, ...ascii("nd"), 0xc3, 0xc4, 4, ...ascii("type"));
const ARRAY_SHAPE = Uint8Array.of(0xc4, 4, ...ascii("kind"), 0xc4, 0, 0xc4, 5, ...ascii("shape"));
const ARRAY_DATA = Uint8Array.of(0xc4, 4, ...ascii("data"));

const SHORTEST_ARRAY = ARRAY_HEAD.length + 4 + ARRAY_SHAPE.length + 2 + ARRAY_DATA.length + 2;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const float = new Float64Array(1);
const single = new Float32Array(float.buffer, 0, 1);
const scratch = new Uint8Array(float.buffer);

class Decoder {
  #depth = 0;

  constructor(
    readonly bytes: Uint8Array,
    public at: number,
    readonly end: number,
    readonly copy: boolean,
  ) {}

  value(): Value {
    const head = this.#uint(1);
    if (head < 0x80) return integer(BigInt(head));
    if (head < 0x90) return this.#map(head & 15);
    if (head < 0xa0) return this.#list(head & 15);
    if (head < 0xc0) return this.#text(head & 31);
    if (head >= 0xe0) return integer(BigInt(head - 256));
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return head === 0xc3;
      case 0xc4:
      case 0xc5:
      case 0xc6: {
        const length = this.#uint(1 << (head - 0xc4));
        const data = this.#take(length);
        return { dtype: "uint8", shape: [length], data: this.copy ? data.slice() : data };
      }
      case 0xca:
      case 0xcb:
        return this.#float(head === 0xca ? 4 : 8);
      case 0xcc:
      case 0xcd:
      case 0xce:
        return integer(BigInt(this.#uint(1 << (head - 0xcc))));
      case 0xd0:
      case 0xd1:
      case 0xd2: {
        const width = 1 << (head - 0xd0);
        return integer(BigInt.asIntN(8 * width, BigInt(this.#uint(width))));
      }
      case 0xcf:
      case 0xd3: {
        const wide = (BigInt(this.#uint(4)) << 32n) | BigInt(this.#uint(4));
        return integer(head === 0xcf ? wide : BigInt.asIntN(64, wide));
      }
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (head - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#list(this.#uint(2 << (head - 0xdc)));
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(2 << (head - 0xde)));
      case 0xc1:
        throw msgpackError(this.at - 1, "a value", "the byte 0xc1, which msgpack never writes");
      default:
        throw unsupportedValue("it has a msgpack extension type (a timestamp, for example)");
    }
  }

  #truncated(byteLength: number): StowageError {
    return msgpackError(this.at, `${byteLength} more bytes`, `${this.end - this.at}`);
  }

  /** A big-endian integer of 1, 2 or 4 bytes. */
  #uint(width: number): number {
    if (this.end - this.at < width) throw this.#truncated(width);
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 256 + this.bytes[this.at++]!;
    return value;
  }

  #take(byteLength: number): Uint8Array {
    if (this.end - this.at < byteLength) throw this.#truncated(byteLength);
    this.at += byteLength;
    return this.bytes.subarray(this.at - byteLength, this.at);
  }

  #float(width: 4 | 8): number {
    if (this.end - this.at < width) throw this.#truncated(width);
    for (let i = width - 1; i >= 0; i--) scratch[i] = this.bytes[this.at++]!;
    return width === 4 ? single[0]! : float[0]!;
  }

  #text(byteLength: number): string {
    if (this.end - this.at < byteLength) throw this.#truncated(byteLength);
    const start = this.at;
    this.at += byteLength;
    if (byteLength < 24) {
      let text = "";
      for (let i = start; i < this.at && this.bytes[i]! < 0x80; i++) {
        text += String.fromCharCode(this.bytes[i]!);
      }
      if (text.length === byteLength) return text;
    }
    try {
      return utf8.decode(this.bytes.subarray(start, this.at));
    } catch {
      throw msgpackError(start, "UTF-8 text", "other bytes");
    }
  }

  #enter(count: number): void {
    // Each item takes a byte at least: a length that lies is found before memory is taken for it.
    if (this.end - this.at < count) throw this.#truncated(count);
    if (++this.#depth > MAX_DEPTH) {
      throw msgpackError(this.at, `${MAX_DEPTH} nested lists and maps at most`, "more");
    }
  }

  #list(count: number): Value[] {
    this.#enter(count);
    const list: Value[] = [];
    for (let i = 0; i < count; i++) list.push(this.value());
    this.#depth--;
    return list;
  }

  #map(count: number): Value {
    if (count === 5) {
      const array = this.#array();
      if (array !== null) return array;
    }
    const start = this.at;
    this.#enter(count * 2);
    const map: { [key: string]: Value } = {};
    let numpy = false;
    for (let i = 0; i < count; i++) {
      const keyStart = this.at;
      const head = this.#uint(1);
      const key = this.#key(head);
      if (Object.hasOwn(map, key)) {
        throw msgpackError(keyStart, "a new key", `${JSON.stringify(key.slice(0, 40))} again`);
      }
      numpy ||= head >= 0xc4 && head <= 0xc6 && (key === "nd" || key === "complex");
      setKey(map, key, this.value());
    }
    this.#depth--;
    return numpy ? decodeNumpyMap(map, start) : map;
  }

  #key(head: number): string {
    if (head >= 0xa0 && head < 0xc0) return this.#text(head & 31);
    if (head >= 0xc4 && head <= 0xc6) return this.#text(this.#uint(1 << (head - 0xc4)));
    if (head >= 0xd9 && head <= 0xdb) return this.#text(this.#uint(1 << (head - 0xd9)));
    throw unsupportedValue("a map has keys that are no text", "use str keys in Python: {str(k): v}");
  }

  /** An array laid out just as msgpack-numpy does, several times faster than map by map; `null` for anything else. */
  #array(): Value | null {
    const { bytes, end } = this;
    const start = this.at - 1;
    let at = start + ARRAY_HEAD.length;
    // Head, code, kind, shape of one extent, data of no bytes.
    if (end - start < SHORTEST_ARRAY || !this.#matches(ARRAY_HEAD, start)) return null;
    let width = bytes[at++]! - 0xa0;
    if (width !== 3 && width !== 4) return null;
    let code = 0;
    for (; width > 0; width--) code = code * 256 + bytes[at++]!;
    const info = DTYPE_BY_CODE.get(code);
    if (info === undefined || !this.#matches(ARRAY_SHAPE, at)) return null;
    at += ARRAY_SHAPE.length;
    const dimensions = bytes[at++]! - 0x90;
    if (!(dimensions > 0 && dimensions < 16)) return null;
    const shape: number[] = [];
    for (let axis = 0; axis < dimensions; axis++) {
      if (at >= end) return null;
      let extent = bytes[at++]!;
      if (extent >= 0x80) {
        const bytesOfExtent = extent === 0xcc ? 1 : extent === 0xcd ? 2 : extent === 0xce ? 4 : 0;
        if (bytesOfExtent === 0 || end - at < bytesOfExtent) return null;
        extent = 0;
        for (let i = 0; i < bytesOfExtent; i++) extent = extent * 256 + bytes[at++]!;
      }
      shape.push(extent);
    }
    if (end - at < ARRAY_DATA.length + 2 || !this.#matches(ARRAY_DATA, at)) return null;
    at += ARRAY_DATA.length;
    const bin = bytes[at++]!;
    const lengthBytes = bin === 0xc4 ? 1 : bin === 0xc5 ? 2 : bin === 0xc6 ? 4 : 0;
    if (lengthBytes === 0 || end - at < lengthBytes) return null;
    let byteLength = 0;
    for (let i = 0; i < lengthBytes; i++) byteLength = byteLength * 256 + bytes[at++]!;
    this.at = at;
    if (end - at < byteLength) throw this.#truncated(byteLength);
    const size = checkedSize(shape, info.itemSize, byteLength, start);
    this.at = at + byteLength;
    return { dtype: info.name, shape, data: placeElements(info, bytes, at, size, this.copy) };
  }

  #matches(pattern: Uint8Array, at: number): boolean {
    for (let i = 0; i < pattern.length; i++) if (this.bytes[at + i] !== pattern[i]) return false;
    return true;
  }
}

function integer(value: bigint): Value {
  if (value > 0x7fffffffffffffffn) return { dtype: "uint64", shape: [], data: BigUint64Array.of(value) };
  return { dtype: "int64", shape: [], data: BigInt64Array.of(value) };
}
