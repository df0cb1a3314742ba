import { fileError, nodeFs, nodePath, StowageError } from "@stowage/core";
import { formatError, writeError } from "./errors.js";
import { type NativeEnvironment, nativeAddon, nativeStatus } from "./native.js";
import type { Snapshot } from "./snapshot.js";
import type { SyncEnvironment } from "./sync-environment.js";

/** How far a new file may grow before it is mapped anew, as with asebytes. */
const MAP_SIZE = 10 * 2 ** 30;

/**
 * An LMDB environment that can be written.
 *
 * LMDB itself (0.9, in the addon) only writes: what a change builds on is read by {@link SyncEnvironment}, which
 * trusts no byte, while no other process can commit.
 */
export class WriteEnvironment {
  readonly #native: NativeEnvironment;
  readonly #path: string;
  /** The file's number. */
  readonly #inode: bigint;
  #size = 0n;
  #ownTxnId = -1;

  /** Opens the environment in a folder, and makes it if there is none. @throws {StowageError} ERR_NATIVE_REQUIRED, … */
  constructor(folder: string) {
    this.#path = nodePath().join(folder, "data.mdb");
    this.#native = openNative(folder, this.#path);
    this.#inode = statOf(this.#path)?.ino ?? -1n;
  }

  /** Id of the last commit made here. */
  get ownTxnId(): number {
    return this.#ownTxnId;
  }

  /**
   * Commits what `draft` makes of the newest commit: see {@link Operations}. All or nothing, on disk before the next
   * commit; no bytes are no commit.
   *
   * @param draft  May be called more than once. It is told whether the newest commit is the one made here before.
   * @throws {StowageError} ERR_FILE_MISSING if the file was removed, ERR_FILE_ACCESS, ERR_LMDB_WRITE
   */
  write(reader: SyncEnvironment, draft: (isOwn: boolean) => Uint8Array): void {
    for (;;) {
      this.#attempt("begin", () => this.#native.begin());
      let operations: Uint8Array;
      let before: number;
      try {
        const grown = this.#checkThere();
        before = reader.newestTxnId;
        const isOwn = grown && before === this.#ownTxnId;
        if (!isOwn) this.#fill(reader.refresh());
        operations = draft(isOwn);
      } catch (error) {
        this.#native.abort();
        throw error;
      }
      if (operations.length === 0) {
        this.#native.abort();
        return;
      }
      // Too small a map has been made larger; another process may have committed since.
      if (!this.#attempt("commit", () => this.#native.commit(operations))) continue;
      // Not what is the newest now: others may have committed since.
      this.#ownTxnId = before + 1;
      reader.outdate();
      return;
    }
  }

  /** Makes durable what was committed. */
  flush(): void {
    this.#attempt("flush", () => this.#native.sync());
  }

  close(): void {
    this.#native.close();
  }

  /**
   * What is written to a file without a name is lost.
   *
   * @returns Whether the file is at least as long as before, as it is unless somebody cuts it.
   */
  #checkThere(): boolean {
    const { ino, size } = statOf(this.#path) ?? {};
    if (ino === this.#inode && size !== undefined) {
      const before = this.#size;
      this.#size = size;
      return size >= before;
    }
    throw new StowageError(
      "ERR_FILE_MISSING",
      `Cannot write ${this.#path}: it was removed, or replaced by another file, since it was opened`,
      { path: this.#path },
      { hint: "open the store again" },
    );
  }

  /** LMDB reads pages that the file lost as a fault of the process: zeros there are an error that can be told. */
  #fill({ meta, pages }: Snapshot): void {
    const { metaPage, lastPage, pageSize, mapSize } = meta;
    const needed = (lastPage + 1) * pageSize;
    if (pages.byteLength >= needed) return;
    if (needed > mapSize) {
      throw formatError(
        this.#path,
        metaPage,
        `last page ${lastPage}`,
        `a page within the map's ${mapSize} bytes`,
      );
    }
    try {
      nodeFs().truncateSync(this.#path, needed);
    } catch (error) {
      throw fileError(error, "write", this.#path);
    }
  }

  #attempt<T>(what: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw writeError(this.#path, what, error);
    }
  }
}

function statOf(path: string): { ino: bigint; size: bigint } | undefined {
  return nodeFs().statSync(path, { bigint: true, throwIfNoEntry: false });
}

function openNative(folder: string, path: string): NativeEnvironment {
  const addon = nativeAddon();
  if (addon === null) {
    const { reason } = nativeStatus();
    throw new StowageError(
      "ERR_NATIVE_REQUIRED",
      `Cannot write ${path}: writing LMDB takes the native addon of @stowage/lmdb; ${reason}`,
      { feature: "writing LMDB", reason },
      { hint: "stowage info --env says more; reading works without it" },
    );
  }
  try {
    nodeFs().mkdirSync(folder, { recursive: true });
    // Whatever LMDB would meet in there, and the permission of runtimes that ask for one.
    nodeFs().closeSync(nodeFs().openSync(path, "a"));
  } catch (error) {
    throw fileError(error, "write", path);
  }
  try {
    return addon.Environment.open(folder, MAP_SIZE);
  } catch (error) {
    throw writeError(path, "open", error);
  }
}
