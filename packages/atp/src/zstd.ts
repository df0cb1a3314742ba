import { StowageError } from "@stowage/core";

/**
 * zstd as WebAssembly (libzstd by way of `@bokuweb/zstd-wasm`), started synchronously on first use.
 *
 * The package's own start is asynchronous; its emscripten module, which it does not export by name, takes a hook that
 * compiles at once. Buffers inside the module are kept between calls.
 */
interface ZstdModule {
  instantiateWasm?: (
    imports: WebAssembly.Imports,
    receive: (instance: WebAssembly.Instance) => void,
  ) => unknown;
  init(wasm: Uint8Array): void;
  calledRun?: boolean;
  HEAPU8: Uint8Array;
  _malloc(byteLength: number): number;
  _free(address: number): void;
  _ZSTD_compressBound(byteLength: number): number;
  _ZSTD_isError(result: number): number;
  _ZSTD_createCCtx(): number;
  _ZSTD_createDCtx(): number;
  _ZSTD_compress_usingDict(
    context: number,
    target: number,
    capacity: number,
    source: number,
    length: number,
    dict: number,
    dictLength: number,
    level: number,
  ): number;
  _ZSTD_decompress_usingDict(
    context: number,
    target: number,
    capacity: number,
    source: number,
    length: number,
    dict: number,
    dictLength: number,
  ): number;
}

interface Zstd {
  module: ZstdModule;
  compressor: number;
  decompressor: number;
}

/** A region inside the module that grows when a larger record comes. */
class Region {
  #address = 0;
  #capacity = 0;

  /** The address of `byteLength` bytes, or 0 if the module's memory is used up. */
  reserve(module: ZstdModule, byteLength: number): number {
    if (this.#address !== 0 && byteLength <= this.#capacity) return this.#address;
    if (this.#address !== 0) module._free(this.#address);
    this.#capacity = Math.max(1 << 16, byteLength + (byteLength >> 2));
    this.#address = module._malloc(this.#capacity);
    if (this.#address === 0) this.#capacity = 0;
    return this.#address;
  }
}

const input = new Region();
const output = new Region();
let started: Zstd | null = null;

/** Largest size of a frame of `length` bytes that do not compress (ZSTD_COMPRESSBOUND). */
export function zstdBound(length: number): number {
  return length + (length >>> 8) + (length < 1 << 17 ? ((1 << 17) - length) >>> 11 : 0) + 64;
}

/**
 * Compresses into one frame with its content size and no checksum, as the peer writes it.
 *
 * @param target  At least `zstdBound(source.length)` bytes.
 * @returns Bytes written.
 */
export function zstdCompress(source: Uint8Array, target: Uint8Array, level: number): number {
  const { module, compressor } = zstd();
  const capacity = Math.min(target.length, zstdBound(source.length));
  const from = input.reserve(module, source.length);
  const to = output.reserve(module, capacity);
  if (from === 0 || to === 0) throw outOfMemory(source.length);
  module.HEAPU8.set(source, from);
  const size = module._ZSTD_compress_usingDict(compressor, to, capacity, from, source.length, 0, 0, level);
  if (module._ZSTD_isError(size)) throw outOfMemory(source.length);
  target.set(module.HEAPU8.subarray(to, to + size));
  return size;
}

/**
 * Decompresses one frame that must fill the target exactly.
 *
 * @returns `null` when it does, else what is wrong with the frame.
 */
export function zstdDecompress(source: Uint8Array, target: Uint8Array): string | null {
  const { module, decompressor } = zstd();
  const from = input.reserve(module, source.length);
  const to = output.reserve(module, Math.max(1, target.length));
  if (from === 0 || to === 0) throw outOfMemory(target.length);
  module.HEAPU8.set(source, from);
  const size = module._ZSTD_decompress_usingDict(decompressor, to, target.length, from, source.length, 0, 0);
  if (module._ZSTD_isError(size)) return `zstd refuses it (error ${-size})`;
  if (size !== target.length) return `it holds ${size} bytes, the index says ${target.length}`;
  target.set(module.HEAPU8.subarray(to, to + size));
  return null;
}

function zstd(): Zstd {
  if (started === null) {
    const module = loadModule();
    started = { module, compressor: module._ZSTD_createCCtx(), decompressor: module._ZSTD_createDCtx() };
  }
  return started;
}

function loadModule(): ZstdModule {
  const { createRequire } = builtin<typeof import("node:module")>("node:module");
  const { dirname, join } = builtin<typeof import("node:path")>("node:path");
  const { readFileSync } = builtin<typeof import("node:fs")>("node:fs");
  try {
    const require = createRequire(import.meta.url);
    const folder = dirname(require.resolve("@bokuweb/zstd-wasm"));
    const { Module: module } = require(join(folder, "zstd.js")) as { Module: ZstdModule };
    if (module.calledRun) return module;
    module.instantiateWasm = (imports, receive) => {
      const wasm = new WebAssembly.Module(readFileSync(join(folder, "zstd.wasm")));
      const instance = new WebAssembly.Instance(wasm, imports);
      receive(instance);
      return instance.exports;
    };
    module.init(new Uint8Array(0));
    return module;
  } catch (cause) {
    throw new StowageError(
      "ERR_PACKAGE_LOAD",
      'Cannot use codec "zstd": package "@bokuweb/zstd-wasm" did not start',
      { pkg: "@bokuweb/zstd-wasm" },
      { hint: "npm install @bokuweb/zstd-wasm@0.0.27", cause },
    );
  }
}

function builtin<T>(name: string): T {
  const module = globalThis.process?.getBuiltinModule?.(name);
  if (module !== undefined) return module as T;
  throw new StowageError(
    "ERR_UNSUPPORTED",
    'Cannot use codec "zstd": this runtime cannot load it synchronously',
    {
      feature: "zstd",
    },
  );
}

function outOfMemory(length: number): StowageError<"ERR_ATP_LIMIT"> {
  return new StowageError(
    "ERR_ATP_LIMIT",
    `Cannot use codec "zstd" on a record of ${length} bytes: its memory is used up`,
    {
      what: "a zstd record",
      limit: 2 ** 31,
      found: length,
    },
  );
}
