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

const ABI = 5;

let loaded: { addon: NativeAddon | null; reason: string } | null = null;

/** The addon, `null` where there is none. Looked for once. */
export function nativeAddon(): NativeAddon | null {
  loaded ??= load();
  return loaded.addon;
}

/** Whether the native addon is in use, and why (not). */
export function nativeStatus(): NativeStatus {
  const addon = nativeAddon();
  return { available: addon !== null, reason: loaded!.reason, threads: addon?.threads() ?? 1 };
}

function load(): { addon: NativeAddon | null; reason: string } {
  const none = (reason: string) => ({ addon: null, reason });
  const { process } = globalThis;
  const module = process?.getBuiltinModule?.("node:module");
  if (module === undefined) return none("this runtime has no native addons");
  if (isSwitchedOff()) return none("STOWAGE_NATIVE=0 is set");
  if (!denoAllows("ffi")) return none("Deno runs without --allow-ffi");
  if (isBigEndian()) return none("the machine is big-endian");
  const platform = `${process.platform}-${process.arch}`;
  const require = module.createRequire(import.meta.url);
  let broken: string | null = null;
  for (const name of candidates(platform)) {
    try {
      const addon = require(name) as NativeAddon;
      if (addon.ABI === ABI) {
        // Some runtimes load addons but refuse memory that they do not own: better to know it now.
        addon.faultFlags();
        return { addon, reason: `${name.startsWith("@") ? name : "a local build"} is loaded` };
      }
      broken ??= `${name} is of another version`;
    } catch (error) {
      if (!isMissing(error, name)) broken ??= `${name} does not load: ${firstLine(error)}`;
    }
  }
  return none(broken ?? `there is no addon for ${platform}`);
}

/** A local build first, then the packages for this platform; npm installs the one that fits its C library. */
function candidates(platform: string): string[] {
  const [system] = platform.split("-");
  const names = system === "linux" ? [`${platform}-gnu`, `${platform}-musl`] : [platform];
  if (system === "win32") names[0] += "-msvc";
  return [`../native/stowage-mmap.${platform}.node`, ...names.map((name) => `@stowage/mmap-${name}`)];
}

function isMissing(error: unknown, name: string): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const missing = code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND";
  // Bun and Deno word it each in their own way, but name what they looked for.
  return missing || (/cannot find|not found/i.test(String(message)) && String(message).includes(name));
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n", 1)[0]!;
}

/** Deno asks its user before it reveals a variable: without the permission the variable does not count. */
function isSwitchedOff(): boolean {
  return denoAllows("env", "STOWAGE_NATIVE") && globalThis.process.env.STOWAGE_NATIVE === "0";
}

function denoAllows(name: "env" | "ffi", variable?: string): boolean {
  const { Deno } = globalThis as { Deno?: { permissions: DenoPermissions } };
  if (Deno === undefined) return true;
  return Deno.permissions.querySync({ name, variable }).state === "granted";
}

interface DenoPermissions {
  querySync(descriptor: { name: string; variable?: string }): { state: string };
}

function isBigEndian(): boolean {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 0;
}
