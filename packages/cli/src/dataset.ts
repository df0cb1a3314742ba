import { readdirSync, realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  type BackendSpec,
  backendByName,
  fileError,
  type OpenOptions,
  openStore,
  type RowStore,
  resolveBackend,
  StowageError,
  type TaskOptions,
} from "@stowage/core";
import { usageError } from "./exit.js";
import type { SourceOptions } from "./source-options.js";

/** Packages resolve from this package, which depends on them; from core they need not be in reach. */
export const importPackage = (name: string): Promise<unknown> => import(name);

/** Whether a path is a URL: nothing on this machine to look at beforehand. */
export function isUrl(path: string): boolean {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(path);
}

/**
 * Opens a dataset for reading.
 *
 * @throws {StowageError} ERR_FILE_MISSING before anything is guessed from the name, or what the backend throws.
 */
export async function openDataset(
  path: string,
  { from, group, recover }: SourceOptions,
  task: TaskOptions = {},
): Promise<RowStore> {
  if (!isUrl(path)) statOf(path);
  const backend = from === undefined ? undefined : await backendByName(from, importPackage);
  // Options of single backends travel along untyped: each takes those it knows.
  const options: OpenOptions & TaskOptions & { recover?: boolean } = recover ? { ...task, recover } : task;
  return openStore(path, { ...options, group, backend, importPackage });
}

/**
 * The format to write: by name, or by what the output's name says.
 *
 * @throws {StowageError} ERR_FORMAT_UNKNOWN, or ERR_PACKAGE_MISSING.
 */
export async function targetBackend(output: string, format?: string): Promise<BackendSpec> {
  return format === undefined ? resolveBackend(output, importPackage) : backendByName(format, importPackage);
}

/**
 * The groups of a dataset's path, sorted; none where its format has no groups.
 *
 * @throws {StowageError} ERR_FILE_MISSING, or what the backend throws.
 */
export async function groupsOf(path: string, from?: string): Promise<string[]> {
  if (!isUrl(path)) statOf(path);
  const backend =
    from === undefined ? await resolveBackend(path, importPackage) : await backendByName(from, importPackage);
  return (await backend.listGroups?.(path)) ?? [];
}

/** Whether two paths name one file or folder, through links too. A path where nothing is yet is itself. */
export function isSameFile(a: string, b: string): boolean {
  if (isUrl(a) || isUrl(b)) return a === b;
  return realPath(a) === realPath(b);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

/** Bytes on disk, a folder's files added up; `null` for what is not on this machine. */
export function sizeOnDisk(path: string): number | null {
  if (isUrl(path)) return null;
  const stat = statOf(path);
  if (!stat.isDirectory()) return stat.size;
  let size = 0;
  for (const entry of readdirSync(path, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) size += statSync(join(entry.parentPath ?? entry.path, entry.name)).size;
  }
  return size;
}

function statOf(path: string): import("node:fs").Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw fileError(error, "open", path);
  }
}

/**
 * Checks keys that were given on the command line: a mistyped key would else select nothing in silence.
 *
 * @throws {StowageError} ERR_OPTION with the keys that come nearest.
 */
export function checkKeys(keys: readonly string[], known: readonly string[], path: string): void {
  for (const key of keys) {
    if (known.includes(key)) continue;
    const near = known.filter((candidate) => isNear(key, candidate));
    const shown = (near.length > 0 ? near : known).slice(0, 8);
    const more = near.length === 0 && known.length > shown.length ? ", …" : "";
    const hint =
      near.length > 0 ? `did you mean ${shown.join(" or ")}?` : `it has ${shown.join(", ")}${more}`;
    throw usageError(`Cannot find key "${key}" in ${path}`, "keys", key, known.length > 0 ? hint : undefined);
  }
}

/** Whether somebody who wrote `wanted` may have meant `candidate`: the same last part, or nearly the same text. */
function isNear(wanted: string, candidate: string): boolean {
  const [a, b] = [wanted.toLowerCase(), candidate.toLowerCase()];
  return (
    b.endsWith(`.${a}`) || lastPart(a) === lastPart(b) || (a.length > 3 && (a.includes(b) || b.includes(a)))
  );
}

function lastPart(key: string): string {
  return key.slice(key.lastIndexOf(".") + 1);
}

/** Marks an error with the dataset it belongs to, for stores that do not say. */
export function unsupported(feature: string, message: string, hint?: string): StowageError {
  return new StowageError("ERR_UNSUPPORTED", message, { feature }, { hint });
}
