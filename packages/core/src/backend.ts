import { quote, StowageError } from "./errors.js";
import { type Column, getKey, type Row, type RowSchema, type Value } from "./row.js";
import { columnFromValues } from "./row-column.js";
import { resolveIndex } from "./task.js";

/** How a store answers: at once, or by promise. */
export type Mode = "sync" | "async";

/** `T` in a sync store, `Promise<T>` in an async one. */
export type Answer<M extends Mode, T> = M extends "sync" ? T : Promise<T>;

/** What a backend can do; the contract suite checks each claim, and the refusal where one is false. */
export interface Capabilities {
  /** Makes new datasets (mode `"w"`). */
  readonly create: boolean;
  /** Adds rows at the end of a dataset (mode `"r+"`). */
  readonly append: boolean;
  /** Keeps per-atom arrays beyond positions and numbers. */
  readonly perAtomExtras: boolean;
  /** Keeps lists and objects as values. */
  readonly nested: boolean;
  /** Changes rows that are there: `insert`, `set`, `update`, `delete`, `drop`, `clear`. Default: no. */
  readonly edit?: boolean;
}

/** A value that was kept under another type, or left out where that was allowed. */
export interface LossNote {
  readonly key: string;
  readonly kind: "widened" | "changed" | "dropped";
  /** For people: `int32 kept as int64`. */
  readonly reason: string;
}

/**
 * An open dataset, as rows: what each backend provides and everything above builds on.
 *
 * One interface for both twins: `RowStore<"sync">` answers at once, `RowStore` by promise. Indices here are exact
 * (0 to length - 1); facades resolve negative ones. Methods that are optional may only be faster than the default
 * built from the others, never different.
 */
export interface RowStore<M extends Mode = "async"> {
  /** The path or URL it was opened with. */
  readonly name: string;
  readonly backend: string;
  readonly capabilities: Capabilities;
  /** What the reader had to repair or ignore when it opened the dataset; empty if nothing. */
  readonly warnings: readonly string[];
  /** Number of rows. */
  count(): Answer<M, number>;
  /**
   * The rows at these indices, in this order.
   *
   * @param keys  Only these keys; a key that a row does not have is left out. Default: all.
   * @throws {StowageError} ERR_INDEX_RANGE
   */
  getMany(indices: ArrayLike<number>, keys?: readonly string[]): Answer<M, Row[]>;
  /** All keys with their types, in the order in which they were first seen. */
  schema(): Answer<M, RowSchema>;
  /**
   * The types of keys as far as they can be told at once: rows that are written follow them. For stores whose `schema`
   * takes a pass over all rows. Default: `schema`.
   */
  types?(): Answer<M, RowSchema>;
  /** The values of one key in these rows, decoding nothing else. */
  column?(key: string, indices: ArrayLike<number>): Answer<M, Column>;
  /** Adds rows at the end; all or none. Visible at once here, durable after `flush`. */
  append?(rows: readonly Row[]): Answer<M, void>;
  /**
   * Puts rows before the one at `index`, which may be the number of rows.
   *
   * This and what follows up to `destroy` may change the rows of a dataset opened for writing; visible at once here,
   * durable after `flush`. Indices are distinct. A row without keys is a reserved place, which `set` fills.
   */
  insert?(index: number, rows: readonly Row[]): Answer<M, void>;
  /** Replaces whole rows. */
  set?(indices: ArrayLike<number>, rows: readonly Row[]): Answer<M, void>;
  /** Sets the keys of each patch in its row; other keys stay. */
  update?(indices: ArrayLike<number>, patches: readonly Row[]): Answer<M, void>;
  /** Removes rows; `indices` ascend. */
  delete?(indices: ArrayLike<number>): Answer<M, void>;
  /** Removes keys from rows. */
  drop?(keys: readonly string[], indices: ArrayLike<number>): Answer<M, void>;
  /** Removes all rows. */
  clear?(): Answer<M, void>;
  /** Removes the dataset itself; the store is closed then. */
  destroy?(): Answer<M, void>;
  /** Makes durable what was written. */
  flush?(): Answer<M, void>;
  /**
   * The same rows as bytes, exactly as they are kept: every value is a uint8 array of shape [n], in memory that the
   * store does not use again. Each shows what is written to the other, and closing one closes both. For formats that
   * keep bytes; other stores have them by `objectToBlob`.
   */
  blobs?(): RowStore<M>;
  /** What appended rows lost on the way, one note for each key and reason. */
  losses?(): readonly LossNote[];
  /** Ends a dataset opened for writing without keeping what was not flushed. */
  discard?(): Answer<M, void>;
  /** Flushes what was appended and lets the files go. Does nothing when closed already. */
  close(): Answer<M, void>;
}

export interface OpenOptions {
  /** `"r"` reads, `"r+"` reads and appends (creating what is missing), `"w"` makes a new dataset. Default `"r"`. */
  mode?: "r" | "r+" | "w";
  /** With mode `"w"`: replace a dataset that is there. Default: refuse. */
  overwrite?: boolean;
  /** Values the format cannot hold: refuse the row (default) or leave them out and note it. */
  unsupported?: "error" | "drop";
  /** With mode `"w"`: what is known of the rows to come, so that types fit all of them from the first on. */
  schema?: RowSchema;
  /** Which dataset, where one path holds several. Default `"default"`. */
  group?: string;
  signal?: AbortSignal;
}

