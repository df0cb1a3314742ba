import { getKey, mapRow, plainValue, type Row, setKey, type Value } from "../row.js";
import { plainDisplay } from "./column-values.js";
import { concatStores } from "./concat-store.js";
import { AsyncFacade, asyncTable, SyncFacade, syncTable } from "./facade.js";
import type { KnownTypes } from "./known-types.js";
import { asObjects, type IOOptions, listGroups, openFor, openForSync } from "./open.js";
import type { RowCodec } from "./table.js";

/** Rows as objects: scalars are plain numbers (bigints past 2^53). Their types are the caller's word: nothing checks them. */
function codecOf<R extends Record<string, Value>>(): RowCodec<R> {
  return {
    display: plainDisplay,
    followsTypes: true,
    fromRow: (row) => mapRow(row, (_, value) => plainValue(value)) as R,
    toRow: exactRow,
    toPatch: (patch, types) => exactRow(patch as Row, types),
  };
}

function exactRow(row: Row, types: KnownTypes): Row {
  const exact: Row = {};
  for (const key of Object.keys(row)) {
    const value = getKey(row, key) as Value | undefined;
    if (value !== undefined) setKey(exact, key, types.exact(key, value));
  }
  return exact;
}

/**
 * Any store as rows of keys and values.
 *
 * @typeParam R  What is known of the rows: `ObjectIO.open<{ "calc.energy": number }>(path)`.
 *
 * @example
 * ```ts
 * await using db = await ObjectIO.open("memory://runs", { mode: "r+" });
 * await db.extend([{ "calc.energy": -1.5 }, { "calc.energy": -2 }]);
 * console.log(await db.column("calc.energy").toArray()); // Float64Array [-1.5, -2]
 * ```
 */
export class ObjectIO<R extends Record<string, Value> = Row> extends AsyncFacade<R> {
  /**
   * Opens a store by scheme, extension or content. Mode `"r"` (default) reads, `"r+"` writes and makes what is missing,
   * `"w"` makes a new dataset.
   *
   * @throws {StowageError} ERR_FORMAT_UNKNOWN, ERR_PACKAGE_MISSING, ERR_UNSUPPORTED, or what the backend throws.
   */
  static async open<R extends Record<string, Value> = Row>(
    path: string,
    options: IOOptions = {},
  ): Promise<ObjectIO<R>> {
    const { store, writable, cache } = await openFor(path, options, asObjects);
    return new ObjectIO(asyncTable(store, codecOf<R>(), writable), cache);
  }

  /** The groups of a path, sorted. */
  static listGroups(path: string, options: IOOptions = {}): Promise<string[]> {
    return listGroups(path, options);
  }

  /** Several datasets one after the other, for reading. They stay open on their own. */
  static concat<R extends Record<string, Value>>(...datasets: readonly ObjectIO<R>[]): ObjectIO<R> {
    const store = concatStores(datasets.map(({ table }) => table.store));
    return new ObjectIO(asyncTable(store, codecOf<R>(), false));
  }
}

/** As {@link ObjectIO}, answering at once; only over stores that can. */
export class ObjectIOSync<R extends Record<string, Value> = Row> extends SyncFacade<R> {
  /** As {@link ObjectIO.open}. */
  static open<R extends Record<string, Value> = Row>(path: string, options: IOOptions = {}): ObjectIOSync<R> {
    const { store, writable, cache } = openForSync(path, options, asObjects);
    return new ObjectIOSync(syncTable(store, codecOf<R>(), writable), cache);
  }

  /** As {@link ObjectIO.concat}. */
  static concat<R extends Record<string, Value>>(...datasets: readonly ObjectIOSync<R>[]): ObjectIOSync<R> {
    const store = concatStores(datasets.map(({ table }) => table.store));
    return new ObjectIOSync(syncTable(store, codecOf<R>(), false));
  }
}

/** {@link ObjectIO.open} as a function. */
export function openObjects<R extends Record<string, Value> = Row>(
  path: string,
  options: IOOptions = {},
): Promise<ObjectIO<R>> {
  return ObjectIO.open(path, options);
}
