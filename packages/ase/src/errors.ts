import { type Row, StowageError } from "@stowage/core";

declare module "@stowage/core" {
  interface ErrorDetails {
    /** One row of an ASE database that contradicts itself. */
    ERR_ASE_ROW: { path: string; id: number; found: string; expected: string };
    /** Text that is not XYZ. `frameIndex` counts from 0, `line` from 1, both in the whole file. */
    ERR_XYZ_FORMAT: { path: string; frameIndex: number; line: number; found: string; expected: string };
    /** Bytes that are no trajectory of ASE: its header or its table of frames. */
    ERR_TRAJ_FORMAT: { path: string; found: string; expected: string };
    /** One frame of a trajectory that contradicts itself or the file. `byteOffset` is where its text begins. */
    ERR_TRAJ_FRAME: {
      path: string;
      frameIndex: number;
      byteOffset: number;
      found: string;
      expected: string;
    };
  }
}

/** Where a frame is, for messages. */
export interface FramePlace {
  readonly path: string;
  readonly frameIndex: number;
  /** Line of its atom count, from 1; asked for only when something is wrong. */
  firstLine(): number;
}

/** What is wrong with a piece of text, thrown where nobody knows yet in which line it stands. */
export class TextProblem extends Error {
  readonly found: string;
  readonly expected: string;

  constructor(found: string, expected: string) {
    super(`found ${found}, expected ${expected}`);
    this.found = found;
    this.expected = expected;
  }
}

/** Gives a {@link TextProblem} its place; other errors stay as they are. */
export function atPlace(error: unknown, place: FramePlace, lineInFrame: number): unknown {
  return error instanceof TextProblem ? formatError(place, lineInFrame, error) : error;
}

/** @param lineInFrame  0 for the atom count, 1 for the comment, 2 for the first atom. */
export function formatError(
  place: FramePlace,
  lineInFrame: number,
  problem: { found: string; expected: string; hint?: string; cause?: unknown },
): StowageError<"ERR_XYZ_FORMAT"> {
  const { path, frameIndex } = place;
  const { found, expected, hint, cause } = problem;
  const line = place.firstLine() + lineInFrame;
  return new StowageError(
    "ERR_XYZ_FORMAT",
    `Cannot read frame ${frameIndex} of ${path}: line ${line} has ${found}, expected ${expected}`,
    { path, frameIndex, line, found, expected },
    { hint, cause },
  );
}

/**
 * Refuses a reserved place: a row without keys would come back as a structure without atoms.
 *
 * @param format  For the message: `XYZ`.
 * @throws {StowageError} ERR_ROW
 */
export function refuseReservedPlace(row: Row, format: string): void {
  if (Object.keys(row).length > 0) return;
  throw new StowageError(
    "ERR_ROW",
    `Cannot write this row as ${format}: it is a reserved place, which has no keys`,
    { key: "" },
    { hint: "fill the place or leave it out" },
  );
}
