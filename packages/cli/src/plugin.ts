import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Plugin, registerPlugin } from "@stowage/core";
import { usageError } from "./exit.js";

/**
 * Makes the formats of a package, or of a module file, known to every command.
 *
 * @throws {StowageError} ERR_OPTION where there is no such module, or its default export is no plugin.
 */
export async function loadPlugin(name: string): Promise<void> {
  let module: { default?: Plugin };
  try {
    module = (await import(locate(name))) as { default?: Plugin };
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw usageError(`Cannot load plugin "${name}": ${message.split("\n")[0]}`, "plugin", name);
  }
  if (!Array.isArray(module.default?.backends)) {
    throw usageError(`Cannot load plugin "${name}": its default export is not a plugin`, "plugin", name);
  }
  registerPlugin(module.default);
}

/** Files from the working folder; packages as a module there would find them, or as this one does. */
function locate(name: string): string {
  if (/^\.{0,2}[\\/]|^[a-z]:[\\/]/i.test(name)) return pathToFileURL(resolve(name)).href;
  try {
    return pathToFileURL(createRequire(join(process.cwd(), "stowage.js")).resolve(name)).href;
  } catch {
    return name;
  }
}
