import {
  type BackendSpec,
  columnFromValues,
  defineBackend,
  exactIndices,
  type Field,
  fileError,
  fileExists,
  ndarray,
  nodeFs,
  type OpenOptions,
  type Row,
  type RowSchema,
  type RowStore,
  schemaOfBlobs,
  setKey,
  toAsync,
} from "@stowage/core";
import { DEFAULT_GROUP, groupFolder, listGroups } from "./groups.js";
import { LmdbRows } from "./lmdb-rows.js";
import { DroppedNames } from "./losses.js";
import { BLOBS, type FieldCodec, keyOf, nameOf, rowMaker, VALUES, valueMaker } from "./object-rows.js";

const CAPABILITIES = {
  create: true,
  append: true,
  perAtomExtras: true,
  nested: true,
  edit: true,
} as const;
/** Rows decoded together while the schema is gathered. */
const SCAN_ROWS = 256;
const BYTES: Field = { dtype: "uint8", shape: [null], perAtom: false };

/**
 * Opens an asebytes store in LMDB as rows of values.
 *
 * Every call sees the newest commit, and every call that writes is one: other processes see it at once.
 *
 * @throws {StowageError} ERR_FILE_MISSING, ERR_FILE_EXISTS, ERR_LMDB_FORMAT, ERR_LMDB_VERSION, ERR_LMDB_LAYOUT; for
 * writing also ERR_NATIVE_REQUIRED, ERR_FILE_ACCESS, ERR_LMDB_WRITE
 */
export function openLmdbStore(path: string, options: OpenOptions = {}): RowStore<"sync"> {
  const { mode = "r", group = DEFAULT_GROUP, unsupported = "error" } = options;
  if (mode === "w") checkAbsent(path, group, options.overwrite);
  const rows = LmdbRows.open(path, { group, mode: mode === "r" ? "r" : "r+" });
  try {
    if (mode === "w") rows.clear();
  } catch (error) {
    rows.close();
    throw error;
  }
  const dropped = unsupported === "drop" ? new DroppedNames() : null;
  const shared = { path, folder: groupFolder(path, group), rows, dropped };
  return { ...storeOf(shared, VALUES), blobs: () => storeOf(shared, BLOBS) };
}

interface Shared {
  readonly path: string;
  readonly folder: string;
  readonly rows: LmdbRows;
  /** `null`: what does not fit is refused. */
  readonly dropped: DroppedNames | null;
}

function storeOf({ path, folder, rows, dropped }: Shared, codec: FieldCodec): RowStore<"sync"> {
  const encode = (given: readonly Row[]) => {
    const encoded = codec.encode(given);
    return dropped === null ? encoded : encoded.map((row) => dropped.without(row));
  };
  const maker = rowMaker(codec);
  const exact = (indices: ArrayLike<number>): ArrayLike<number> =>
    exactIndices(indices, () => rows.length, path);
  const getMany = (indices: ArrayLike<number>, keys?: readonly string[]): Row[] => {
    rows.refresh();
    return rows.read(exact(indices), keys?.map(nameOf), maker);
  };
  return {
    name: path,
    backend: "lmdb",
    capabilities: CAPABILITIES,
    warnings: [],
    count: () => {
      rows.refresh();
      return rows.length;
    },
    getMany,
    ...(codec === BLOBS ? { schema: () => blobSchema(rows) } : typesOfValues(rows)),
    column: (key, indices) => {
      rows.refresh();
      exact(indices);
      const floats = codec === VALUES && indices.length > 0 ? rows.readFloats(indices, nameOf(key)) : null;
      if (floats !== null) return { key, missing: null, values: ndarray(floats) };
      return columnFromValues(key, rows.readField(indices, nameOf(key), valueMaker(codec)));
    },
    append: (added) => rows.append(encode(added)),
    insert: (index, added) => rows.insert(index, encode(added)),
    set: (indices, given) => rows.set(exact(indices), encode(given)),
    update: (indices, patches) => rows.update(exact(indices), encode(patches)),
    delete: (indices) => rows.delete(exact(indices)),
    drop: (keys, indices) => rows.drop(keys.map(nameOf), exact(indices)),
    clear: () => rows.clear(),
    destroy: () => {
      rows.clear();
      rows.close();
      removeGroup(path, folder);
    },
    flush: () => rows.flush(),
    losses: () => dropped?.notes ?? [],
    close: () => rows.close(),
  };
}

/** Values tell their types only when they are looked at: once a commit. */
function typesOfValues(rows: LmdbRows): Required<Pick<RowStore<"sync">, "schema" | "types">> {
  let known: { readonly txnId: number; readonly fields: RowSchema } | null = null;
  const scanned = (from: number): RowSchema => schemaOfBlobs(scan(rows, from));
  return {
    schema: () => {
      rows.refresh();
      const { txnId } = rows;
      if (known?.txnId !== txnId) known = { txnId, fields: scanned(0) };
      return known.fields;
    },
    // The last rows: those to come are like them.
    types: () => {
      rows.refresh();
      return known?.txnId === rows.txnId ? known.fields : scanned(Math.max(0, rows.length - SCAN_ROWS));
    },
  };
}

function blobSchema(rows: LmdbRows): RowSchema {
  rows.refresh();
  const { length, fields } = rows;
  const present = new Map<string, number>();
  for (let row = 0; row < length; row++) {
    for (const name of rows.keys(row)) present.set(name, (present.get(name) ?? 0) + 1);
  }
  const schema: RowSchema = {};
  for (const name of fields) {
    const count = present.get(name);
    if (count !== undefined) setKey(schema, keyOf(name), { ...BYTES, missing: length - count });
  }
  return schema;
}

/** Rows of bytes from one on, read in batches. */
function* scan(rows: LmdbRows, from: number): Generator<Row> {
  const maker = rowMaker(BLOBS);
  const { length } = rows;
  for (let start = from; start < length; start += SCAN_ROWS) {
    const indices = Array.from({ length: Math.min(SCAN_ROWS, length - start) }, (_, i) => start + i);
    yield* rows.read(indices, undefined, maker);
  }
}

function checkAbsent(path: string, group: string, overwrite = false): void {
  if (!overwrite && listGroups(path).includes(group)) throw fileExists(groupFolder(path, group));
}

/** The group's folder, and that of the groups if it was the last. What else lies in them stays. */
function removeGroup(path: string, folder: string): void {
  const fs = nodeFs();
  try {
    for (const file of ["data.mdb", "lock.mdb"]) fs.rmSync(`${folder}/${file}`, { force: true });
    for (const each of [folder, path]) if (fs.readdirSync(each).length === 0) fs.rmdirSync(each);
  } catch (error) {
    throw fileError(error, "remove", folder);
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
