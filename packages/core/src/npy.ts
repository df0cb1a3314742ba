import { type ByteSource, MemorySource } from "./byte-source.js";
import { allocate, DTYPES, type DType, type DTypeInfo, parseDTypeCode, viewElements } from "./dtype.js";
import { quote, StowageError } from "./errors.js";
import { FileSource } from "./file-source.js";
import { bytesOf, type NdArray, sizeOf } from "./nd-array.js";
import { TemporaryFile } from "./temporary-file.js";

/*
 * .npy: "\x93NUMPY", u8 major, u8 minor, header length (u16 in 1.0, u32 in 2.0 and 3.0), header, data.
 * The header is a Python dict literal: {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
 * See numpy/lib/format.py.
 */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

export interface NpyHeader {
  readonly dtype: DType;
  readonly bigEndian: boolean;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly dataOffset: number;
}

/** How many bytes {@link parseNpyHeader} needs: a first guess, enough for every header NumPy writes by itself. */
const HEAD_BYTES = 1024;
/** Headers of plain arrays are short; a longer one is refused before it is read. */
const MAX_HEADER_BYTES = 1 << 20;
/** NumPy's own limit (`NPY_MAXDIMS`). */
const MAX_DIMENSIONS = 64;

/**
 * Reads the header of an .npy file.
 *
 * @param head  The first bytes of the file.
 * @returns The header, or how many bytes are needed to read it.
 * @throws {StowageError} ERR_NPY_FORMAT for anything but a plain numeric array: pickled objects, text and records too.
 */
export function parseNpyHeader(head: Uint8Array, path = "npy data"): NpyHeader | { needed: number } {
  if (head.length < 12) return { needed: 12 };
  if (MAGIC.some((byte, i) => head[i] !== byte)) throw npyError(path, "it does not begin with \\x93NUMPY");
  const major = head[6]!;
  if (major < 1 || major > 3 || head[7] !== 0) {
    throw npyError(path, `its version is ${major}.${head[7]}, known are 1.0, 2.0 and 3.0`);
  }
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const start = major === 1 ? 10 : 12;
  const dataOffset = start + (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (dataOffset > MAX_HEADER_BYTES) throw npyError(path, `its header is ${dataOffset} bytes long`);
  if (head.length < dataOffset) return { needed: dataOffset };
  const text = new TextDecoder(major === 3 ? "utf-8" : "latin1").decode(head.subarray(start, dataOffset));
  return { ...parseDict(text, path), dataOffset };
}

/** What the dict may hold, each followed by a comma or the end. Python 2 wrote extents as `3L`. */
const ENTRY =
  /(['"])(descr|fortran_order|shape)\1\s*:\s*((['"])[^'"]*\4|True|False|\([\d\s,L]*\))\s*(?:,|(?=\}))/g;

function parseDict(text: string, path: string): Omit<NpyHeader, "dataOffset"> {
  const entries = new Map<string, string>();
  const plain = /^[\t\n -~]*$/.test(text); // other white space is none in Python
  const rest = text.replace(ENTRY, (_all, _quote, key: string, value: string) => {
    entries.set(key, value);
    return "";
  });
  if (/^\s*\{\s*['"]descr['"]\s*:\s*\[/.test(rest)) throw notNumbers(path, "records");
  const order = entries.get("fortran_order");
  const extents = parseTuple(entries.get("shape") ?? "");
  // Nothing but the three entries may be there: they are not to be found inside of others.
  const whole = plain && /^\s*\{\s*\}\s*$/.test(rest) && entries.has("descr");
  if (!whole || (order !== "True" && order !== "False") || extents === null) {
    throw npyError(path, `its header reads ${quote(text.trim(), 80)}`);
  }
  const descr = entries.get("descr")!.slice(1, -1);
  const code = parseDTypeCode(descr);
  if (code === null) {
    throw notNumbers(path, /^\|?O/.test(descr) ? "pickled Python objects" : `of type ${quote(descr)}`);
  }
  return { ...code, fortranOrder: order === "True", shape: extents };
}

/** `null` for what is no shape that an array in memory can have. */
function parseTuple(text: string): number[] | null {
  const parts = text.slice(1, -1).split(",");
  if (parts.at(-1)!.trim() === "") parts.pop();
  if (!text.startsWith("(") || parts.length > MAX_DIMENSIONS) return null;
  const extents = parts.map((part) =>
    /^\s*(?:0|[1-9]\d*)L?\s*$/.test(part) ? Number.parseInt(part, 10) : Number.NaN,
  );
  return Number.isSafeInteger(sizeOf(extents)) && extents.every(Number.isSafeInteger) ? extents : null;
}

/**
 * Reads an array from .npy bytes. Big-endian and Fortran-ordered files become row-major arrays of this machine.
 *
 * @param input  A path, bytes, or any byte source. Of bytes and memory-resident sources the array is a view where
 *   nothing has to move; a source stays open.
 * @throws {StowageError} ERR_NPY_FORMAT, or what the source throws (ERR_FILE_MISSING for a path)
 *
 * @example
 * ```ts
 * const array = await readNpy("energies.npy"); // { dtype: "float64", shape: [1000], data: Float64Array }
 * ```
 */
export async function readNpy(input: string | Uint8Array | ByteSource): Promise<NdArray> {
  const source =
    typeof input === "string"
      ? FileSource.open(input)
      : input instanceof Uint8Array
        ? new MemorySource(input)
        : input;
  try {
    let header = parseNpyHeader(await source.read(0, Math.min(HEAD_BYTES, source.byteLength)), source.name);
    if ("needed" in header) {
      const needed = Math.min(header.needed, source.byteLength);
      header = parseNpyHeader(await source.read(0, needed), source.name);
    }
    if ("needed" in header)
      throw npyError(source.name, `it ends within the header, after ${source.byteLength} bytes`);
    const byteLength = sizeOf(header.shape) * (DTYPES[header.dtype] as DTypeInfo).itemSize;
    if (header.dataOffset + byteLength > source.byteLength) {
      throw npyError(
        source.name,
        `its shape (${header.shape.join(", ")}) needs ${byteLength} bytes of ${header.dtype}, ` +
          `found ${source.byteLength - header.dataOffset}`,
      );
    }
    return decodeNpyData(header, await source.read(header.dataOffset, byteLength));
  } finally {
    if (source !== input) source.close();
  }
}

/**
 * Elements of an .npy file as a row-major array in the machine's byte order; a view where nothing has to move.
 *
 * @param bytes  From `header.dataOffset` on.
 * @throws {StowageError} ERR_SHAPE if the bytes do not hold all elements.
 */
export function decodeNpyData(header: NpyHeader, bytes: Uint8Array): NdArray {
  const { dtype, shape } = header;
  const info = DTYPES[dtype] as DTypeInfo;
  const native = header.bigEndian ? swapBytes(bytes, info.itemSize / info.lanes) : bytes;
  const data = viewElements(dtype, native, 0, sizeOf(shape));
  if (!header.fortranOrder || shape.length < 2) return { dtype, shape, data };
  return { dtype, shape, data: transposeToRowMajor(dtype, shape, bytesOf(data)) };
}

function swapBytes(bytes: Uint8Array, width: number): Uint8Array {
  const swapped = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += width) {
    for (let i = 0; i < width; i++) swapped[at + i] = bytes[at + width - 1 - i]!;
  }
  return swapped;
}

/** Column-major elements in row-major order. */
function transposeToRowMajor(dtype: DType, shape: readonly number[], source: Uint8Array): NdArray["data"] {
  const { itemSize } = DTYPES[dtype] as DTypeInfo;
  const size = sizeOf(shape);
  const data = allocate(dtype, size);
  const target = bytesOf(data);
  const index = new Array<number>(shape.length).fill(0);
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)) * itemSize);
  let from = 0;
  for (let to = 0; to < target.length; to += itemSize) {
    for (let i = 0; i < itemSize; i++) target[to + i] = source[from + i]!;
    // The next index in row-major order: the last axis counts fastest and carries.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return data;
}

