import type { Answer, Mode, RowStore } from "../backend.js";
import { readOnly, StowageError } from "../errors.js";
import { type Column, mapRow, type Row } from "../row.js";
import { resolveIndex } from "../task.js";
import { chain, type Maybe } from "./answer.js";
import type { Display } from "./column-values.js";
import { KnownTypes } from "./known-types.js";
import { readColumn } from "./read-column.js";
import type { Item } from "./row-types.js";
import type { Indices, Selection } from "./selection.js";

/** What a facade makes of a row, and how it makes rows. */
export interface RowCodec<T> {
  /** How single values and columns are shown. */
  readonly display: Display;
  /** Whether rows that are written follow the element types that keys have in the store. */
  readonly followsTypes: boolean;
  /** Of a row that has keys. */
  fromRow(row: Row): T;
  /** @param types  Element types that keys have in the store already. */
  toRow(value: T, types: KnownTypes): Row;
  /** Checks a patch of `update` and makes a row of it. */
  toPatch(patch: unknown, types: KnownTypes): Row;
}

/**
 * An open store as a facade and its views see it: rows are their values, and a row without keys is `null`.
 *
 * One piece of logic for both modes: answers come at once from a sync store, else by promise.
 */
export class Table<M extends Mode, T> {
  readonly store: RowStore<M>;
  readonly #codec: RowCodec<T>;
  readonly #isSync: boolean;
  readonly #writable: boolean;
  #types: KnownTypes | null = null;

  constructor(store: RowStore<M>, codec: RowCodec<T>, isSync: boolean, writable: boolean) {
    this.store = store;
    this.#codec = codec;
    this.#isSync = isSync;
    this.#writable = writable;
  }

  get name(): string {
    return this.store.name;
  }

  get display(): Display {
    return this.#codec.display;
  }

  /** Some keys of a row for people. */
  show(row: Row): Record<string, Item> {
    return mapRow(row, this.display.value);
  }

