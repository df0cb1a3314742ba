import { type BackendSpec, defineBackend, type OpenOptions, type RowStore, toAsync } from "./backend.js";
import { closed, readOnly, StowageError } from "./errors.js";
import { blobTier, type MemoryTier, objectTier, withoutKeys } from "./memory-tier.js";
import type { Row } from "./row.js";
import { columnFromValues } from "./row-column.js";

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
  return new MemoryDataset(rows, name, writable, forget).store();
}

/** What the stores of one opening share. */
class MemoryDataset {
  #open = true;

  constructor(
    readonly rows: Row[],
    readonly name: string,
    readonly writable: boolean,
    readonly forget: () => void,
  ) {}

  /** The rows as values. */
  store(): RowStore<"sync"> {
    return Object.assign(this.#tier(objectTier(this.name)), { blobs: () => this.#tier(blobTier) });
  }

  #tier(tier: MemoryTier): RowStore<"sync"> {
    const { rows, name } = this;
    return {
      name,
      backend: "memory",
      capabilities: CAPABILITIES,
      warnings: [],
      count: () => this.#read().length,
      getMany: (indices, keys) => {
        return this.#rowsAt(indices).map((row) => tier.read(row, keys));
      },
      schema: () => tier.schema(this.#read()),
      column: (key, indices) =>
        columnFromValues(
          key,
          this.#rowsAt(indices).map((row) => tier.value(row, key)),
        ),
      append: (added) => {
        this.#write();
        // All of it before anything is added. Not push(...kept): arguments live on the stack.
        const kept = added.map(tier.write);
        for (const row of kept) rows.push(row);
      },
      insert: (index, added) => {
        this.#write();
        if (index !== rows.length) this.#rowsAt([index]);
        replaceAll(rows, rows.slice(0, index).concat(added.map(tier.write), rows.slice(index)));
      },
      set: (indices, given) => {
        this.#write();
        this.#rowsAt(indices);
        const kept = given.map(tier.write);
        for (let i = 0; i < indices.length; i++) rows[indices[i]!] = kept[i]!;
      },
      update: (indices, patches) => {
        this.#write();
        const patched = this.#rowsAt(indices).map((row, i) => tier.patched(row, patches[i]!));
        for (const [i, row] of patched.entries()) rows[indices[i]!] = row;
      },
      delete: (indices) => {
        this.#write();
        this.#rowsAt(indices);
        const gone = new Set(Array.from(indices));
        replaceAll(
          rows,
          rows.filter((_, i) => !gone.has(i)),
        );
      },
      drop: (keys, indices) => {
        this.#write();
        const dropped = new Set(keys);
        this.#rowsAt(indices).forEach((row, i) => {
          rows[indices[i]!] = withoutKeys(row, dropped);
        });
      },
      clear: () => {
        this.#write().length = 0;
      },
      destroy: () => {
        this.#write().length = 0;
        this.#open = false;
        this.forget();
      },
      flush: () => {
        this.#read();
      },
      close: () => {
        this.#open = false;
      },
    };
  }

  /** @throws {StowageError} ERR_CLOSED */
  #read(): Row[] {
    if (!this.#open) throw closed(this.name);
    return this.rows;
  }

  /** @throws {StowageError} ERR_CLOSED, ERR_READ_ONLY */
  #write(): Row[] {
    const rows = this.#read();
    if (!this.writable) throw readOnly(this.name);
    return rows;
  }

  /** Checks all before anything changes: a call does all or nothing. @throws {StowageError} ERR_CLOSED, ERR_INDEX_RANGE */
  #rowsAt(indices: ArrayLike<number>): Row[] {
    const rows = this.#read();
    const found: Row[] = new Array(indices.length);
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i]!;
      const row = rows[index];
      if (row === undefined) {
        throw new StowageError(
          "ERR_INDEX_RANGE",
          `Cannot read row ${index} of ${this.name}: it has ${rows.length} rows`,
          { index, length: rows.length },
        );
      }
      found[i] = row;
    }
    return found;
  }
}

/** In place, since other stores of the same dataset have the same list; not by arguments, which live on the stack. */
function replaceAll(rows: Row[], others: readonly Row[]): void {
  rows.length = others.length;
  for (let i = 0; i < others.length; i++) rows[i] = others[i]!;
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
