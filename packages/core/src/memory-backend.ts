import { type BackendSpec, defineBackend, type OpenOptions, type RowStore, toAsync } from "./backend.js";
import { PER_ATOM_RESULTS } from "./calculator.js";
import { closed, readOnly, StowageError } from "./errors.js";
import { type Field, fieldOf, mergeFields, type Row, type RowSchema, setKey } from "./row.js";

const CAPABILITIES = { create: true, append: true, perAtomExtras: true, nested: true } as const;

/** Named datasets of this process: `memory://name`. */
const datasets = new Map<string, Row[]>();

/**
 * Rows in memory, given and returned as they are (not copied).
 *
 * @example
 * ```ts
 * const store = memoryStore([{ "calc.energy": -1.5 }]);
 * store.count(); // 1
 * ```
 */
export function memoryStore(rows: Row[] = [], name = "memory", writable = true): RowStore<"sync"> {
  let open = true;
  const checkOpen = (): void => {
    if (!open) throw closed(name);
  };
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
      return Array.from(indices, (index) => {
        const row = rows[index];
        if (row !== undefined) return keys === undefined ? row : pickKeys(row, keys);
        throw new StowageError(
          "ERR_INDEX_RANGE",
          `Cannot read row ${index} of ${name}: it has ${rows.length} rows`,
          { index, length: rows.length },
        );
      });
    },
    schema: () => {
      checkOpen();
      return schemaOfRows(rows);
    },
    append: (added) => {
      checkOpen();
      if (!writable) throw readOnly(name);
      // Not push(...added): arguments live on the stack. Not for-of: a store may be appended to itself.
      const { length } = added;
      for (let i = 0; i < length; i++) rows.push(added[i]!);
    },
    flush: checkOpen,
    close: () => {
      open = false;
    },
  };
}

/** Only these keys of a row; those it does not have are left out. */
export function pickKeys(row: Row, keys: readonly string[]): Row {
  const picked: Row = {};
  for (const key of keys) if (Object.hasOwn(row, key)) setKey(picked, key, row[key]!);
  return picked;
}

/**
 * The union of the fields of rows, with the number of rows that miss each. A key with two types in different rows is
 * `json`, which holds anything.
 */
export function schemaOfRows(rows: Iterable<Row>): RowSchema {
  const fields = new Map<string, { field: Field; present: number }>();
  let count = 0;
  for (const row of rows) {
    count++;
    for (const [key, value] of Object.entries(row)) {
      const field = fieldOf(value, isPerAtomKey(key));
      const known = fields.get(key);
      if (known === undefined) fields.set(key, { field, present: 1 });
      else {
        known.field = mergeFields(known.field, field) ?? { ...field, dtype: "json", shape: [] };
        known.present++;
      }
    }
  }
  const schema: RowSchema = {};
  for (const [key, { field, present }] of fields) setKey(schema, key, { ...field, missing: count - present });
  return schema;
}

/** Whether a row key holds one value an atom, as far as its name tells. */
export function isPerAtomKey(key: string): boolean {
  return key.startsWith("arrays.") || (key.startsWith("calc.") && PER_ATOM_RESULTS.has(key.slice(5)));
}

function openMemory(path: string, options: OpenOptions = {}): RowStore<"sync"> {
  const { mode = "r", overwrite = false } = options;
  const known = datasets.get(path);
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
  datasets.set(path, rows);
  return memoryStore(rows, path, mode !== "r");
}

/** Rows in memory, by name: `memory://scratch`. Gone with the process. */
export const memory: BackendSpec<"memory"> = defineBackend({
  name: "memory",
  extensions: [],
  schemes: ["memory"],
  capabilities: CAPABILITIES,
  openSync: openMemory,
  open: async (path: string, options?: OpenOptions): Promise<RowStore> => toAsync(openMemory(path, options)),
});
