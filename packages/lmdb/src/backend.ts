import {
  type BackendSpec,
  columnFromValues,
  defineBackend,
  type OpenOptions,
  type Row,
  type RowSchema,
  type RowStore,
  readOnly,
  StowageError,
  schemaOfRows,
  toAsync,
} from "@stowage/core";
import { listGroups } from "./groups.js";
import { LmdbRows } from "./lmdb-rows.js";
import { nameOf, objectRow, objectValue } from "./object-rows.js";

const CAPABILITIES = {
  create: false,
  append: false,
  perAtomExtras: true,
  nested: true,
  edit: false,
} as const;
/** Rows decoded together while the schema is gathered. */
const SCAN_ROWS = 256;

/**
 * Opens an asebytes store in LMDB as rows of values, for reading.
 *
 * @throws {StowageError} ERR_FILE_MISSING, ERR_UNSUPPORTED for a mode that writes, ERR_LMDB_FORMAT, ERR_LMDB_VERSION,
 * ERR_LMDB_LAYOUT
 */
export function openLmdbStore(path: string, options: OpenOptions = {}): RowStore<"sync"> {
  const { mode = "r", group } = options;
  if (mode !== "r") {
    throw new StowageError(
      "ERR_UNSUPPORTED",
      `Cannot write ${path}: LMDB stores are read here, not written`,
      { feature: `mode "${mode}"` },
      { hint: "write an .atp file, or use asebytes in Python" },
    );
  }
  const rows = LmdbRows.open(path, { group });
  const getMany = (indices: ArrayLike<number>, keys?: readonly string[]): Row[] =>
    rows.getMany(indices, keys?.map(nameOf)).map(objectRow);
  let schema: { readonly txnId: number; readonly fields: RowSchema } | null = null;
  return {
    name: path,
    backend: "lmdb",
    capabilities: CAPABILITIES,
    warnings: [],
    count: () => rows.length,
    getMany,
    // Values tell their types only when they are looked at: once a commit.
    schema: () => {
      const { txnId } = rows;
      if (schema?.txnId !== txnId) schema = { txnId, fields: schemaOfRows(scan(rows.length, getMany)) };
      return schema.fields;
    },
    column: (key, indices) =>
      columnFromValues(
        key,
        rows
          .column(nameOf(key), Array.from(indices))
          .map((bytes) => (bytes === null ? undefined : objectValue(bytes))),
      ),
    append: () => {
      throw readOnly(path);
    },
    close: () => rows.close(),
  };
}

function* scan(count: number, getMany: (indices: ArrayLike<number>) => Row[]): Generator<Row> {
  for (let start = 0; start < count; start += SCAN_ROWS) {
    yield* getMany(Array.from({ length: Math.min(SCAN_ROWS, count - start) }, (_, i) => start + i));
  }
}

/** The LMDB backend: stores of asebytes. */
export const lmdb: BackendSpec<"lmdb"> = defineBackend({
  name: "lmdb",
  extensions: [".lmdb"],
  capabilities: CAPABILITIES,
  openSync: openLmdbStore,
  listGroups: async (path: string) => listGroups(path),
  open: async (path: string, options?: OpenOptions): Promise<RowStore> =>
    toAsync(openLmdbStore(path, options)),
});

declare module "@stowage/core" {
  interface BackendMap {
    lmdb: typeof lmdb;
  }
}
