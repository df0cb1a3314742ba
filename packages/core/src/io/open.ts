import { type BackendSpec, type Mode, type OpenOptions, type RowStore, toAsync } from "../backend.js";
import { StowageError } from "../errors.js";
import {
  checkGroup,
  type ImportPackage,
  openStore,
  resolveBackend,
  resolveBackendSync,
} from "../registry.js";
import { type CacheCounts, cachedStore } from "./cached-store.js";
import type { ColumnMapping } from "./column-mapping.js";
import { mappedStore, storedSchema } from "./mapped-store.js";
import { objectToBlob } from "./object-to-blob.js";

/** What all facades take. */
export interface IOOptions extends OpenOptions {
  /** Which backend, instead of the one that the path tells. */
  backend?: BackendSpec;
  importPackage?: ImportPackage;
  /** Other names that the dataset has for its columns. */
  mapping?: ColumnMapping;
  /**
   * With mode `"r"`: where rows are kept once they were read, a path or an open store. It must be one whose rows can be
   * set, and belongs to this source alone: rows are kept by their places.
   */
  cacheTo?: string | RowStore | RowStore<"sync">;
}

/** An open store, and whether it may be written. */
export interface Opened<S> {
  readonly store: S;
  readonly writable: boolean;
  /** `null` without a cache. */
  readonly cache: CacheCounts | null;
}

/** What a kind of facade sees of a store. */
export type Tier = <M extends Mode>(store: RowStore<M>) => RowStore<M>;

/** Rows of values. */
export const asObjects: Tier = (store) => store;

/** Rows of bytes. */
export const asBlobs: Tier = (store) => store.blobs?.() ?? objectToBlob(store);

/** @throws {StowageError} ERR_FORMAT_UNKNOWN, ERR_PACKAGE_MISSING, ERR_UNSUPPORTED, or what the backend throws. */
export async function openFor(path: string, options: IOOptions, tier: Tier): Promise<Opened<RowStore>> {
  const { backend = await resolveBackend(path, options.importPackage), cacheTo, ...others } = options;
  const { importPackage, mapping, ...given } = others;
  const rest = forStore(given, mapping);
  checkGroup(backend, rest.group);
  checkCache(cacheTo, rest);
  const store = tier(mapped(await backend.open(path, rest), mapping));
  const writable = isWritable(rest);
  if (cacheTo === undefined) return { store, writable, cache: null };
  return closingOnError(store, async () => {
    const cache =
      typeof cacheTo === "string"
        ? await openStore(cacheTo, { mode: "r+", importPackage })
        : asAsync(cacheTo);
    const cached = cachedStore(store, tier(cache));
    return { store: cached.store, writable, cache: cached.counts };
  });
}

/** @throws {StowageError} As {@link openFor}; ERR_UNSUPPORTED where the backend answers by promise only. */
export function openForSync(path: string, options: IOOptions, tier: Tier): Opened<RowStore<"sync">> {
  const { backend = resolveBackendSync(path), cacheTo, importPackage: _, mapping, ...given } = options;
  const rest = forStore(given, mapping);
  checkGroup(backend, rest.group);
  checkCache(cacheTo, rest);
  const store = tier(mapped(openAtOnce(backend, path, rest), mapping));
  const writable = isWritable(rest);
  if (cacheTo === undefined) return { store, writable, cache: null };
  try {
    const cache =
      typeof cacheTo === "string"
        ? openAtOnce(resolveBackendSync(cacheTo), cacheTo, { mode: "r+" })
        : asSync(cacheTo);
    const cached = cachedStore(store, tier(cache));
    return { store: cached.store, writable, cache: cached.counts };
  } catch (error) {
    store.close();
    throw error;
  }
}

function mapped<M extends Mode>(store: RowStore<M>, mapping: ColumnMapping | undefined): RowStore<M> {
  return mapping === undefined ? store : mappedStore(store, mapping);
}

/** Options as the backend understands them: by the names of its columns. */
function forStore(options: OpenOptions, mapping: ColumnMapping | undefined): OpenOptions {
  if (mapping === undefined || options.schema === undefined) return options;
  return { ...options, schema: storedSchema(options.schema, mapping) };
}

function openAtOnce(backend: BackendSpec, path: string, options: OpenOptions): RowStore<"sync"> {
  if (backend.openSync !== undefined) return backend.openSync(path, options);
  throw notSync(path, backend.name);
}

function notSync(name: string, backend: string): StowageError<"ERR_UNSUPPORTED"> {
  return new StowageError(
    "ERR_UNSUPPORTED",
    `Cannot open ${name} at once: ${backend} data is read by promise`,
    { feature: "openSync" },
    { hint: "use the facade without Sync in its name" },
  );
}

async function closingOnError<T>(store: RowStore, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    await store.close();
    throw error;
  }
}

function asAsync(store: RowStore | RowStore<"sync">): RowStore {
  return isSyncStore(store) ? toAsync(store) : store;
}

function asSync(store: RowStore | RowStore<"sync">): RowStore<"sync"> {
  if (isSyncStore(store)) return store;
  throw notSync(store.name, store.backend);
}

function isSyncStore(store: RowStore | RowStore<"sync">): store is RowStore<"sync"> {
  const count = store.count();
  if (typeof count === "number") return true;
  // Only what it is counts here; whoever reads sees the failure.
  count.catch(() => {});
  return false;
}

/** A cache of rows that change would give old ones. */
function checkCache(cacheTo: IOOptions["cacheTo"], { mode = "r" }: OpenOptions): void {
  if (cacheTo === undefined || mode === "r") return;
  throw new StowageError(
    "ERR_OPTION",
    `Cannot use cacheTo with mode "${mode}": rows that are kept would not follow what is written`,
    { option: "cacheTo", value: typeof cacheTo === "string" ? cacheTo : cacheTo.name },
    { hint: 'open the source with mode: "r"' },
  );
}

/** The groups of a path, sorted; a backend without groups has none. */
export async function listGroups(path: string, options: IOOptions = {}): Promise<string[]> {
  const { backend = await resolveBackend(path, options.importPackage) } = options;
  return (await backend.listGroups?.(path)) ?? [];
}

function isWritable({ mode = "r" }: OpenOptions): boolean {
  return mode !== "r";
}
