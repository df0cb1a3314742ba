export { type AtomArray, Atoms, type AtomsInit, atomsToRow, rowToAtoms, toAtomicNumbers } from "./atoms.js";
export {
  type Answer,
  type BackendMap,
  type BackendSpec,
  type Capabilities,
  columnOf,
  columnOfSync,
  defineBackend,
  getRow,
  iterateRows,
  type LossNote,
  type Mode,
  type OpenOptions,
  type RowStore,
  toAsync,
} from "./backend.js";
export { blobBytes, blobValue } from "./blob-value.js";
export {
  BlobSource,
  type ByteSource,
  checkRange,
  isSyncSource,
  MemorySource,
  type SyncByteSource,
} from "./byte-source.js";
export { isCalculatorResult, PER_ATOM_RESULTS, PER_STRUCTURE_RESULTS } from "./calculator.js";
export { CATALOG, type CatalogEntry } from "./catalog.js";
export {
  allocate,
  DTYPES,
  type DType,
  type DTypeInfo,
  dtypeOf,
  isDType,
  parseDTypeCode,
  type TypedArray,
  type TypedArrays,
  viewElements,
} from "./dtype.js";
export { atomicNumberOf, CHEMICAL_SYMBOLS, hillFormula, symbolOf } from "./elements.js";
export {
  closed,
  type ErrorCode,
  type ErrorDetails,
  isStowageError,
  quote,
  readOnly,
  StowageError,
} from "./errors.js";
export { FileLock } from "./file-lock.js";
export { FileSource } from "./file-source.js";
export { fileError, fileExists, nodeFs, nodePath, openRegularFile, syncDirectory } from "./file-system.js";
export { float16ToNumber, numberToFloat16 } from "./float16.js";
export { AtomsIO, AtomsIOSync, openAtoms } from "./io/atoms-io.js";
export { BlobIO, BlobIOSync, openBlobs } from "./io/blob-io.js";
export { blobToObject } from "./io/blob-to-object.js";
export { type CacheCounts, cachedStore } from "./io/cached-store.js";
export { COLABFIT, ColumnMapping, type ColumnNames, OPTIMADE } from "./io/column-mapping.js";
export type { ColumnValues } from "./io/column-values.js";
export { ColumnView, ColumnViewSync } from "./io/column-view.js";
export { ColumnsView, ColumnsViewSync } from "./io/columns-view.js";
export { concat } from "./io/concat.js";
export { concatStores } from "./io/concat-store.js";
export { mappedStore } from "./io/mapped-store.js";
export { ObjectIO, ObjectIOSync, openObjects } from "./io/object-io.js";
export { objectToBlob } from "./io/object-to-blob.js";
export type { IOOptions } from "./io/open.js";
export type { BlobRow, Patch } from "./io/row-types.js";
export { RowView, RowViewSync } from "./io/row-view.js";
export { keyFromBytes, keyToBytes } from "./key-bytes.js";
export { memory, memoryStore } from "./memory-backend.js";
export { type DecodeOptions, decodeValue } from "./msgpack/decode.js";
export { type EncodeOptions, encodeValue, ValueEncoder } from "./msgpack/encode.js";
export { appendRowValue, decodeRowValue, encodeRowValue } from "./msgpack/row-value.js";
export { type LoadedAddon, loadNativeAddon, type NativeAddonRequest } from "./native-addon.js";
export {
  bytesOf,
  copyArray,
  describeArray,
  elementAt,
  float64,
  int64,
  isNdArray,
  type NdArray,
  ndarray,
  scalar,
  sizeOf,
} from "./nd-array.js";
export { decodeNpyData, encodeNpy, type NpyHeader, parseNpyHeader, readNpy, writeNpy } from "./npy.js";
export { type PlannedRead, planReads } from "./read-plan.js";
export {
  backendByName,
  definePlugin,
  type ImportPackage,
  openStore,
  type Plugin,
  registerPlugin,
  resolveBackend,
  resolveBackendSync,
} from "./registry.js";
export {
  type Column,
  describeValue,
  equalValues,
  type Field,
  fieldOf,
  getKey,
  mergeFields,
  pickKeys,
  plainValue,
  type Row,
  type RowSchema,
  setKey,
  type Value,
} from "./row.js";
export { columnFromValues, setElements } from "./row-column.js";
export { isPerAtomKey, schemaOfBlobs, schemaOfRows } from "./row-schema.js";
export { Sampler, type SamplerOptions, type SamplerState, type SamplerTail } from "./sampler.js";
export {
  type SlabPlace,
  type SlabRoom,
  slabAllocate,
  slabAllocateUnset,
  slabKeepUnset,
  slabPeekUnset,
  unsetBuffer,
} from "./slab.js";
export { exactIndices, type Progress, progressReporter, resolveIndex, type TaskOptions } from "./task.js";
export { publish, TemporaryFile, temporaryName, writeFully } from "./temporary-file.js";
