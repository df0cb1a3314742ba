import {
  type BackendSpec,
  defineBackend,
  type OpenOptions,
  type Row,
  type RowStore,
  StowageError,
  schemaOfRows,
  toAsync,
} from "@stowage/core";
import { AseRows } from "./ase-rows.js";
import { loadInflate } from "./inflate.js";
import { SyncEnvironment } from "./sync-environment.js";

const CAPABILITIES = { create: false, append: false, perAtomExtras: false, nested: true } as const;
/** Rows decoded together while the schema is gathered. */
const SCAN_ROWS = 64;

/**
 * Opens an ASE database in LMDB (`.aselmdb`, of ase-db-backends and fairchem) as rows, for reading.
 *
 * Rows come in the order of their ids, without those that were deleted, with the values that `AtomsRow.toatoms` gives;
 * `decodeDatabaseRow` of `@stowage/ase` says which keys they have. Opening reads no row; every call sees the newest
 * commit.
 *
 * @throws {StowageError} ERR_FILE_MISSING, ERR_LMDB_FORMAT, ERR_LMDB_VERSION, ERR_LMDB_LAYOUT; ERR_UNSUPPORTED where
 * the runtime has no zlib, and for writing. Reading a row: ERR_ASE_ROW, ERR_LMDB_LAYOUT
 *
 * @example
 * ```ts
 * const store = openAseLmdbStore("oc20.aselmdb");
 * console.log(store.count(), store.getMany([0], ["calc.energy"]));
 * store.close();
 * ```
 */
export function openAseLmdbStore(path: string, options: OpenOptions = {}): RowStore<"sync"> {
  if (options.mode !== undefined && options.mode !== "r") {
    throw new StowageError(
      "ERR_UNSUPPORTED",
      `Cannot write ${path}: ASE databases in LMDB are read here, not written`,
      { feature: "writing .aselmdb" },
      { hint: "write .lmdb, .atp or .traj" },
    );
  }
  const inflate = loadInflate(path);
  const environment = new SyncEnvironment(path);
  let rows: AseRows;
  try {
    rows = new AseRows(environment, inflate);
  } catch (error) {
    environment.close();
    throw error;
  }
  const { missing } = rows;
  return {
    name: path,
    backend: "aselmdb",
    capabilities: CAPABILITIES,
    warnings: missing > 0 ? [`rows that the database counts and that are not there: ${missing}`] : [],
    count: () => rows.length,
    getMany: (indices, keys) => rows.read(indices, keys),
    schema: () => schemaOfRows(scan(rows)),
    close: () => rows.close(),
  };
}

function* scan(rows: AseRows): Generator<Row> {
  const { length } = rows;
  for (let start = 0; start < length; start += SCAN_ROWS) {
    yield* rows.read(Array.from({ length: Math.min(SCAN_ROWS, length - start) }, (_, i) => start + i));
  }
}

/** ASE's databases in LMDB. */
export const aselmdb: BackendSpec<"aselmdb"> = defineBackend({
  name: "aselmdb",
  extensions: [".aselmdb"],
  capabilities: CAPABILITIES,
  openSync: openAseLmdbStore,
  open: async (path: string, options?: OpenOptions): Promise<RowStore> => {
    options?.signal?.throwIfAborted();
    return toAsync(openAseLmdbStore(path, options));
  },
});

declare module "@stowage/core" {
  interface BackendMap {
    aselmdb: typeof aselmdb;
  }
}
