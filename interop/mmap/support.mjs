// What the programs of this folder share. They run in Node, Bun and Deno, on the built package.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout } from "node:timers/promises";
import { nativeStatus } from "@stowage/mmap";

export const PAGE = 4096;
export const GIB = 2 ** 30;

/** The addon's own count of maps that are not undone yet. */
export function liveMaps() {
  const name = `../../packages/mmap/native/stowage-mmap.${process.platform}-${process.arch}.node`;
  return createRequire(import.meta.url)(name).liveMaps();
}

/** Without the addon nothing here would be tried. */
export function requireAddon() {
  const { available, reason } = nativeStatus();
  if (!available) throw new Error(`The addon is not in use: ${reason}`);
}

/**
 * A line of /proc/self/status, in kB.
 *
 * @param {string} name  Such as "RssAnon".
 */
export function memory(name) {
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]);
}

/**
 * Descriptors and maps of this process that lead to a path.
 *
 * @param {string} path
 */
export function traces(path) {
  const descriptors = readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(path);
    } catch {
      return false; // that of the listing itself
    }
  });
  const maps = readFileSync("/proc/self/maps", "utf8").split("\n");
  return { descriptors: descriptors.length, maps: maps.filter((line) => line.includes(path)).length };
}

/**
 * Collects garbage until something is as it should be, or long enough.
 *
 * @param {() => boolean} isDone
 */
export async function collectUntil(isDone) {
  for (let round = 0; round < 200 && !isDone(); round++) {
    if (globalThis.Bun) globalThis.Bun.gc(true);
    else globalThis.gc();
    await setTimeout(10);
  }
}

/**
 * The code of the error that an action throws; `null` if it throws none.
 *
 * @param {() => unknown} action
 */
export function codeOf(action) {
  try {
    action();
    return null;
  } catch (error) {
    return /** @type {{ code?: unknown }} */ (error).code ?? error;
  }
}
