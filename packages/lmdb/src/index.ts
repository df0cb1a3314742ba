export type { RemoteLmdbOptions } from "./async-environment.js";
export { listGroups } from "./groups.js";
export { LmdbReader, type LmdbStat } from "./lmdb-reader.js";
export { LmdbRows, type LmdbRowsOptions } from "./lmdb-rows.js";
export type { DatabaseStat } from "./meta.js";
export type { LmdbEntry, LmdbKey, LmdbRange } from "./range.js";
export { openLmdb, RemoteLmdb } from "./remote-lmdb.js";
export { openLmdbRows, RemoteLmdbRows } from "./remote-lmdb-rows.js";
export type { BlobRow } from "./row-layout.js";
