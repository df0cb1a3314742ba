import type { BackendSpec, OpenOptions, RowStore } from "./backend.js";
import { CATALOG, type CatalogEntry } from "./catalog.js";
import { quote, StowageError } from "./errors.js";
import { FileSource } from "./file-source.js";
import { nodeFs } from "./file-system.js";
import { memory } from "./memory-backend.js";

/** What a package of backends exports by default. */
export interface Plugin {
  readonly name: string;
  readonly backends: readonly BackendSpec[];
}

/** Declares a plugin. An identity function: it exists so that literal types are inferred. */
export function definePlugin<const P extends Plugin>(plugin: P): P {
  return plugin;
}

/** Loads a package by name; replaced where packages resolve from elsewhere (the CLI's own, say). */
export type ImportPackage = (name: string) => Promise<unknown>;

const registered: BackendSpec[] = [memory];

/** Makes the backends of a plugin known to `openStore`. A backend of the same name is replaced. */
export function registerPlugin(plugin: Plugin): void {
  for (const backend of plugin.backends) {
    const at = registered.findIndex(({ name }) => name === backend.name);
    if (at < 0) registered.push(backend);
    else registered[at] = backend;
  }
}

/**
 * Opens a dataset with the backend that fits: by scheme, then by extension, then by its first bytes.
 *
 * @throws {StowageError} ERR_FORMAT_UNKNOWN, ERR_PACKAGE_MISSING, or what the backend throws.
 *
 * @example
 * ```ts
 * const store = await openStore("water.atp");
 * console.log(await store.count());
 * await store.close();
 * ```
 */
export async function openStore(
  path: string,
  options: OpenOptions & { backend?: BackendSpec; importPackage?: ImportPackage } = {},
): Promise<RowStore> {
  const { backend = await resolveBackend(path, options.importPackage), importPackage: _, ...rest } = options;
  checkGroup(backend, rest.group);
  return backend.open(path, rest);
}

/** @throws {StowageError} ERR_UNSUPPORTED for a group of something that has none. */
export function checkGroup({ name, listGroups: groups }: BackendSpec, group: string | undefined): void {
  if (group === undefined || groups !== undefined) return;
  throw new StowageError(
    "ERR_UNSUPPORTED",
    `Cannot open group "${group}": ${name} data has no groups`,
    { feature: "group" },
    { hint: "leave out the option group, and take one file a group" },
  );
}

/** The backend for a path: by scheme, then by extension, then (where the file is there) by its first bytes. */
export async function resolveBackend(
  path: string,
  importPackage: ImportPackage = importByName,
): Promise<BackendSpec> {
  const found = findBackend(path);
  return "package" in found ? loadBackend(found, importPackage) : found;
}

/**
 * As {@link resolveBackend}, at once.
 *
 * @throws {StowageError} ERR_PACKAGE_MISSING, ERR_PACKAGE_LOAD also where the runtime cannot load packages at once:
 * then `registerPlugin` makes the backend known.
 */
export function resolveBackendSync(path: string): BackendSpec {
  const found = findBackend(path);
  return "package" in found ? loadBackendSync(found) : found;
}

function findBackend(path: string): BackendSpec | CatalogEntry {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(path)?.[1]?.toLowerCase();
  if (scheme !== undefined) {
    const backend = registered.find(({ schemes }) => schemes?.includes(scheme));
    if (backend) return backend;
    const schemes = registered.flatMap((backend) => backend.schemes ?? []).map((name) => `${name}://`);
    throw unknownFormat(
      path,
      `no backend is registered for ${scheme}://`,
      `known schemes: ${schemes.join(", ")}`,
    );
  }
  const extension = extensionOf(path);
  const byExtension = registered.find(({ extensions }) => extensions.includes(extension));
  if (byExtension) return byExtension;
  return CATALOG.find(({ extensions }) => extensions.includes(extension)) ?? sniffBackend(path);
}

/**
 * The backend of a name, for people who say which one they mean: registered, or of a package of the catalog.
 *
 * @throws {StowageError} ERR_OPTION naming the formats there are; ERR_PACKAGE_MISSING.
 */
