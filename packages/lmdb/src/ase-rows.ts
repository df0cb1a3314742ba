/**
 * The rows of an ASE database in LMDB, as ase-db-backends and fairchem keep them: one file, in its main database
 *
 *   "1", "2", …     a row under its id: zlib over ASE's JSON
 *   "nextid"        the id of the next row, in the same encoding
 *   "deleted_ids"   ids before it that have no row any more
 *   "metadata"      an object, for people
 *
 * @see ase-db-backends 0.11 `ase_db_backends/aselmdb.py`
 */

import { decodeDatabaseRow } from "@stowage/ase";
import { closed, isStowageError, type Row, StowageError } from "@stowage/core";
import { layoutError } from "./errors.js";
import type { Inflate } from "./inflate.js";
import { readValue, Scan, toKey, valuesTask } from "./range.js";
import type { SyncEnvironment } from "./sync-environment.js";
import type { Task } from "./task.js";

/** A small file may hold a value that inflates to any size. */
const MAX_TEXT_BYTES = 2 ** 28;
/** A node's place and head, a digit, and the least that zlib writes: no file can claim more rows. */
const MIN_ENTRY_BYTES = 2 + 8 + 1 + 8;
const RESERVED: readonly string[] = ["nextid", "deleted_ids", "metadata"];

/** Which rows there are, in one commit. */
interface RowIds {
  readonly txnId: number;
  readonly length: number;
  /** `null`: one after the other from 1. */
  readonly ids: readonly number[] | null;
  /** How many rows the database counts that are not there. */
  readonly missing: number;
}

/** Reads rows in the order of their ids, at the newest commit. */
export class AseRows {
  readonly #environment: SyncEnvironment;
  readonly #inflate: Inflate;
  #known: RowIds;
  #closed = false;

  /** @throws {StowageError} ERR_LMDB_LAYOUT */
  constructor(environment: SyncEnvironment, inflate: Inflate) {
    this.#environment = environment;
    this.#inflate = inflate;
    this.#known = this.#readIds();
  }

  /** At the newest commit. */
  get length(): number {
    return this.#newest().length;
  }

  /** How many rows the database counts that are not there. */
  get missing(): number {
    return this.#known.missing;
  }

  /** @throws {StowageError} ERR_INDEX_RANGE, ERR_LMDB_LAYOUT, ERR_ASE_ROW */
  read(indices: ArrayLike<number>, keys?: readonly string[]): Row[] {
    const { ids, length } = this.#newest();
    const { path } = this.#environment;
    const wanted = Array.from(indices, (index) => {
      if (Number.isInteger(index) && index >= 0 && index < length)
        return ids === null ? index + 1 : ids[index]!;
      throw new StowageError(
        "ERR_INDEX_RANGE",
        `Cannot read row ${index} of ${path}: it has ${length} rows`,
        { index, length },
      );
    });
    const values = this.#environment.run(valuesTask(wanted.map((id) => toKey(String(id)))));
    return wanted.map((id, i) => {
      const value = values[i];
      if (value === undefined) throw layoutError(path, `id ${id}`, "missing", "the row of that id");
      return decodeDatabaseRow(this.#text(`id ${id}`, value), { path, id }, keys);
    });
  }

  close(): void {
    this.#closed = true;
    this.#environment.close();
  }

  /** @throws {StowageError} ERR_CLOSED */
  #newest(): RowIds {
    if (this.#closed) throw closed(this.#environment.path);
    const { txnId } = this.#environment.refresh().meta;
    if (this.#known.txnId !== txnId) this.#known = this.#readIds();
    return this.#known;
  }

  #readIds(): RowIds {
    const { path } = this.#environment;
    const { txnId, entries, byteLength, values } = this.#environment.run(reservedTask);
    const nOthers = entries - values.filter((value) => value !== undefined).length;
    const [next, deletedIds] = values;
    if (next === undefined) {
      if (nOthers === 0) return { txnId, length: 0, ids: null, missing: 0 };
      throw layoutError(path, "nextid", "missing", "the id of the next row, as an ASE database has", FOREIGN);
    }
    const nextId = this.#json("nextid", next);
    if (!(Number.isSafeInteger(nextId) && Number(nextId) >= 1))
      throw layoutError(path, "nextid", describe(nextId), "an integer from 1 on");
    const end = Number(nextId);
    const deleted = deletedIds === undefined ? [] : this.#json("deleted_ids", deletedIds);
    if (!(Array.isArray(deleted) && deleted.every(Number.isSafeInteger)))
      throw layoutError(path, "deleted_ids", describe(deleted), "a list of integers");
    const gone = new Set<number>(deleted.filter((id: number) => id >= 1 && id < end));
    const counted = end - 1 - gone.size;
    if (counted === nOthers && counted * MIN_ENTRY_BYTES <= byteLength) {
      const ids = gone.size === 0 ? null : idsWithout(gone, end);
      return { txnId, length: counted, ids, missing: 0 };
    }
    // What a writer left that ended between its commits: the rows that are there count.
    const ids = this.#environment.run(idsTask).filter((id) => id < end && !gone.has(id));
    return { txnId, length: ids.length, ids, missing: counted - ids.length };
  }

  #json(key: string, value: Uint8Array): unknown {
    const text = new TextDecoder().decode(this.#text(key, value));
    try {
      return JSON.parse(text);
    } catch {
      throw layoutError(this.#environment.path, key, "no JSON", "JSON", FOREIGN);
    }
  }

  #text(key: string, value: Uint8Array): Uint8Array {
    try {
      return this.#inflate(value, MAX_TEXT_BYTES);
    } catch (error) {
      if (isStowageError(error)) throw error;
      const isLong = (error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE";
      throw isLong
        ? layoutError(this.#environment.path, key, "too long", `at most ${MAX_TEXT_BYTES} bytes of JSON`)
        : layoutError(this.#environment.path, key, "not what zlib wrote", "JSON compressed by zlib", FOREIGN);
    }
  }
}

const FOREIGN = "LmdbReader reads keys and values of any LMDB file";

interface Reserved {
  readonly txnId: number;
  /** Keys of the database. */
  readonly entries: number;
  /** Of the file. */
  readonly byteLength: number;
  readonly values: readonly (Uint8Array | undefined)[];
}

const reservedTask: Task<Reserved> = (snapshot) => () => ({
  txnId: snapshot.meta.txnId,
  entries: snapshot.meta.main.entries,
  byteLength: snapshot.pages.byteLength,
  values: RESERVED.map((key) => readValue(snapshot, toKey(key))),
});

/** The ids that have a row, ascending. */
const idsTask: Task<number[]> = (snapshot) => {
  const scan = new Scan(snapshot, toKey("1"), (key) => key[0]! > NINE);
  return () =>
    scan
      .runKeys()
      .map((key) => new TextDecoder().decode(key))
      .filter((key) => /^[1-9]\d*$/.test(key))
      .map(Number)
      .sort((a, b) => a - b);
};
const NINE = "9".charCodeAt(0);

function idsWithout(gone: ReadonlySet<number>, end: number): number[] {
  const ids: number[] = [];
  for (let id = 1; id < end; id++) if (!gone.has(id)) ids.push(id);
  return ids;
}

function describe(json: unknown): string {
  return Array.isArray(json) ? "a list of something else" : String(JSON.stringify(json)).slice(0, 40);
}
