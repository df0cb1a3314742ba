import { StowageError } from "./errors.js";

/** Element types, by their NumPy names. */
export type DType =
  | "bool"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64"
  | "float16"
  | "float32"
  | "float64"
  | "complex64"
  | "complex128";

/**
 * The typed array that holds each dtype.
 *
 * `bool` is one byte an element, 0 or 1. `float16` keeps its bit patterns (see `float16ToNumber`).
 * Complex numbers are pairs (real, imaginary): two array elements each.
 */
export interface TypedArrays {
  bool: Uint8Array;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  uint16: Uint16Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  float16: Uint16Array;
  float32: Float32Array;
  float64: Float64Array;
  complex64: Float32Array;
  complex128: Float64Array;
}

export type TypedArray = TypedArrays[DType];

interface TypedArrayConstructor<A> {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): A;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): A;
}

export interface DTypeInfo<D extends DType = DType> {
  readonly name: D;
  /** NumPy's kind letter: b bool, i signed, u unsigned, f float, c complex. */
  readonly kind: "b" | "i" | "u" | "f" | "c";
  /** Bytes of one element (a complex pair counts as one). */
  readonly itemSize: number;
  /** Array slots of one element: 2 for complex numbers, else 1. */
  readonly lanes: 1 | 2;
  /** NumPy's little-endian type code. */
  readonly code: string;
  readonly ctor: TypedArrayConstructor<TypedArrays[D]>;
}

function info<D extends DType>(
  name: D,
  code: string,
  itemSize: number,
  ctor: TypedArrayConstructor<TypedArrays[D]>,
): DTypeInfo<D> {
  const kind = code[1] as DTypeInfo["kind"];
  return { name, kind, itemSize, lanes: kind === "c" ? 2 : 1, code, ctor };
}

/** Everything that depends on the dtype, in one table. */
export const DTYPES: { readonly [D in DType]: DTypeInfo<D> } = {
  bool: info("bool", "|b1", 1, Uint8Array),
  int8: info("int8", "|i1", 1, Int8Array),
  int16: info("int16", "<i2", 2, Int16Array),
  int32: info("int32", "<i4", 4, Int32Array),
  int64: info("int64", "<i8", 8, BigInt64Array),
  uint8: info("uint8", "|u1", 1, Uint8Array),
  uint16: info("uint16", "<u2", 2, Uint16Array),
  uint32: info("uint32", "<u4", 4, Uint32Array),
  uint64: info("uint64", "<u8", 8, BigUint64Array),
  float16: info("float16", "<f2", 2, Uint16Array),
  float32: info("float32", "<f4", 4, Float32Array),
  float64: info("float64", "<f8", 8, Float64Array),
  complex64: info("complex64", "<c8", 8, Float32Array),
  complex128: info("complex128", "<c16", 16, Float64Array),
};

const BY_CODE = new Map<string, DType>();
for (const { code, name } of Object.values(DTYPES)) BY_CODE.set(code.slice(1), name);

/**
 * Reads a NumPy type code such as `<f4`, `>i8` or `|b1`.
 *
 * @returns The dtype and whether its bytes are big-endian; `null` for codes that are not plain numbers.
 */
export function parseDTypeCode(code: string): { dtype: DType; bigEndian: boolean } | null {
  const dtype = BY_CODE.get(code.slice(1));
  const order = code[0];
  if (dtype === undefined || order === undefined || !"<>|=".includes(order)) return null;
  if (order === "|" && DTYPES[dtype].itemSize !== 1) return null;
  return { dtype, bigEndian: order === ">" && DTYPES[dtype].itemSize > 1 };
}

/** Whether a string names a dtype. */
export function isDType(name: string): name is DType {
  return Object.hasOwn(DTYPES, name);
}

/**
 * The dtype that a typed array stands for when nothing else is said.
 *
 * A `Uint8Array` is `uint8`, a `Uint16Array` is `uint16`: bool and float16 have to be named.
 */
export function dtypeOf(data: TypedArray): DType {
  if (data instanceof Float64Array) return "float64";
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof BigInt64Array) return "int64";
  if (data instanceof Uint8Array) return "uint8";
  if (data instanceof Int8Array) return "int8";
  if (data instanceof Int16Array) return "int16";
  if (data instanceof Uint16Array) return "uint16";
  if (data instanceof Uint32Array) return "uint32";
  if (data instanceof BigUint64Array) return "uint64";
  throw new TypeError(`Cannot tell the dtype of ${Object.prototype.toString.call(data)}`);
}

/** Allocates a zeroed array for `length` elements. */
export function allocate<D extends DType>(dtype: D, length: number): TypedArrays[D] {
  const { ctor, lanes } = DTYPES[dtype] as DTypeInfo<D>;
  return new ctor(length * lanes);
}

/**
 * Elements over bytes that are already in memory: a view where the address is aligned, else a copy.
 *
 * @param byteOffset  From the start of `bytes`.
 * @param length      Number of elements.
 * @throws {StowageError} ERR_SHAPE if the bytes do not hold them all.
 */
export function viewElements<D extends DType>(
  dtype: D,
  bytes: Uint8Array,
  byteOffset: number,
  length: number,
): TypedArrays[D] {
  const { ctor, lanes, itemSize } = DTYPES[dtype] as DTypeInfo<D>;
  if (!(byteOffset >= 0 && length >= 0 && byteOffset + length * itemSize <= bytes.byteLength)) {
    throw new StowageError(
      "ERR_SHAPE",
      `Cannot view ${length} ${dtype} elements at byte ${byteOffset}: there are ${bytes.byteLength} bytes`,
      { expected: `${length * itemSize} bytes at ${byteOffset}`, found: `${bytes.byteLength} bytes` },
    );
  }
  const start = bytes.byteOffset + byteOffset;
  if (start % ctor.BYTES_PER_ELEMENT === 0) return new ctor(bytes.buffer, start, length * lanes);
  const copy = allocate(dtype, length);
  new Uint8Array(copy.buffer).set(bytes.subarray(byteOffset, byteOffset + length * itemSize));
  return copy;
}