  /** Runs a piece of logic in the store's mode: what it throws is a rejection where the store is async. */
  run<U>(logic: () => Maybe<U>): Answer<M, U> {
    if (this.#isSync) return logic() as Answer<M, U>;
    return new Promise<U>((resolve) => resolve(logic())) as Answer<M, U>;
  }

  count(): Maybe<number> {
    return this.store.count();
  }

  /** The indices that a selection stands for, with as many rows as there are. */
  resolve(selection: Selection): Maybe<Indices> {
    return chain(this.count(), (count) => selection.resolve(count, this.name));
  }

  /** Rows at exact indices. */
  read(indices: ArrayLike<number>): Maybe<(T | null)[]> {
    return chain(this.store.getMany(indices) as Maybe<Row[]>, (rows) =>
      rows.map((row) => (isEmpty(row) ? null : this.#codec.fromRow(row))),
    );
  }

  readRows(indices: ArrayLike<number>, keys?: readonly string[]): Maybe<Row[]> {
    return this.store.getMany(indices, keys) as Maybe<Row[]>;
  }

  /** One position of a selection. */
  indexAt(selection: Selection, position: number): Maybe<number> {
    return chain(this.resolve(selection), (indices) =>
      indices.at(resolveIndex(position, indices.length, this.name)),
    );
  }

  /**
   * @throws {StowageError} ERR_KEY_MISSING where no row of the store has the key.
   */
  column(key: string, indices: ArrayLike<number>): Maybe<Column> {
    return chain(readColumn(this.store, key, indices), (found) => {
      if (found.missing?.includes(0) ?? indices.length > 0) return found;
      return chain(this.store.schema() as Maybe<Record<string, unknown>>, (schema) => {
        if (Object.hasOwn(schema, key)) return found;
        throw new StowageError(
          "ERR_KEY_MISSING",
          `Cannot read column "${key}" of ${this.name}: no row has it`,
          { path: this.name, key },
          { hint: `keys: ${Object.keys(schema).slice(0, 20).join(", ")}` },
        );
      });
    });
  }

  extend(values: readonly (T | null)[]): Maybe<void> {
    return this.#write("append", (append) => chain(this.#toRows(values), append));
  }

  insert(index: number, values: readonly (T | null)[]): Maybe<void> {
    return this.#write("insert", (insert) => chain(this.#toRows(values), (rows) => insert(index, rows)));
  }

  /** Of a place that is named twice the last value counts. */
  set(indices: ArrayLike<number>, values: readonly (T | null)[]): Maybe<void> {
    return this.#write("set", (set) =>
      chain(this.#toRows(values), (rows) => {
        const last = lastOfEach(indices, rows);
        return last.size === 0 ? undefined : set([...last.keys()], [...last.values()]);
      }),
    );
  }

  update(indices: ArrayLike<number>, patch: unknown): Maybe<void> {
    return this.#write("update", (update) =>
      chain(this.#knownTypes(), (types) => {
        const row = this.#codec.toPatch(patch, types);
        const places = [...new Set(Array.from(indices))];
        if (isEmpty(row) || places.length === 0) return undefined;
        types.note(row);
        return update(places, new Array<Row>(places.length).fill(row));
      }),
    );
  }

  /** Sets keys of each row to values of its own. */
  updateEach(indices: ArrayLike<number>, patches: readonly Record<string, Item>[]): Maybe<void> {
    return this.#write("update", (update) =>
      chain(this.#knownTypes(), (types) => {
        const rows = patches.map((patch) => noted(this.#codec.toPatch(patch, types), types));
        const last = lastOfEach(indices, rows);
        return last.size === 0 ? undefined : update([...last.keys()], [...last.values()]);
      }),
    );
  }

  delete(indices: ArrayLike<number>): Maybe<void> {
    const ascending = [...new Set(Array.from(indices))].sort((a, b) => a - b);
    return this.#write("delete", (remove) => (ascending.length === 0 ? undefined : remove(ascending)));
  }

  drop(keys: readonly string[], indices: ArrayLike<number>): Maybe<void> {
    return this.#write("drop", (drop) => {
      this.#types = null;
      const places = [...new Set(Array.from(indices))];
      return keys.length === 0 || places.length === 0 ? undefined : drop(keys, places);
    });
  }

  clear(): Maybe<void> {
    return this.#write("clear", (clear) => {
      this.#types = null;
      return clear();
    });
  }

  destroy(): Maybe<void> {
    return this.#write("destroy", (destroy) => destroy());
  }

  flush(): Maybe<void> {
    if (!this.#writable) throw readOnly(this.name);
    return this.store.flush?.();
  }

  #toRows(values: readonly (T | null)[]): Maybe<Row[]> {
    return chain(this.#knownTypes(), (types) =>
      values.map((value) => (value === null ? {} : noted(this.#codec.toRow(value, types), types))),
    );
  }

  /** Looked up once: from then on, what is written here tells. */
  #knownTypes(): Maybe<KnownTypes> {
    if (this.#types !== null) return this.#types;
    if (!this.#codec.followsTypes) {
      this.#types = new KnownTypes({});
      return this.#types;
    }
    const { store } = this;
    return chain(store.types ? store.types() : store.schema(), (schema) => {
      this.#types = new KnownTypes(schema);
      return this.#types;
    });
  }

  /** Calls a method that the store may lack. */
  #write<K extends WriteMethod>(
    method: K,
    use: (call: (...args: Parameters<NonNullable<RowStore[K]>>) => Maybe<void>) => Maybe<void>,
  ): Maybe<void> {
    if (!this.#writable) throw readOnly(this.name);
    const { store } = this;
    const own = store[method] as ((...args: unknown[]) => Maybe<void>) | undefined;
    if (own === undefined) throw unsupported(store, method);
    return use((...args) => own.apply(store, args));
  }
}

type WriteMethod = "append" | "insert" | "set" | "update" | "delete" | "drop" | "clear" | "destroy";

/** Its new keys have a type from here on, for the rows that come with it, too. */
function noted(row: Row, types: KnownTypes): Row {
  types.note(row);
  return row;
}

function lastOfEach(indices: ArrayLike<number>, rows: readonly Row[]): Map<number, Row> {
  return new Map(rows.map((row, i) => [indices[i]!, row]));
}

function isEmpty(row: Row): boolean {
  for (const _ in row) return false;
  return true;
}

function unsupported({ name, backend }: RowStore<Mode>, feature: string): StowageError<"ERR_UNSUPPORTED"> {
  return new StowageError(
    "ERR_UNSUPPORTED",
    `Cannot ${feature} rows of ${name}: ${backend} data cannot be changed so`,
    { feature },
    { hint: "copy it to a store whose rows can be changed, such as memory://" },
  );
}