/** How a backend announces itself. */
export interface BackendSpec<N extends string = string, O extends OpenOptions = OpenOptions> {
  readonly name: N;
  /** With the dot, lower case. */
  readonly extensions: readonly string[];
  /** Before `://`. */
  readonly schemes?: readonly string[];
  readonly capabilities: Capabilities;
  /** Names of its options beyond `OpenOptions`; so that tools can refuse those a format does not know. */
  readonly options?: readonly string[];
  /** Recognises content by its first bytes (up to 64 KiB are given). */
  sniff?(head: Uint8Array): boolean;
  /** Opens at once; a backend without it is asynchronous by nature. */
  openSync?(path: string, options?: O): RowStore<"sync">;
  /** The groups of a path, sorted. A backend without it has one group a path. */
  listGroups?(path: string): Promise<string[]>;
  open(path: string, options?: O): Promise<RowStore>;
}

/** Declares a backend. An identity function: it exists so that literal types are inferred. */
export function defineBackend<const B extends BackendSpec>(spec: B): B {
  return spec;
}

/** Backend name to its spec. Each backend package adds its own by declaration merging. */
export interface BackendMap {
  memory: BackendSpec<"memory">;
}

/** A sync store behind promises. */
export function toAsync(store: RowStore<"sync">): RowStore {
  const {
    types,
    append,
    insert,
    set,
    update,
    delete: remove,
    drop,
    clear,
    destroy,
    flush,
    blobs,
    discard,
  } = store;
  return {
    name: store.name,
    backend: store.backend,
    capabilities: store.capabilities,
    warnings: store.warnings,
    count: async () => store.count(),
    getMany: async (indices, keys) => store.getMany(indices, keys),
    schema: async () => store.schema(),
    types: types && (async () => types.call(store)),
    column: async (key, indices) => columnOfSync(store, key, indices),
    append: append && (async (rows) => append.call(store, rows)),
    insert: insert && (async (index, rows) => insert.call(store, index, rows)),
    set: set && (async (indices, rows) => set.call(store, indices, rows)),
    update: update && (async (indices, patches) => update.call(store, indices, patches)),
    delete: remove && (async (indices) => remove.call(store, indices)),
    drop: drop && (async (keys, indices) => drop.call(store, keys, indices)),
    clear: clear && (async () => clear.call(store)),
    destroy: destroy && (async () => destroy.call(store)),
    flush: flush && (async () => flush.call(store)),
    blobs: blobs && (() => toAsync(blobs.call(store))),
    losses: () => store.losses?.() ?? [],
    discard: discard && (async () => discard.call(store)),
    close: async () => store.close(),
  };
}

/** One row of a store; the index may count from the end. */
export async function getRow(store: RowStore, index: number, keys?: readonly string[]): Promise<Row> {
  const resolved = resolveIndex(index, await store.count(), store.name);
  return (await store.getMany([resolved], keys))[0]!;
}

/** One column of a store, by its own method or by reading rows of one key. */
export async function columnOf(store: RowStore, key: string, indices: ArrayLike<number>): Promise<Column> {
  if (store.column) return store.column(key, indices);
  const rows = await store.getMany(indices, [key]);
  return columnFromValues(key, valuesOf(rows, key));
}

/** As {@link columnOf}, at once. */
export function columnOfSync(store: RowStore<"sync">, key: string, indices: ArrayLike<number>): Column {
  if (store.column) return store.column(key, indices);
  return columnFromValues(key, valuesOf(store.getMany(indices, [key]), key));
}

function valuesOf(rows: readonly Row[], key: string): (Value | undefined)[] {
  return rows.map((row) => getKey(row, key));
}

/**
 * Rows in order, read in batches.
 *
 * @param range.start  First row, default 0.
 * @param range.stop   Exclusive, default the number of rows.
 * @throws {StowageError} ERR_OPTION for a range or batch size that is no whole number.
 */
export async function* iterateRows(
  store: RowStore,
  range: {
    start?: number;
    stop?: number;
    batchSize?: number;
    keys?: readonly string[];
    signal?: AbortSignal;
  } = {},
): AsyncGenerator<Row[], void, undefined> {
  const { start = 0, batchSize = 256, keys, signal } = range;
  checkWhole("start", start, 0);
  checkWhole("stop", range.stop ?? 0, 0);
  checkWhole("batchSize", batchSize, 1);
  const stop = Math.min(range.stop ?? Number.POSITIVE_INFINITY, await store.count());
  for (let from = start; from < stop; from += batchSize) {
    signal?.throwIfAborted();
    const indices = Array.from({ length: Math.min(batchSize, stop - from) }, (_, i) => from + i);
    yield await store.getMany(indices, keys);
  }
}

function checkWhole(option: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new StowageError(
    "ERR_OPTION",
    `Cannot iterate with ${option} ${quote(value)}: it must be a whole number, ${least} or more`,
    { option, value: String(value) },
  );
}
