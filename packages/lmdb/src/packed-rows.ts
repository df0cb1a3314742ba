import { isStowageError, resolveIndex } from "@stowage/core";
import type { LmdbKernel } from "@stowage/mmap";
import { fieldName, latin1 } from "./names.js";
import { rowIndex, schemaNames } from "./row-index.js";
import { type BlobRow, columnTask, rowsTask } from "./row-layout.js";
import type { Snapshot } from "./snapshot.js";
import type { Task } from "./task.js";

/** What becomes of each row. */
export interface RowMaker<T> {
  /**
   * @param names   Fields: those that were asked for, or more than the row has.
   * @param values  Of each, `null` where the row lacks it. Views that are valid during the call only.
   */
  make(names: readonly string[], values: readonly (Uint8Array | null)[]): T;
  /** For an empty slot. */
  empty(): T;
}

/** Rows read at once. */
const CHUNK_ROWS = 1024;
const FIRST_BYTES = 1 << 16;
/** Larger buffers are not kept. */
const KEPT_BYTES = 1 << 23;
const ABSENT = 0xffffffff;

/** Reads rows by the kernel, whose buffers are used again. */
export class PackedReader {
  readonly #kernel: LmdbKernel;
  #values = new Uint8Array(FIRST_BYTES);
  #places = new Uint32Array(64);

  constructor(kernel: LmdbKernel) {
    this.#kernel = kernel;
  }

  /**
   * Rows, made of the fields with these names or of all.
   *
   * @param twin  The same by TypeScript alone, for what needs a closer look.
   */
  task<T>(
    rows: ArrayLike<number>,
    keys: readonly string[] | undefined,
    maker: RowMaker<T>,
    twin: Task<T[]>,
  ): Task<T[]> {
    const wanted = keys && new FieldNames([...new Set(keys)], fieldName);
    return (snapshot) => () => {
      const made: T[] = [];
      const sortKeys = sortKeysOf(snapshot, rows);
      const names = wanted ?? allNames(snapshot);
      if (names === null) return twin(snapshot)();
      const stride = strideOf(names);
      while (made.length < rows.length) {
        const chunk = sortKeys.subarray(2 * made.length, 2 * (made.length + CHUNK_ROWS));
        const read = this.#fill(snapshot, chunk, names, wanted === undefined);
        if (read === null) return twin(snapshot)();
        const [values, places] = [this.#values, this.#places];
        for (let row = 0; row < read; row++) made.push(madeOf(maker, names, values, places, row * stride));
      }
      this.#forgetLarge();
      return made;
    };
  }

  /** One field of rows, if it is a float64 in each, as msgpack has Python's floats; else `null`. */
  floatsTask(rows: ArrayLike<number>, key: string): Task<Float64Array | null> {
    const names = new FieldNames([key], fieldName);
    return (snapshot) => () => {
      const sortKeys = sortKeysOf(snapshot, rows);
      const numbers = new Float64Array(rows.length);
      let done = 0;
      while (done < rows.length) {
        // The first row tells about most fields that are none.
        const count = done === 0 ? 1 : CHUNK_ROWS;
        const read = this.#fill(snapshot, sortKeys.subarray(2 * done, 2 * (done + count)), names, false);
        if (read === null || !readFloats(this.#values, this.#places, numbers.subarray(done, done + read)))
          return null;
        done += read;
      }
      return numbers;
    };
  }

  /**
   * Reads at least one row into the buffers.
   *
   * @returns How many were read; `null` if that was not possible.
   */
  #fill(snapshot: Snapshot, sortKeys: Uint32Array, names: FieldNames, all: boolean): number | null {
    const { meta, pages } = snapshot;
    const needed = (strideOf(names) * sortKeys.length) / 2;
    if (this.#places.length < needed) this.#places = new Uint32Array(needed);
    const commit = {
      pageSize: meta.pageSize,
      lastPage: meta.lastPage,
      depth: meta.main.depth,
      root: meta.root ?? 0,
    };
    for (;;) {
      const values = this.#values;
      const read = this.#kernel.rows(commit, sortKeys, {
        names: names.bytes,
        ends: names.ends,
        all,
        values,
        places: this.#places,
      });
      if (read === null || read > 0) return read;
      // No row of a sound file is larger than that; and the kernel's places are 32-bit numbers.
      if (values.length > Math.min(pages.byteLength, ABSENT / 2)) return null;
      this.#values = new Uint8Array(2 * values.length);
    }
  }

  #forgetLarge(): void {
    if (this.#values.length > KEPT_BYTES) this.#values = new Uint8Array(FIRST_BYTES);
  }
}

/** Rows by TypeScript alone. */
export function blobsTask<T>(
  rows: ArrayLike<number>,
  keys: readonly string[] | undefined,
  maker: RowMaker<T>,
): Task<T[]> {
  return mapped(rowsTask(rows, keys), (row) =>
    row === null ? maker.empty() : maker.make([...row.keys()], [...row.values()]),
  );
}

/** One field of rows by TypeScript alone. */
export function fieldTask<T>(rows: ArrayLike<number>, key: string, maker: RowMaker<T>): Task<T[]> {
  const names = [key];
  return mapped(columnTask(key, rows), (bytes) =>
    bytes === null ? maker.empty() : maker.make(names, [bytes]),
  );
}

function mapped<T, U>(task: Task<T[]>, convert: (item: T) => U): Task<U[]> {
  return (snapshot) => {
    const run = task(snapshot);
    return () => run().map(convert);
  };
}

/** Rows as maps of bytes of their own. */
export const BLOB_ROWS: RowMaker<BlobRow | null> = {
  make: (names, values) => {
    const row: BlobRow = new Map();
    for (let i = 0; i < names.length; i++) if (values[i] !== null) row.set(names[i]!, values[i]!.slice());
    return row;
  },
  empty: () => null,
};

/** The one field that was asked for, as bytes of their own. */
export const FIRST_FIELD: RowMaker<Uint8Array | null> = {
  make: (_, values) => values[0]?.slice() ?? null,
  empty: () => null,
};

/** Numbers of the kernel for each row. */
function strideOf({ list }: FieldNames): number {
  return 1 + 2 * list.length;
}

/** Whether all values of the one field are float64: the byte 0xcb and the number, the high byte first. */
function readFloats(bytes: Uint8Array, places: Uint32Array, numbers: Float64Array): boolean {
  const view = new DataView(bytes.buffer);
  for (let row = 0; row < numbers.length; row++) {
    const start = places[3 * row + 1]!;
    if (places[3 * row + 2] !== 9 || bytes[start] !== 0xcb) return false;
    numbers[row] = view.getFloat64(start + 1);
  }
  return true;
}

function madeOf<T>(
  maker: RowMaker<T>,
  { list }: FieldNames,
  bytes: Uint8Array,
  places: Uint32Array,
  at: number,
): T {
  if (places[at] === 0) return maker.empty();
  const values: (Uint8Array | null)[] = new Array(list.length);
  for (let field = 0; field < list.length; field++) {
    const start = places[at + 1 + 2 * field]!;
    values[field] = start === ABSENT ? null : bytes.subarray(start, start + places[at + 2 + 2 * field]!);
  }
  return maker.make(list, values);
}

/** Names as the kernel takes them. */
class FieldNames {
  readonly list: readonly string[];
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;

