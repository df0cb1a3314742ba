import { definePlugin, type Plugin } from "@stowage/core";
import { xyz } from "./backend.js";
import { traj } from "./traj/traj-backend.js";

export { openXyzStore, type XyzStoreOptions, xyz } from "./backend.js";
export { type DatabasePlace, decodeDatabaseRow } from "./database-row.js";
export { type Frames, formatXyz, type XyzFormatOptions } from "./format-rows.js";
export { openXyz, RemoteXyz } from "./remote-xyz.js";
export { openTraj, openTrajStore, traj } from "./traj/traj-backend.js";
export { type TrajSummary, type TrajWriteOptions, writeTraj } from "./traj/write-traj.js";
export { XyzFile, type XyzReadOptions } from "./xyz-file.js";
export { parseXyz, readXyz } from "./xyz-stream.js";
export { writeXyz, type XyzSummary, type XyzWriteOptions, XyzWriter } from "./xyz-writer.js";

/** ASE's formats: extended and plain XYZ, and trajectories. */
const plugin: Plugin = definePlugin({ name: "ase", backends: [xyz, traj] });
export default plugin;
