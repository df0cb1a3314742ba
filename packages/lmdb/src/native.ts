import { type LoadedAddon, loadNativeAddon } from "@stowage/core";

/** An environment opened for writing, in the addon. Errors are `number text`, with the number of LMDB or the system. */
export interface NativeEnvironment {
  /** Begins the write transaction: waits until all others have ended, in this process and elsewhere. */
  begin(): void;
  /**
   * Does the operations and commits them; the transaction has ended then, whatever happens.
   *
   * @returns false if nothing was written because the map was too small. It is larger now: begin again.
   */
  commit(operations: Uint8Array): boolean;
  /** Ends the transaction without a trace. */
  abort(): void;
  /** Makes durable what was committed. */
  sync(): void;
  /** How far the file may grow before it is mapped anew, in bytes. */
  mapSize(): number;
  close(): void;
}

/** What the addon exports. `packages/lmdb/native/src/lib.rs` is the other side. */
export interface NativeAddon {
  readonly ABI: number;
  readonly Environment: { open(folder: string, mapSize: number): NativeEnvironment };
}

const ABI = 1;

let loaded: LoadedAddon<NativeAddon> | null = null;

/** The addon, `null` where there is none. */
export function nativeAddon(): NativeAddon | null {
  return load().addon;
}

/** Whether the addon that writes is in use, and why (not), in one line for people. */
export function nativeStatus(): { available: boolean; reason: string } {
  const { addon, reason } = load();
  return { available: addon !== null, reason };
}

/** Looked for once. */
function load(): LoadedAddon<NativeAddon> {
  loaded ??= loadNativeAddon({ packageName: "@stowage/lmdb", moduleUrl: import.meta.url, abi: ABI });
  return loaded;
}
