import { StowageError } from "@stowage/core";
import { TextProblem } from "../errors.js";

export function trajFormatError(
  path: string,
  found: string,
  expected: string,
  hint?: string,
): StowageError<"ERR_TRAJ_FORMAT"> {
  return new StowageError(
    "ERR_TRAJ_FORMAT",
    `Cannot read ${path} as a trajectory: found ${found}, expected ${expected}`,
    { path, found, expected },
    { hint },
  );
}

/** Gives a {@link TextProblem} its frame; other errors stay as they are. */
export function atFrame(error: unknown, path: string, frameIndex: number, byteOffset: number): unknown {
  if (!(error instanceof TextProblem)) return error;
  const { found, expected } = error;
  return new StowageError(
    "ERR_TRAJ_FRAME",
    `Cannot read frame ${frameIndex} of ${path}: at byte ${byteOffset} found ${found}, expected ${expected}`,
    { path, frameIndex, byteOffset, found, expected },
    { hint: "read the other frames: only this one is affected" },
  );
}
