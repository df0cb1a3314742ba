import { type ByteSource, MemorySource } from "./byte-source.js";
import { allocate, DTYPES, type DType, type DTypeInfo, parseDTypeCode, viewElements } from "./dtype.js";
import { StowageError } from "./errors.js";
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

/**
 * Reads the header of an .npy file.
 *
 * @param head  The first bytes of the file.
 * @returns The header, or how many bytes are needed to read it.
 * @throws {StowageError} ERR_NPY_FORMAT for anything but a plain numeric array, pickled objects included.
 */
export function parseNpyHeader(head: Uint8Array, path = "npy data"): NpyHeader | { needed: number } {
  if (head.length < 12) return { needed: 12 };
  if (MAGIC.some((byte, i) => head[i] !== byte)) throw npyError(path, "it does not begin with \\x93NUMPY");
  const major = head[6]!;
  if (major < 1 || major > 3)
    throw npyError(path, `its version is ${major}.${head[7]}, known are 1.0, 2.0 and 3.0`);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const start = major === 1 ? 10 : 12;
  const dataOffset = start + (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (dataOffset > MAX_HEADER_BYTES) throw npyError(path, `its header is ${dataOffset} bytes long`);
  if (head.length < dataOffset) return { needed: dataOffset };
  const text = new TextDecoder(major === 3 ? "utf-8" : "latin1").decode(head.subarray(start, dataOffset));
  return { ...parseDict(text, path), dataOffset };
}

function parseDict(text: string, path: string): Omit<NpyHeader, "dataOffset"> {
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1];
  if (order === undefined || shape === undefined || !text.includes("'descr'")) {
    throw npyError(path, `its header reads ${JSON.stringify(text.trim().slice(0, 80))}`);
  }
  const code = descr === undefined ? null : parseDTypeCode(descr);
  if (code === null) {
    throw npyError(
      path,
      `its elements are ${descr === undefined ? "records" : `of type "${descr}"`}, not plain numbers`,
    );
  }
  const extents = shape
    .split(",")
    .map((part) => part.trim().replace(/L$/, ""))
    .filter(Boolean)
    .map(Number);
  if (!extents.every(Number.isSafeInteger) || !Number.isSafeInteger(sizeOf(extents))) {
    throw npyError(path, `its shape is (${shape})`);
  }
  return { ...code, fortranOrder: order === "True", shape: extents };
}

/**
 * Reads an array from .npy bytes. Big-endian and Fortran-ordered files become row-major arrays of this machine.
 *
 * @param input  A path, bytes, or any byte source.
 * @throws {StowageError} ERR_NPY_FORMAT, ERR_FILE_MISSING
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

/** Elements of an .npy file as a row-major array in the machine's byte order; a view where nothing has to move. */
export function decodeNpyData(header: NpyHeader, bytes: Uint8Array): NdArray {
  const { dtype, shape } = header;
  const info = DTYPES[dtype] as DTypeInfo;
  const native = header.bigEndian ? swapBytes(bytes, info.itemSize / info.lanes) : bytes;
  const data = viewElements(dtype, native, 0, sizeOf(shape));
  if (!header.fortranOrder || shape.length < 2) return { dtype, shape, data };
  return { dtype, shape, data: transposeToRowMajor(dtype, shape, bytesOf(data)) };
}

function swapBytes(bytes: Uint8Array, width: number): Uint8Array {
  const swapped = bytes.slice();
  for (let at = 0; at < swapped.length; at += width) swapped.subarray(at, at + width).reverse();
  return swapped;
}

/** Column-major elements in row-major order. */
function transposeToRowMajor(dtype: DType, shape: readonly number[], source: Uint8Array): NdArray["data"] {
  const { itemSize } = DTYPES[dtype] as DTypeInfo;
  const size = sizeOf(shape);
  const data = allocate(dtype, size);
  const target = bytesOf(data);
  const index = new Array<number>(shape.length).fill(0);
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  for (let i = 0; i < size; i++) {
    let from = 0;
    for (let axis = 0; axis < shape.length; axis++) from += index[axis]! * strides[axis]!;
    target.set(source.subarray(from * itemSize, (from + 1) * itemSize), i * itemSize);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return data;
}

/** The bytes `numpy.save` writes for this array. */
export function encodeNpy(array: NdArray): Uint8Array {
  const shape = array.shape.length === 1 ? `${array.shape[0]},` : array.shape.join(", ");
  const dict = `{'descr': '${(DTYPES[array.dtype] as DTypeInfo).code}', 'fortran_order': False, 'shape': (${shape}), }`;
  // Version 1.0 holds headers up to 64 KiB, more than any shape needs; data begins at a multiple of 64.
  // NumPy leaves room for the first extent to grow in place to 21 digits.
  const room = array.shape.length === 0 ? 0 : 21 - String(array.shape[0]).length;
  const header = dict + " ".repeat(room);
  const length = Math.ceil((10 + header.length + 1) / 64) * 64;
  const bytes = new Uint8Array(length + array.data.byteLength);
  bytes.set(MAGIC);
  bytes[6] = 1;
  new DataView(bytes.buffer).setUint16(8, length - 10, true);
  bytes.set(new TextEncoder().encode(`${header.padEnd(length - 11)}\n`), 10);
  bytes.set(bytesOf(array.data), length);
  return bytes;
}

/** Writes an .npy file, whole or not at all. */
export function writeNpy(path: string, array: NdArray, options: { overwrite?: boolean } = {}): void {
  const file = TemporaryFile.create(path, options);
  try {
    file.write(encodeNpy(array));
  } catch (error) {
    file.discard();
    throw error;
  }
  file.commit();
}

function npyError(path: string, found: string): StowageError<"ERR_NPY_FORMAT"> {
  return new StowageError("ERR_NPY_FORMAT", `Cannot read ${path} as .npy: ${found}`, { path, found });
}
