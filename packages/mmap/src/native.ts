import { type LoadedAddon, loadNativeAddon } from "@stowage/core";

/** One mapped range, in the addon. */
export interface NativeMapping {
  /** Its place in the fault flags. */
  readonly slot: number;
  window(byteOffset: number, byteLength: number): ArrayBuffer;
  close(buffers: ArrayBuffer[]): void;
  /** Another map of the same file from the same place on. */
  resized(byteLength: number): NativeMapping;
  fileLength(): number;
  wasCut(end: number): boolean;
  advise(advice: number, byteOffset: number, byteLength: number): void;
  populate(byteOffset: number, byteLength: number): void;
  flush(byteOffset: number, byteLength: number): void;
  gather(offsets: Float64Array, lengths: Uint32Array, target: Uint8Array): number;
  decompress(codec: number, jobs: Float64Array, target: Uint8Array): number;
  decompressOne(codec: number, storedAt: number, storedSize: number, target: Uint8Array): number;
}

export interface NativeAtpField {
  kind: number;
  tag: number;
  key: Uint8Array;
  layout: "perAtom" | "perMolecule" | "tensor" | "atomTensor" | "bool3" | "text" | "nothing";
  bytes: number;
  tensorHead: Uint8Array;
}

export interface NativeAtpTexts {
  fields: Uint32Array;
  slots: Uint32Array;
  ends: Uint32Array;
  bytes: Uint8Array;
  ascii: boolean;
}

/** Reads a record into `target` from `at` on: its size; -1: needs a closer look; -2 - n: takes n bytes, no room. */
export type NativeAtpReader = (index: number, target: ArrayBuffer, at: number) => number;

export interface NativeAtpPlan {
  find(map: NativeMapping, indices: Float64Array, nAtoms: Uint32Array): number;
  flat(map: NativeMapping, outputs: Uint8Array[]): number | NativeAtpTexts;
}

/** What the addon exports. `packages/mmap/native/src/lib.rs` is the other side. */
export interface NativeAddon {
  readonly ABI: number;
  readonly Mapping: {
    open(descriptor: number, shared: boolean, byteOffset: number, byteLength: number): NativeMapping;
  };
  readonly AtpPlan: new (
    numbers: Float64Array,
    positionBytes: number,
    complete: boolean,
    fields: NativeAtpField[],
  ) => NativeAtpPlan;
  atpReader(map: NativeMapping, numbers: Float64Array): NativeAtpReader;
  faultFlags(): ArrayBuffer;
  allocate(descriptor: number, byteLength: number): void;
  liveMaps(): number;
  threads(): number;
  panicForTest(): void;
  compress(
    codec: number,
    level: number,
    records: Uint8Array,
    ends: Uint32Array,
    target: Uint8Array,
    sizes: Uint32Array,
  ): number;
  xyzScan(map: NativeMapping, start: number, stop: number, found: Float64Array): number;
  lmdbRows(
    map: NativeMapping,
    commit: Float64Array,
    sortKeys: Uint32Array,
    names: Uint8Array,
    ends: Uint32Array,
    values: Uint8Array,
    places: Uint32Array,
  ): number;
  xyzRows(
    map: NativeMapping,
    columns: Uint32Array,
    frames: Float64Array,
    groups: Uint32Array,
    outputs: Uint8Array[],
    read: Uint8Array,
  ): number;
}

/** Whether files are mapped, and if not, why. */
export interface NativeStatus {
  readonly available: boolean;
  /** One line for people: what is used, or why nothing is. */
  readonly reason: string;
  /** Cores that batch kernels use; 1 without the addon. */
  readonly threads: number;
}

const ABI = 6;

let loaded: LoadedAddon<NativeAddon> | null = null;

/** The addon, `null` where there is none. */
export function nativeAddon(): NativeAddon | null {
  return load().addon;
}

/** Whether the native addon is in use, and why (not). */
export function nativeStatus(): NativeStatus {
  const { addon, reason } = load();
  return { available: addon !== null, reason, threads: addon?.threads() ?? 1 };
}

/** Looked for once. */
function load(): LoadedAddon<NativeAddon> {
  loaded ??= loadNativeAddon({
    packageName: "@stowage/mmap",
    moduleUrl: import.meta.url,
    abi: ABI,
    // Some runtimes load addons but refuse memory that they do not own: better to know it now.
    tryOut: (addon: NativeAddon) => addon.faultFlags(),
  });
  return loaded;
}
