export type { Advice, MapMode } from "./engine.js";
export type { MmapErrorDetails } from "./errors.js";
export { type LmdbCommit, LmdbKernel, type LmdbRowBuffers } from "./lmdb-kernel.js";
export {
  type AtpCommit,
  type AtpFieldPlan,
  type AtpPlan,
  type AtpReader,
  type AtpTexts,
  compressRecords,
  MapKernels,
  type RecordCodec,
} from "./map-kernels.js";
export { MmapFile, type MmapOpenOptions } from "./mmap-file.js";
export { type NativeStatus, nativeStatus } from "./native.js";
export { type FileByteSource, openFileSource } from "./open-file-source.js";
export { XyzColumn, XyzFrame, XyzKernel } from "./xyz-kernel.js";
