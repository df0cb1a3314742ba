import { DTYPES, type DType, type DTypeInfo } from "../dtype.js";
import { StowageError } from "../errors.js";
import { bytesOf, describeArray, isNdArray, type NdArray, sizeOf } from "../nd-array.js";
import type { Value } from "../row.js";
import { MAX_DEPTH, MAX_DIMENSIONS } from "./msgpack-error.js";
import { MsgpackWriter } from "./msgpack-writer.js";
import { isRecordArray } from "./numpy-map.js";
import { formatComplex, parseComplex } from "./python-complex.js";
import { encodeTextArray } from "./text-array.js";

export interface EncodeOptions {
  /**
   * Writes a rectangular list of strings as a NumPy array of text (`<Un`), as ASE has per-atom text. Only the value
   * itself, no list within it. Default: false, a list of strings.
   */
  textArrays?: boolean;
  /**
   * Writes whole numbers within lists and objects as integers, up to 2^53. Default: false, every plain number is a
   * float64.
   */
  nestedIntegers?: boolean;
}

/** A spare buffer larger than this is let go. */
const MAX_SPARE_BYTES = 1 << 20;

const MAX_INT64 = 0x7fffffffffffffffn;

/**
 * Encodes one value as msgpack with the NumPy extension, byte for byte as asebytes and msgpack-numpy write it.
 *
 * A plain number is a float64 and stays one in Python (`float`). Scalars, `NdArray`s of shape `[]`, become what Python
 * reads as the same value: int64, and uint64 past 2^63, an `int`; float64 a `float`; complex128 a `complex`; the others
 * a NumPy scalar of their dtype.
 *
 * @throws {StowageError} ERR_DTYPE for bigints beyond 64 bits and text that UTF-8 cannot hold; ERR_SHAPE for an array
 *   that does not fill its shape or has more than 64 dimensions; ERR_UNSUPPORTED for lists and objects nested more
 *   than 512 deep.
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

/** Encodes many values one after the other into one growing buffer. */
export class ValueEncoder {
  readonly #writer = new MsgpackWriter();
  #depth = 0;
  #nestedIntegers = false;

  /** Bytes encoded so far. */
  get byteLength(): number {
    return this.#writer.byteLength;
  }

  /** Bytes of memory held. */
  get capacity(): number {
    return this.#writer.capacity;
  }

  /** All bytes encoded so far: a view, valid until the next `append` or `clear`. */
  bytes(): Uint8Array {
    return this.#writer.bytes();
  }

  /** Forgets what was encoded and keeps the memory. */
  clear(): void {
    this.#writer.truncate(0);
  }

  /**
   * Encodes a value behind the others; nothing of it stays if it cannot be encoded.
   *
   * @returns The byte offset at which it begins.
   * @throws {StowageError} as {@link encodeValue}
   */
  append(value: Value, options: EncodeOptions = {}): number {
    const start = this.#writer.byteLength;
    this.#depth = 0;
    this.#nestedIntegers = options.nestedIntegers ?? false;
    try {
      const text = options.textArrays && Array.isArray(value) ? encodeTextArray(value) : null;
      if (text !== null) this.#array(text.code, text.shape, text.data);
      else this.#value(value);
    } catch (error) {
      this.#writer.truncate(start);
      throw error;
    }
    return start;
  }

  #value(value: Value): void {
    if (value === null) this.#writer.byte(0xc0);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#writer.text(value);
    else if (typeof value === "boolean") this.#writer.byte(value ? 0xc3 : 0xc2);
    else if (typeof value === "bigint") this.#writer.integer(value);
    else if (typeof value !== "object")
      throw new TypeError(`Cannot encode a value of the type ${typeof value}`);
    else if (isNdArray(value)) this.#ndarray(value);
    else this.#nested(value);
  }

  #number(value: number): void {
    const integer = this.#nestedIntegers && this.#depth > 0;
    if (integer && Number.isSafeInteger(value) && !Object.is(value, -0)) this.#writer.integer(BigInt(value));
    else this.#writer.float(value);
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
      this.#writer.head(value.length, 0x90, 16, 0xdc);
      for (const item of value) this.#value(item);
    } else if (isRecordArray(value)) {
      this.#records(value);
    } else {
      const keys = Object.keys(value);
      this.#writer.head(keys.length, 0x80, 16, 0xde);
      for (const key of keys) {
        this.#writer.text(key);
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
    if (shape.length > MAX_DIMENSIONS) {
      const found = `${shape.length} dimensions`;
      throw new StowageError("ERR_SHAPE", `Cannot encode an array of ${found}: NumPy has no more than 64`, {
        expected: `${MAX_DIMENSIONS} dimensions at most`,
        found,
      });
    }
    if (shape.length > 0) this.#array(code, shape, bytesOf(data), dtype);
    else if (!this.#pythonScalar(array)) {
      this.#writer.raw([0x83]);
      this.#writer.key("nd");
      this.#writer.byte(0xc2);
      this.#writer.key("type");
      this.#writer.text(code);
      this.#writer.key("data");
      this.#writer.bin(bytesOf(data));
    }
  }

  /** Writes a scalar that Python's own types hold to the bit. */
  #pythonScalar({ dtype, data }: NdArray): boolean {
    if (dtype === "float64") this.#writer.float(Number(data[0]));
    else if (dtype === "int64") this.#writer.integer(BigInt(data[0]!));
    else if (dtype === "uint64" && data[0]! > MAX_INT64) this.#writer.integer(BigInt(data[0]!));
    else if (dtype === "complex128") {
      const parts = data as Float64Array;
      const text = formatComplex(parts[0]!, parts[1]!);
      // The text of a NaN tells neither its sign nor its payload.
      const read = bytesOf(Float64Array.from(parseComplex(text)!));
      if (!bytesOf(parts).every((byte, i) => byte === read[i])) return false;
      this.#writer.raw([0x82]);
      this.#writer.key("complex");
      this.#writer.byte(0xc3);
      this.#writer.key("data");
      this.#writer.text(text);
    } else return false;
    return true;
  }

  #array(code: string, shape: readonly number[], data: Uint8Array, dtype?: DType): void {
    const prefix = (dtype === undefined ? undefined : PREFIXES.get(dtype)) ?? arrayPrefix(code);
    if (dtype !== undefined) PREFIXES.set(dtype, prefix);
    this.#writer.raw(prefix);
    this.#writer.head(shape.length, 0x90, 16, 0xdc);
    for (const extent of shape) this.#writer.extent(extent);
    this.#writer.key("data");
    this.#writer.bin(data);
  }

  /** See {@link isRecordArray}. */
  #records({ type, shape, data }: { [key: string]: Value }): void {
    this.#writer.raw([0x85]);
    this.#writer.key("nd");
    this.#writer.byte(0xc3);
    this.#writer.key("type");
    this.#value(type!);
    this.#writer.key("kind");
    this.#writer.bin(Uint8Array.of(0x56));
    this.#writer.key("shape");
    this.#value(shape!);
    this.#writer.key("data");
    this.#writer.bin(bytesOf((data as NdArray).data));
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
