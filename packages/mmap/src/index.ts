export type { Advice, MapMode } from "./engine.js";
export type { MmapErrorDetails } from "./errors.js";
export { MmapFile, type MmapOpenOptions } from "./mmap-file.js";
export { type NativeStatus, nativeStatus } from "./native.js";
export { type FileByteSource, openFileSource } from "./open-file-source.js";
