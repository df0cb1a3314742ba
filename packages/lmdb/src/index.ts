import { definePlugin, type Plugin } from "@stowage/core";
import { aselmdb } from "./ase-backend.js";
import { lmdb } from "./backend.js";

export { aselmdb, openAseLmdbStore } from "./ase-backend.js";
export type { RemoteLmdbOptions } from "./async-environment.js";
export { lmdb, openLmdbStore } from "./backend.js";
export { listGroups } from "./groups.js";
export { LmdbReader, type LmdbStat } from "./lmdb-reader.js";
export { LmdbRows, type LmdbRowsOptions } from "./lmdb-rows.js";
export type { DatabaseStat } from "./meta.js";
export { nativeStatus } from "./native.js";
export type { LmdbEntry, LmdbKey, LmdbRange } from "./range.js";
export { openLmdb, RemoteLmdb } from "./remote-lmdb.js";
export { openLmdbRows, RemoteLmdbRows } from "./remote-lmdb-rows.js";
export type { BlobRow } from "./row-layout.js";

/** Stores of asebytes and databases of ASE, in LMDB. */
const plugin: Plugin = definePlugin({ name: "lmdb", backends: [lmdb, aselmdb] });
export default plugin;