  constructor(list: readonly string[], toBytes: (name: string) => Uint8Array) {
    this.list = list;
    this.bytes = new Uint8Array(list.reduce((sum, name) => sum + name.length, 0));
    this.ends = new Uint32Array(list.length);
    let end = 0;
    for (const [i, name] of list.entries()) {
      this.bytes.set(toBytes(name), end);
      end += name.length;
      this.ends[i] = end;
    }
  }
}

const schemas = new WeakMap<Snapshot, FieldNames>();

/** `null` if the list of names is damaged: rows can be read without it. */
function allNames(snapshot: Snapshot): FieldNames | null {
  const known = schemas.get(snapshot);
  if (known !== undefined) return known;
  try {
    const names = new FieldNames(schemaNames(snapshot), latin1);
    schemas.set(snapshot, names);
    return names;
  } catch (error) {
    if (isStowageError(error)) return null;
    throw error;
  }
}

/** Two numbers a row, the low half first. */
function sortKeysOf(snapshot: Snapshot, rows: ArrayLike<number>): Uint32Array {
  const index = rowIndex(snapshot);
  const { starts } = index;
  const sortKeys = new Uint32Array(2 * rows.length);
  let block = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = resolveIndex(rows[i]!, index.count, snapshot.path);
    if (row < starts[block]! || row >= starts[block + 1]!) block = index.blockOf(row);
    const keys = index.block(block);
    const at = 8 * (row - starts[block]!);
    sortKeys[2 * i] = keys.getUint32(at, true);
    sortKeys[2 * i + 1] = keys.getUint32(at + 4, true);
  }
  return sortKeys;
}
