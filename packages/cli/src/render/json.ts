import {
  DTYPES,
  type DTypeInfo,
  elementAt,
  isNdArray,
  type NdArray,
  type Row,
  type Value,
} from "@stowage/core";

/** Elements of an array in one piece of text: a large array never becomes one string. */
const ELEMENTS_PER_PIECE = 8192;

/**
 * A row as one JSON object, in pieces, exact:
 *
 * - arrays are nested by shape, scalars of any dtype plain; complex numbers are `[real, imaginary]`
 * - `NaN`, `Infinity`, `-Infinity` are strings of that name, -0 is `-0`
 * - integers beyond ±(2^53 - 1) are strings of their digits: readers of JSON round them otherwise
 * - floats are the shortest decimals that read back as the same 64-bit number
 */
export function* jsonRow(row: Row): Generator<string, void, undefined> {
  yield* jsonObject(row);
}

/** One value as JSON text; see {@link jsonRow} for the rules. */
export function jsonValue(value: Value): string {
  return [...jsonPieces(value)].join("");
}

function* jsonObject(object: { readonly [key: string]: Value }): Generator<string, void, undefined> {
  let separator = "{";
  for (const [key, value] of Object.entries(object)) {
    yield `${separator}${JSON.stringify(key)}:`;
    yield* jsonPieces(value);
    separator = ",";
  }
  yield separator === "{" ? "{}" : "}";
}

function* jsonPieces(value: Value): Generator<string, void, undefined> {
  if (isNdArray(value)) {
    yield* jsonArray(value);
  } else if (Array.isArray(value)) {
    let separator = "[";
    for (const item of value) {
      yield separator;
      yield* jsonPieces(item);
      separator = ",";
    }
    yield separator === "[" ? "[]" : "]";
  } else if (typeof value === "object" && value !== null) {
    yield* jsonObject(value);
  } else if (typeof value === "string") {
    yield JSON.stringify(value);
  } else {
    yield value === null ? "null" : jsonScalar(value);
  }
}

function jsonScalar(value: number | bigint | boolean): string {
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? String(value) : `"${value}"`;
  }
  if (typeof value === "boolean") return String(value);
  if (Number.isFinite(value)) return Object.is(value, -0) ? "-0" : String(value);
  return `"${value}"`;
}

/** Elements in order; each is preceded by the brackets that close and open at its place. */
function* jsonArray(array: NdArray): Generator<string, void, undefined> {
  const { shape } = array;
  if (shape.length === 0) {
    yield jsonElement(array, 0);
    return;
  }
  // An empty extent leaves only the brackets outside of it.
  const empty = shape.indexOf(0);
  if (empty >= 0) {
    yield emptyNest(shape.slice(0, empty + 1));
    return;
  }
  // strides[d]: elements after which a bracket of depth d closes and opens again.
  const strides = shape.map((_, depth) => shape.slice(depth).reduce((a, b) => a * b, 1));
  const size = strides[0]!;
  let piece = "[".repeat(shape.length);
  for (let i = 0; i < size; i++) {
    if (i > 0) {
      let closing = 0;
      for (const stride of strides) if (i % stride === 0) closing++;
      piece += `${"]".repeat(closing)},${"[".repeat(closing)}`;
    }
    piece += jsonElement(array, i);
    if (i % ELEMENTS_PER_PIECE === ELEMENTS_PER_PIECE - 1) {
      yield piece;
      piece = "";
    }
  }
  yield piece + "]".repeat(shape.length);
}

function emptyNest(shape: readonly number[]): string {
  const [extent = 0, ...rest] = shape;
  return `[${Array.from({ length: extent }, () => emptyNest(rest)).join(",")}]`;
}

function jsonElement(array: NdArray, index: number): string {
  if ((DTYPES[array.dtype] as DTypeInfo).lanes === 1) return jsonScalar(elementAt(array, index));
  const [real, imaginary] = [Number(array.data[2 * index]), Number(array.data[2 * index + 1])];
  return `[${jsonScalar(real)},${jsonScalar(imaginary)}]`;
}
