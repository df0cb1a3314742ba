import type { LossNote } from "@stowage/core";
import { type Frames, rowsOf } from "../format-rows.js";
import { openTrajStore } from "./traj-backend.js";

export interface TrajWriteOptions {
  /** Replace a file that is there. Default: refuse. */
  overwrite?: boolean;
  /** Values that ASE's trajectories do not hold: refuse the frame (default) or leave them out and note it. */
  unsupported?: "error" | "drop";
}

/** What was written. */
export interface TrajSummary {
  readonly frames: number;
  readonly losses: readonly LossNote[];
}

/**
 * Writes frames as a trajectory of ASE, which gets its name when it is complete.
 *
 * @throws {StowageError} ERR_LOSS, ERR_ROW, ERR_FILE_EXISTS, ERR_FILE_ACCESS
 *
 * @example
 * ```ts
 * writeTraj("relax.traj", parseXyz("1\n\nHe 0 0 0\n"));
 * ```
 */
export function writeTraj(path: string, frames: Frames, options: TrajWriteOptions = {}): TrajSummary {
  const store = openTrajStore(path, { ...options, mode: "w" });
  try {
    for (const row of rowsOf(frames)) store.append!([row]);
    const summary = { frames: store.count(), losses: store.losses!() };
    store.close();
    return summary;
  } catch (error) {
    store.discard!();
    throw error;
  }
}
