import { blobBytes, blobValue } from "../blob-value.js";
import { mapRow, type Row, setKey } from "../row.js";
import { bytesDisplay } from "./column-values.js";
import { concatStores } from "./concat-store.js";
import { AsyncFacade, asyncTable, SyncFacade, syncTable } from "./facade.js";
import { asBlobs, type IOOptions, listGroups, openFor, openForSync } from "./open.js";
import type { BlobRow } from "./row-types.js";
import type { RowCodec } from "./table.js";

const blobs: RowCodec<BlobRow> = {
  display: bytesDisplay,
  followsTypes: false,
  fromRow: (row) => mapRow(row, blobBytes),
  toRow: rowOfBlobs,
  toPatch: rowOfBlobs,
};

function rowOfBlobs(given: unknown): Row {
  const row: Row = {};
  for (const [key, bytes] of Object.entries(given as Record<string, unknown>)) {
    if (bytes === undefined) continue;
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(`Cannot store "${key}": expected a Uint8Array, found ${typeof bytes}`);
    }
    setKey(row, key, blobValue(bytes));
  }
  return row;
}

/**
 * Any store as rows of bytes: what a format that keeps bytes has under each key, and else the msgpack with the NumPy
 * extension that asebytes would store there (see `objectToBlob`).
 *
 * Keys are text; a byte of a key that is no UTF-8 is a lone surrogate (see `keyFromBytes`).
 *
 * @example
 * ```ts
 * await using db = await BlobIO.open("memory://packed", { mode: "r+" });
 * await db.append({ "info.steps": encodeValue(int64(5)) });
 * console.log((await db.at(0))["info.steps"]); // Uint8Array [5]
 * ```
 */
export class BlobIO extends AsyncFacade<BlobRow> {
  /**
   * Opens a store by scheme, extension or content. Mode `"r"` (default) reads, `"r+"` writes and makes what is missing,
   * `"w"` makes a new dataset.
   *
   * @throws {StowageError} ERR_FORMAT_UNKNOWN, ERR_PACKAGE_MISSING, ERR_UNSUPPORTED, or what the backend throws.
   */
  static async open(path: string, options: IOOptions = {}): Promise<BlobIO> {
    const { store, writable, cache } = await openFor(path, options, asBlobs);
    return new BlobIO(asyncTable(store, blobs, writable), cache);
  }

  /** The groups of a path, sorted. */
  static listGroups(path: string, options: IOOptions = {}): Promise<string[]> {
    return listGroups(path, options);
  }

  /** Several datasets one after the other, for reading. They stay open on their own. */
  static concat(...datasets: readonly BlobIO[]): BlobIO {
    return new BlobIO(asyncTable(concatStores(datasets.map(({ table }) => table.store)), blobs, false));
  }
}

/** As {@link BlobIO}, answering at once; only over stores that can. */
export class BlobIOSync extends SyncFacade<BlobRow> {
  /** As {@link BlobIO.open}. */
  static open(path: string, options: IOOptions = {}): BlobIOSync {
    const { store, writable, cache } = openForSync(path, options, asBlobs);
    return new BlobIOSync(syncTable(store, blobs, writable), cache);
  }

  /** As {@link BlobIO.concat}. */
  static concat(...datasets: readonly BlobIOSync[]): BlobIOSync {
    return new BlobIOSync(syncTable(concatStores(datasets.map(({ table }) => table.store)), blobs, false));
  }
}

/** {@link BlobIO.open} as a function. */
export function openBlobs(path: string, options: IOOptions = {}): Promise<BlobIO> {
  return BlobIO.open(path, options);
}
