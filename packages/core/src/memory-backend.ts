import { type BackendSpec, defineBackend, type OpenOptions, type RowStore, toAsync } from "./backend.js";
import { closed, readOnly, StowageError } from "./errors.js";
import { type Row, setKey } from "./row.js";
import { schemaOfRows } from "./row-schema.js";

const CAPABILITIES = { create: true, append: true, perAtomExtras: true, nested: true, edit: true } as const;
const DEFAULT_GROUP = "default";

/** Named datasets of this process by path, `memory://name`, and group. */
const datasets = new Map<string, Map<string, Row[]>>();

/**
 * Rows in memory, given and returned as they are (not copied).
 *
 * @example
 * ```ts
 * const store = memoryStore([{ "calc.energy": -1.5 }]);
 * store.count(); // 1
 * ```
 */
export function memoryStore(
  rows: Row[] = [],
  name = "memory",
  writable = true,
  forget: () => void = () => {},
): RowStore<"sync"> {
  let open = true;
  const checkOpen = (): void => {
    if (!open) throw closed(name);
  };
  const checkWritable = (): void => {
    checkOpen();
    if (!writable) throw readOnly(name);
  };
  const rowAt = (index: number): Row => {
    const row = rows[index];
    if (row !== undefined) return row;
    throw new StowageError(
      "ERR_INDEX_RANGE",
      `Cannot read row ${index} of ${name}: it has ${rows.length} rows`,
      { index, length: rows.length },
    );
  };
  /** Checks all before anything changes: a call does all or nothing. */
  const rowsAt = (indices: ArrayLike<number>): Row[] => Array.from(indices, rowAt);
  return {
    name,
    backend: "memory",
    capabilities: CAPABILITIES,
    warnings: [],
    count: () => {
      checkOpen();
      return rows.length;
    },
    getMany: (indices, keys) => {
      checkOpen();
      const found = rowsAt(indices);
      return keys === undefined ? found : found.map((row) => pickKeys(row, keys));
    },
    schema: () => {
      checkOpen();
      return schemaOfRows(rows);
    },
    append: (added) => {
      checkWritable();
      // Not push(...added): arguments live on the stack. Not for-of: a store may be appended to itself.
      const { length } = added;
      for (let i = 0; i < length; i++) rows.push(added[i]!);
    },
    insert: (index, added) => {
      checkWritable();
      if (index !== rows.length) rowAt(index);
      replaceAll(rows, rows.slice(0, index).concat(added, rows.slice(index)));
    },
    set: (indices, given) => {
      checkWritable();
      rowsAt(indices);
      for (let i = 0; i < indices.length; i++) rows[indices[i]!] = given[i]!;
    },
    update: (indices, patches) => {
      checkWritable();
      // New rows: whoever was given the old ones keeps them as they were.
      rowsAt(indices).forEach((row, i) => {
        rows[indices[i]!] = withKeys(row, patches[i]!);
      });
    },
    delete: (indices) => {
      checkWritable();
      rowsAt(indices);
      const gone = new Set(Array.from(indices));
      replaceAll(
        rows,
        rows.filter((_, i) => !gone.has(i)),
      );
    },
    drop: (keys, indices) => {
      checkWritable();
      const dropped = new Set(keys);
      rowsAt(indices).forEach((row, i) => {
        rows[indices[i]!] = pickKeys(
          row,
          Object.keys(row).filter((key) => !dropped.has(key)),
        );
      });
    },
    clear: () => {
      checkWritable();
      rows.length = 0;
    },
    destroy: () => {
      checkWritable();
      rows.length = 0;
      open = false;
      forget();
    },
    flush: checkOpen,
    close: () => {
      open = false;
    },
  };
}

/** In place, since other stores of the same dataset have the same list; not by arguments, which live on the stack. */
function replaceAll(rows: Row[], others: readonly Row[]): void {
  rows.length = others.length;
  for (let i = 0; i < others.length; i++) rows[i] = others[i]!;
}

/** A copy of a row with the keys of a patch. */
function withKeys(row: Row, patch: Row): Row {
  const merged = { ...row };
  for (const [key, value] of Object.entries(patch)) setKey(merged, key, value);
  return merged;
}

/** Only these keys of a row; those it does not have are left out. */
export function pickKeys(row: Row, keys: readonly string[]): Row {
  const picked: Row = {};
  for (const key of keys) if (Object.hasOwn(row, key)) setKey(picked, key, row[key]!);
  return picked;
}

function openMemory(path: string, options: OpenOptions = {}): RowStore<"sync"> {
  const { mode = "r", overwrite = false, group = DEFAULT_GROUP } = options;
  const groups = datasets.get(path) ?? new Map<string, Row[]>();
  const known = groups.get(group);
  if (mode === "r" && known === undefined) {
    throw new StowageError("ERR_FILE_MISSING", `Cannot open ${path}: no dataset of that name was made`, {
      path,
    });
  }
  if (mode === "w" && known !== undefined && !overwrite) {
    throw new StowageError(
      "ERR_FILE_EXISTS",
      `Cannot create ${path}: the dataset exists`,
      { path },
      { hint: "choose another name, or pass overwrite: true" },
    );
  }
  const rows = mode === "w" || known === undefined ? [] : known;
  datasets.set(path, groups);
  groups.set(group, rows);
  return memoryStore(rows, path, mode !== "r", () => {
    groups.delete(group);
    if (groups.size === 0) datasets.delete(path);
  });
}

/** Rows in memory, by name: `memory://scratch`. Gone with the process. */
export const memory: BackendSpec<"memory"> = defineBackend({
  name: "memory",
  extensions: [],
  schemes: ["memory"],
  capabilities: CAPABILITIES,
  openSync: openMemory,
  listGroups: async (path: string) => [...(datasets.get(path)?.keys() ?? [])].sort(),
  open: async (path: string, options?: OpenOptions): Promise<RowStore> => toAsync(openMemory(path, options)),
});
