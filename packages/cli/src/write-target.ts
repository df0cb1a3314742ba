import { mkdirSync, realpathSync, rmSync, type Stats, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import {
  type BackendSpec,
  fileError,
  fileExists,
  type OpenOptions,
  publish,
  type RowStore,
  StowageError,
  temporaryName,
} from "@stowage/core";
import { isUrl, unsupported } from "./dataset.js";
import { removeLater } from "./scratch.js";

/** A dataset that is being written, and gets its final name when it is complete. */
export interface WriteTarget {
  readonly store: RowStore;
  /** Closes the store and gives the dataset its name. */
  commit(): Promise<void>;
  /**
   * Leaves nothing behind.
   *
   * @returns The error that made it necessary, naming the file that was asked for instead of the temporary one.
   */
  abandon(error: unknown): Promise<unknown>;
}

/**
 * Opens a new dataset in a temporary folder beside its final place: whatever the backend puts there (locks, temporary
 * files of its own) goes with the folder, and the final name appears in one step or not at all.
 *
 * A URL has no such place: there the backend itself writes under the final name.
 *
 * @throws {StowageError} ERR_FILE_EXISTS, ERR_FILE_ACCESS, ERR_UNSUPPORTED before anything is written.
 */
export async function createTarget(
  output: string,
  backend: BackendSpec,
  options: OpenOptions,
): Promise<WriteTarget> {
  if (!backend.capabilities.create) {
    throw unsupported("create", `Cannot write ${output}: format "${backend.name}" can only be read`);
  }
  const overwrite = options.overwrite ?? false;
  if (isUrl(output)) return urlTarget(await backend.open(output, { ...options, mode: "w" }));
  const path = finalPath(output, overwrite);
  const folder = resolve(temporaryName(path));
  const inside = join(folder, basename(path));
  try {
    mkdirSync(folder);
  } catch (error) {
    throw fileError(error, "create", output);
  }
  const forget = removeLater(folder);
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
    forget();
  };
  let store: RowStore;
  try {
    store = await backend.open(inside, { ...options, mode: "w", overwrite: false });
  } catch (error) {
    remove();
    throw renamed(error, inside, output);
  }
  return {
    store,
    async commit() {
      await store.close();
      try {
        publish(inside, path, overwrite);
      } catch (error) {
        throw fileError(error, "create", output);
      }
      remove();
    },
    async abandon(error) {
      try {
        await store.discard?.();
      } catch {
        // A store that failed may fail again: the first error is the one that tells.
      }
      remove();
      return renamed(error, inside, output);
    },
  };
}

function urlTarget(store: RowStore): WriteTarget {
  return {
    store,
    commit: async () => store.close(),
    abandon: async (error) => {
      await (store.discard ? store.discard() : store.close());
      return error;
    },
  };
}

/**
 * Where the bytes go: through a link to the file it means. What is neither a file nor absent (`/dev/null`, a folder)
 * is refused even with `overwrite`: a rename would replace the device itself.
 *
 * @throws {StowageError} ERR_FILE_EXISTS, ERR_FILE_ACCESS
 */
export function finalPath(output: string, overwrite: boolean): string {
  let stat: Stats;
  try {
    stat = statSync(output);
  } catch {
    return output;
  }
  if (!stat.isFile()) {
    const reason = stat.isDirectory() ? "it is a folder" : "it is not a regular file";
    throw new StowageError("ERR_FILE_ACCESS", `Cannot create ${output}: ${reason}`, { path: output, reason });
  }
  if (!overwrite) throw fileExists(output);
  return realpathSync(output);
}

/** Errors name the file that was asked for, not the place where it is being made. */
function renamed(error: unknown, temporaryPath: string, path: string): unknown {
  if (error instanceof Error && error.message.includes(temporaryPath)) {
    error.message = error.message.replaceAll(temporaryPath, path);
  }
  return error;
}