/**
 * The bytes `numpy.save` writes for this array.
 *
 * @throws {StowageError} ERR_SHAPE for more dimensions than NumPy has (64)
 */
export function encodeNpy(array: NdArray): Uint8Array {
  const header = encodeHeader(array);
  const bytes = new Uint8Array(header.length + array.data.byteLength);
  bytes.set(header);
  bytes.set(bytesOf(array.data), header.length);
  return bytes;
}

function encodeHeader({ dtype, shape }: NdArray): Uint8Array {
  if (shape.length > MAX_DIMENSIONS) {
    throw new StowageError(
      "ERR_SHAPE",
      `Cannot write an array of ${shape.length} dimensions as .npy: NumPy has ${MAX_DIMENSIONS} at most`,
      { expected: `${MAX_DIMENSIONS} dimensions at most`, found: `${shape.length} dimensions` },
    );
  }
  const { code } = DTYPES[dtype] as DTypeInfo;
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dict = `{'descr': '${code}', 'fortran_order': False, 'shape': (${tuple}), }`;
  // NumPy leaves room for the first extent to grow in place to 21 digits, then pads by 1 to 64 spaces: elements
  // begin at a multiple of 64. Version 1.0 holds headers up to 64 KiB, more than any shape needs.
  const room = shape.length === 0 ? 0 : 21 - String(shape[0]).length;
  const used = 10 + dict.length + room + 1;
  const length = used + 64 - (used % 64);
  const bytes = new Uint8Array(length);
  bytes.set(MAGIC);
  bytes[6] = 1;
  new DataView(bytes.buffer).setUint16(8, length - 10, true);
  bytes.set(new TextEncoder().encode(`${dict.padEnd(length - 11)}\n`), 10);
  return bytes;
}

/**
 * Writes an .npy file, whole or not at all.
 *
 * @throws {StowageError} ERR_FILE_EXISTS without `overwrite`, ERR_SHAPE as {@link encodeNpy}
 *
 * @example
 * ```ts
 * writeNpy("energies.npy", ndarray(Float64Array.of(-76.4, -76.2)));
 * ```
 */
export function writeNpy(path: string, array: NdArray, options: { overwrite?: boolean } = {}): void {
  const file = TemporaryFile.create(path, options);
  try {
    file.write(encodeHeader(array));
    file.write(bytesOf(array.data));
  } catch (error) {
    file.discard();
    throw error;
  }
  file.commit();
}

function npyError(path: string, found: string, hint?: string): StowageError<"ERR_NPY_FORMAT"> {
  const details = { path, found };
  return new StowageError("ERR_NPY_FORMAT", `Cannot read ${path} as .npy: ${found}`, details, { hint });
}

function notNumbers(path: string, kind: string): StowageError<"ERR_NPY_FORMAT"> {
  const hint = 'save plain numbers in Python: numpy.save(path, array.astype("float64"))';
  return npyError(path, `its elements are ${kind}, not plain numbers`, hint);
}