export async function backendByName(
  name: string,
  importPackage: ImportPackage = importByName,
): Promise<BackendSpec> {
  const known = registered.find((backend) => backend.name === name);
  if (known) return known;
  const entry = CATALOG.find((candidate) => candidate.name === name);
  if (entry) return loadBackend(entry, importPackage);
  const names = [...new Set([...CATALOG, ...registered].map((candidate) => candidate.name))];
  throw new StowageError(
    "ERR_OPTION",
    `Cannot use format ${quote(name)}: it is not known`,
    { option: "format", value: name },
    { hint: `known formats: ${names.join(", ")}` },
  );
}

/** With the dot, lower case; of a folder too, whose path may end in a slash. */
function extensionOf(path: string): string {
  return /[^/\\](\.[^./\\]+)[/\\]*$/.exec(path)?.[1]?.toLowerCase() ?? "";
}

function sniffBackend(path: string): BackendSpec | CatalogEntry {
  if (!nodeFs().existsSync(path))
    throw unknownFormat(path, "its extension is unknown and there is no such file");
  const head = headOf(path);
  const start = new TextDecoder("latin1").decode(head.subarray(0, 16));
  const entry = CATALOG.find(({ magic }) => magic !== undefined && start.startsWith(magic));
  if (entry) return entry;
  for (const backend of registered) if (backend.sniff?.(head)) return backend;
  throw unknownFormat(path, "neither its extension nor its first bytes are known");
}

function headOf(path: string): Uint8Array {
  const source = FileSource.open(path);
  try {
    return source.readSync(0, Math.min(source.byteLength, 1 << 16));
  } finally {
    source.close();
  }
}

function knownExtensions(): string {
  const extensions = [...CATALOG, ...registered].flatMap((backend) => backend.extensions);
  return `known extensions: ${[...new Set(extensions)].join(", ")}`;
}

function unknownFormat(
  path: string,
  reason: string,
  hint: string = knownExtensions(),
): StowageError<"ERR_FORMAT_UNKNOWN"> {
  return new StowageError(
    "ERR_FORMAT_UNKNOWN",
    `Cannot tell the format of ${path}: ${reason}`,
    { path },
    { hint },
  );
}

async function loadBackend(entry: CatalogEntry, importPackage: ImportPackage): Promise<BackendSpec> {
  let module: unknown;
  try {
    module = await importPackage(entry.package);
  } catch (cause) {
    throw packageError(entry, cause);
  }
  return backendOf(entry, module);
}

function loadBackendSync(entry: CatalogEntry): BackendSpec {
  let module: unknown;
  try {
    module = requirePackage(entry.package);
  } catch (cause) {
    throw packageError(entry, cause);
  }
  return backendOf(entry, module);
}

/** Takes up the plugin that a package exports by default. */
function backendOf(entry: CatalogEntry, module: unknown): BackendSpec {
  const plugin = (module as { default?: Plugin }).default;
  if (plugin?.backends === undefined) {
    throw packageError(entry, new TypeError("its default export is not a plugin"));
  }
  registerPlugin(plugin);
  const backend = plugin.backends.find(({ name }) => name === entry.name);
  if (backend) return backend;
  throw new StowageError(
    "ERR_PACKAGE_LOAD",
    `Cannot load "${entry.package}": it has no backend "${entry.name}"`,
    { pkg: entry.package },
    { hint: `npm install ${entry.package}@latest` },
  );
}

/** Missing and broken are two errors: only the first is mended by installing. */
function packageError(entry: CatalogEntry, cause: unknown): StowageError {
  const { code, message } = (cause ?? {}) as { code?: string; message?: string };
  const notFound = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
  // In quotes: the package's own path is in the message when one of its dependencies is missing.
  if (notFound && ["'", '"'].some((mark) => message?.includes(mark + entry.package + mark))) {
    return new StowageError(
      "ERR_PACKAGE_MISSING",
      `Cannot open ${entry.name} data: package "${entry.package}" is not installed`,
      { pkg: entry.package },
      { hint: `npm install ${entry.package}`, cause },
    );
  }
  return new StowageError(
    "ERR_PACKAGE_LOAD",
    `Cannot load "${entry.package}": the package is installed but failed to start`,
    { pkg: entry.package },
    { cause },
  );
}

function requirePackage(name: string): unknown {
  const module = globalThis.process?.getBuiltinModule?.("node:module");
  if (module === undefined) throw new TypeError("this runtime loads packages by promise only");
  return module.createRequire(import.meta.url)(name);
}

function importByName(name: string): Promise<unknown> {
  return import(/* @vite-ignore */ /* webpackIgnore: true */ name);
}
