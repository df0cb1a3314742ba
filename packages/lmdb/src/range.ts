import { Cursor, compareBytes, find, startsWith } from "./cursor.js";
import { formatError } from "./errors.js";
import type { Snapshot } from "./snapshot.js";
import { Steps, type Task } from "./task.js";
import type { ValuePlace } from "./tree-page.js";

/** A key as bytes, or as text in UTF-8. */
export type LmdbKey = Uint8Array | string;
/** A key and its value. */
export type LmdbEntry = [key: Uint8Array, value: Uint8Array];

/** Which keys, in the order of their bytes. */
export interface LmdbRange {
  /** Only keys that begin so. */
  prefix?: LmdbKey;
  /** The first key, inclusive. */
  start?: LmdbKey;
  /** The end, exclusive. */
  end?: LmdbKey;
  /** The largest number of entries. */
  limit?: number;
}

/** How many leaf pages an ordered read over a slow source fetches at once. */
const READ_AHEAD = 32;
/** An iteration reads about so many bytes of values at a time. */
const PART_BYTES = 1 << 20;
const EMPTY = new Uint8Array(0);

export function toKey(key: LmdbKey): Uint8Array {
  if (typeof key === "string") return new TextEncoder().encode(key);
  if (key instanceof Uint8Array) return key;
  throw new TypeError(`Cannot look up ${String(key)}: a key is a Uint8Array or a string`);
}

/** The values of some keys; `undefined` for those that there are not. */
export function valuesTask(keys: readonly Uint8Array[]): Task<(Uint8Array | undefined)[]> {
  return (snapshot) => {
    const steps = new Steps(keys.length);
    const values: (Uint8Array | undefined)[] = new Array(keys.length).fill(undefined);
    return () => {
      steps.run((i) => {
        values[i] = readValue(snapshot, keys[i]!);
      });
      return values;
    };
  };
}

/** The value of one key. */
export function valueTask(key: Uint8Array): Task<Uint8Array | undefined> {
  return (snapshot) => () => readValue(snapshot, key);
}

/** The value of a key. */
export function readValue(snapshot: Snapshot, key: Uint8Array): Uint8Array | undefined {
  const found = find(snapshot, key);
  return found && snapshot.value(found.place, found.leaf);
}

/** Entries in a row, and whether the range ends with them. */
export interface RangePart {
  readonly entries: LmdbEntry[];
  readonly ended: boolean;
}

/** The whole of a range, in order. */
export function rangeTask(range: LmdbRange): Task<LmdbEntry[]> {
  const part = partTask(range, undefined, Number.POSITIVE_INFINITY);
  return (snapshot) => {
    const run = part(snapshot);
    return () => {
      const { entries } = run();
      if (isEverything(range)) checkCount(snapshot, entries.length);
      return entries;
    };
  };
}

/**
 * The next entries of a range.
 *
 * @param after     The key after which they begin, if not at the start of the range.
 * @param maxBytes  Enough of values.
 */
export function partTask(
  range: LmdbRange,
  after: Uint8Array | undefined,
  maxBytes: number = PART_BYTES,
): Task<RangePart> {
  const prefix = toKey(range.prefix ?? EMPTY);
  const start = toKey(range.start ?? EMPTY);
  const end = range.end === undefined ? undefined : toKey(range.end);
  const { limit = Number.POSITIVE_INFINITY } = range;
  // The least key that is greater.
  const from =
    after !== undefined ? Uint8Array.of(...after, 0) : compareBytes(start, prefix) > 0 ? start : prefix;
  const isPast = (key: Uint8Array): boolean =>
    !startsWith(key, prefix) || (end !== undefined && compareBytes(key, end) >= 0);
  return (snapshot) => {
    const scan = new Scan(snapshot, from, isPast, { limit, maxBytes, readAhead: READ_AHEAD });
    return () => ({ entries: scan.run(), ended: scan.ended });
  };
}

/** Whether a range has all keys. */
export function isEverything({ prefix = "", start = "", end, limit = Infinity }: LmdbRange): boolean {
  return prefix.length === 0 && start.length === 0 && end === undefined && limit === Infinity;
}

/** @throws {StowageError} ERR_LMDB_FORMAT if the meta says another number than there are. */
export function checkCount({ meta, path }: Snapshot, count: number): void {
  if (count === meta.main.entries) return;
  throw formatError(
    path,
    meta.metaPage,
    `${meta.main.entries} entries`,
    `${count}, as there are in the tree`,
  );
}

/** An ordered read, that can go on when pages are there which it missed. */
export class Scan {
  readonly #snapshot: Snapshot;
  readonly #from: Uint8Array;
  readonly #isPast: (key: Uint8Array) => boolean;
  readonly #options: { limit: number; maxBytes: number };
  readonly #cursor: Cursor;
  readonly #keys: Uint8Array[] = [];
  readonly #places: { place: ValuePlace; leaf: number }[] = [];
  #byteLength = 0;
  #state: "before" | "on" | "past" = "before";
  readonly #values: Uint8Array[] = [];
  #steps: Steps | undefined;

  /** @param from  The first key may be this one. @param isPast  Whether a key lies behind the range. */
  constructor(
    snapshot: Snapshot,
    from: Uint8Array,
    isPast: (key: Uint8Array) => boolean,
    options: { limit?: number; maxBytes?: number; readAhead?: number } = {},
  ) {
    const { limit = Infinity, maxBytes = Infinity, readAhead = 0 } = options;
    this.#snapshot = snapshot;
    this.#from = from;
    this.#isPast = isPast;
    this.#options = { limit, maxBytes };
    this.#cursor = new Cursor(snapshot, readAhead);
  }

  /** Whether there is nothing more in the range. */
  get ended(): boolean {
    return this.#state === "past" || this.#keys.length >= this.#options.limit;
  }

  run(): LmdbEntry[] {
    const places = this.#places;
    const keys = this.runKeys();
    this.#steps ??= new Steps(places.length);
    this.#steps.run((i) => {
      const { place, leaf } = places[i]!;
      this.#values[i] = this.#snapshot.value(place, leaf);
    });
    return keys.map((key, i) => [key, this.#values[i]!]);
  }

  /** Only the keys; values of their own pages are not read. */
  runKeys(): readonly Uint8Array[] {
    const cursor = this.#cursor;
    while (!this.ended && this.#byteLength < this.#options.maxBytes) {
      const there = this.#state === "before" ? cursor.seek(this.#from) : cursor.next();
      this.#state = "on";
      if (!there || this.#isPast(cursor.key)) {
        this.#state = "past";
        break;
      }
      const { key, place, leaf } = cursor;
      this.#keys.push(key);
      this.#places.push({ place, leaf });
      this.#byteLength += key.length + (place instanceof Uint8Array ? place.length : place.byteLength);
      this.#checkSum(leaf);
    }
    return this.#keys;
  }

  /** Many entries that share overflow pages could ask for any amount of memory; in a sound file each has its own. */
  #checkSum(leaf: number): void {
    const { byteLength } = this.#snapshot.pages;
    if (this.#byteLength <= byteLength) return;
    throw formatError(
      this.#snapshot.path,
      leaf,
      `values that make ${this.#byteLength} bytes with those before`,
      `no more than the file's ${byteLength}`,
    );
  }
}
