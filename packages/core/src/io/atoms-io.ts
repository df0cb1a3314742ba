import { Atoms, rowOfAtoms, rowToAtoms } from "../atoms.js";
import { StowageError } from "../errors.js";
import { type Row, setKey, type Value } from "../row.js";
import { plainDisplay } from "./column-values.js";
import { concatStores } from "./concat-store.js";
import { AsyncFacade, asyncTable, SyncFacade, syncTable } from "./facade.js";
import type { KnownTypes } from "./known-types.js";
import { asObjects, type IOOptions, listGroups, openFor, openForSync } from "./open.js";
import type { RowCodec } from "./table.js";

const structures: RowCodec<Atoms> = {
  display: plainDisplay,
  followsTypes: true,
  fromRow: rowToAtoms,
  toRow: (atoms, types) => {
    if (!(atoms instanceof Atoms)) throw new TypeError("Cannot store this as atoms: expected Atoms or null");
    return rowOfAtoms(atoms, (key) => types.get(key));
  },
  toPatch: patchOfAtoms,
};

const PARTS = ["info", "arrays", "calc"] as const;

/** A patch by flat keys, or by `{ info, arrays, calc }`, or both. */
function patchOfAtoms(patch: unknown, types: KnownTypes): Row {
  const row: Row = {};
  const put = (key: string, value: Value | undefined): void => {
    if (value !== undefined) setKey(row, key, types.exact(key, value));
  };
  for (const [key, value] of Object.entries(patch as Record<string, Value | undefined>)) {
    if ((PARTS as readonly string[]).includes(key)) {
      for (const [name, item] of Object.entries(value as Record<string, Value | undefined>)) {
        put(`${key}.${name}`, item);
      }
    } else if (/^(?:cell|pbc|constraints|(?:arrays|info|calc)\..+)$/s.test(key)) put(key, value);
    else throw noAtomsKey(key);
  }
  return row;
}

function noAtomsKey(key: string): StowageError<"ERR_ROW"> {
  return new StowageError(
    "ERR_ROW",
    `Cannot update "${key}" of atoms: expected keys under arrays., calc. or info., or cell, pbc, constraints`,
    { key },
  );
}

/**
 * Any store as structures.
 *
 * @example
 * ```ts
 * await using db = await AtomsIO.open("water.xyz");
 * console.log(await db.count(), (await db.at(-1))?.formula);
 * ```
 */
export class AtomsIO extends AsyncFacade<Atoms> {
  /**
   * Opens a store by scheme, extension or content. Mode `"r"` (default) reads, `"r+"` writes and makes what is missing,
   * `"w"` makes a new dataset.
   *
   * @throws {StowageError} ERR_FORMAT_UNKNOWN, ERR_PACKAGE_MISSING, ERR_UNSUPPORTED, or what the backend throws.
   */
  static async open(path: string, options: IOOptions = {}): Promise<AtomsIO> {
    const { store, writable, cache } = await openFor(path, options, asObjects);
    return new AtomsIO(asyncTable(store, structures, writable), cache);
  }

  /** The groups of a path, sorted. */
  static listGroups(path: string, options: IOOptions = {}): Promise<string[]> {
    return listGroups(path, options);
  }

  /** Several datasets one after the other, for reading. They stay open on their own. */
  static concat(...datasets: readonly AtomsIO[]): AtomsIO {
    return new AtomsIO(asyncTable(concatStores(datasets.map(({ table }) => table.store)), structures, false));
  }
}

/** As {@link AtomsIO}, answering at once; only over stores that can. */
export class AtomsIOSync extends SyncFacade<Atoms> {
  /** As {@link AtomsIO.open}. */
  static open(path: string, options: IOOptions = {}): AtomsIOSync {
    const { store, writable, cache } = openForSync(path, options, asObjects);
    return new AtomsIOSync(syncTable(store, structures, writable), cache);
  }

  /** As {@link AtomsIO.concat}. */
  static concat(...datasets: readonly AtomsIOSync[]): AtomsIOSync {
    return new AtomsIOSync(
      syncTable(concatStores(datasets.map(({ table }) => table.store)), structures, false),
    );
  }
}

/** {@link AtomsIO.open} as a function. */
export function openAtoms(path: string, options: IOOptions = {}): Promise<AtomsIO> {
  return AtomsIO.open(path, options);
}
