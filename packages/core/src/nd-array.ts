import { DTYPES, type DType, type DTypeInfo, dtypeOf, type TypedArray, type TypedArrays } from "./dtype.js";
import { StowageError } from "./errors.js";
import { float16ToNumber, numberToFloat16 } from "./float16.js";

/**
 * An n-dimensional array: row-major elements of one dtype.
 *
 * `shape: []` is a scalar that remembers its dtype (see `int64` and `float64`).
 */
export interface NdArray<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: TypedArrays[D];
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/**
 * Wraps a typed array, without copying it.
 *
 * @param shape  Default: one dimension, all elements.
 * @param dtype  Only needed where the typed array does not tell: bool, float16, complex64, complex128.
 * @throws {StowageError} ERR_SHAPE if the shape does not hold exactly the elements given.
 * @throws {TypeError} if the data is not the typed array of the dtype.
 *
 * @example
 * ```ts
 * const forces = ndarray(new Float32Array(6), [2, 3]); // dtype "float32", two atoms
 * ```
 */
export function ndarray<D extends DType = DType>(
  data: TypedArrays[D],
  shape?: readonly number[],
  dtype: D = dtypeOf(data) as D,
): NdArray<D> {
  const { lanes, ctor } = DTYPES[dtype] as DTypeInfo;
  if (!(data instanceof ctor)) {
    throw new TypeError(
      `Cannot make a ${dtype} array: its data must be a ${ctor.name}, found ${data.constructor.name}`,
    );
  }
  const length = data.length / lanes;
  const extents = shape ?? [length];
  if (sizeOf(extents) !== length || !extents.every(isExtent)) {
    throw new StowageError(
      "ERR_SHAPE",
      `Cannot make an array of shape (${extents.join(", ")}): it holds ${sizeOf(extents)} elements, found ${length}`,
      { expected: `${sizeOf(extents)} elements`, found: `${length} elements` },
    );
  }
  return { dtype, shape: extents, data };
}

function isExtent(extent: number): boolean {
  return Number.isSafeInteger(extent) && extent >= 0;
}

/** Whether a value is an {@link NdArray}. */
export function isNdArray(value: unknown): value is NdArray {
  return (
    typeof value === "object" &&
    value !== null &&
    "dtype" in value &&
    "shape" in value &&
    "data" in value &&
    Array.isArray(value.shape) &&
    ArrayBuffer.isView(value.data)
  );
}

/**
 * A 64-bit integer scalar that keeps its dtype wherever it is stored.
 *
 * @throws {StowageError} ERR_DTYPE if the value is not whole or needs more than 64 bits.
 */
export function int64(value: number | bigint): NdArray<"int64"> {
  return scalar(value, "int64") as NdArray<"int64">;
}

/** A float64 scalar that keeps its dtype wherever it is stored, also when it is integral. */
export function float64(value: number): NdArray<"float64"> {
  return { dtype: "float64", shape: [], data: Float64Array.of(value) };
}

/**
 * A scalar of any real dtype. Values are rounded to float dtypes.
 *
 * @throws {StowageError} ERR_DTYPE if an integer dtype or bool does not hold the value exactly.
 */
export function scalar(value: number | bigint | boolean, dtype: DType): NdArray {
  const { ctor, kind } = DTYPES[dtype] as DTypeInfo;
  if (kind === "c") throw new TypeError(`Cannot make a ${dtype} scalar of a real number`);
  const data = new ctor(1);
  const number = Number(value);
  let fits = true;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    const wide = typeof value === "bigint" ? value : Number.isInteger(number) ? BigInt(number) : null;
    data[0] = wide ?? 0n;
    fits = data[0] === wide;
  } else {
    data[0] = dtype === "float16" ? numberToFloat16(number) : number;
    if (kind !== "f") fits = data[0] === number && (kind !== "b" || number <= 1);
  }
  if (!fits) {
    throw new StowageError("ERR_DTYPE", `Cannot store ${value} as ${dtype}: it does not fit`, {
      expected: dtype,
      found: String(value),
    });
  }
  return { dtype, shape: [], data };
}

/** A copy with its own memory. */
export function copyArray<D extends DType>(array: NdArray<D>): NdArray<D> {
  return { dtype: array.dtype, shape: [...array.shape], data: array.data.slice() as TypedArrays[D] };
}

/**
 * One element as a JavaScript value: boolean for bool, bigint past 2^53, else number.
 *
 * @param index  Position among the elements, row-major.
 * @throws {StowageError} ERR_INDEX_RANGE
 * @throws {TypeError} for complex arrays: their elements are no plain values.
 */
export function elementAt(array: NdArray, index = 0): number | bigint | boolean {
  if (array.dtype === "complex64" || array.dtype === "complex128") {
    throw new TypeError(`Cannot turn a ${array.dtype} element into a plain number`);
  }
  const value = array.data[index];
  if (value === undefined) {
    const { length } = array.data;
    throw new StowageError(
      "ERR_INDEX_RANGE",
      `Cannot read element ${index} of ${describeArray(array)}: it has ${length} elements`,
      { index, length },
    );
  }
  if (array.dtype === "bool") return value !== 0;
  if (array.dtype === "float16") return float16ToNumber(Number(value));
  if (typeof value === "number") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** The bytes of the elements, in the machine's (little-endian) order: a view, not a copy. */
export function bytesOf(data: TypedArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** A short description for people: `float32 (3, 3)`. */
export function describeArray(array: NdArray): string {
  return array.shape.length === 0 ? array.dtype : `${array.dtype} (${array.shape.join(", ")})`;
}
