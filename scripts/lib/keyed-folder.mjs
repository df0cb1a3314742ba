import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";

/**
 * A folder made once for what it is made from: `<name>-<hash>`.
 *
 * It is made under a temporary name and renamed when complete, so that an interrupted run leaves nothing that looks
 * finished. What older inputs and interrupted runs left under this name is removed.
 *
 * @param {string} parent
 * @param {string} name
 * @param {string} hash
 * @param {(folder: string) => Promise<void>} make  Rejects if it cannot.
 * @returns {Promise<string>}
 */
export async function keyedFolder(parent, name, hash, make) {
  const folder = path.join(parent, `${name}-${hash}`);
  if (existsSync(folder)) return folder;
  await mkdir(parent, { recursive: true });
  const unfinished = path.join(parent, `${name}.${process.pid}.unfinished`);
  try {
    await make(unfinished);
    await rename(unfinished, folder).catch((error) => {
      // Another process made the same folder meanwhile: theirs is as good.
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  for (const entry of await readdir(parent)) {
    if (entry !== path.basename(folder) && isLeftover(name, entry)) {
      await rm(path.join(parent, entry), { recursive: true, force: true });
    }
  }
  return folder;
}

/**
 * @param {string} name
 * @param {string} entry
 */
function isLeftover(name, entry) {
  if (!entry.startsWith(name)) return false;
  const rest = entry.slice(name.length);
  const maker = /^\.(\d+)\.unfinished$/.exec(rest)?.[1];
  return /^-[0-9a-f]{16}$/.test(rest) || (maker !== undefined && !isRunning(Number(maker)));
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}
