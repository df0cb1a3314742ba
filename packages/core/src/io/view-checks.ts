import { StowageError } from "../errors.js";

/** Rows read together while iterating. */
export const BATCH_ROWS = 256;

/** @throws {StowageError} ERR_SHAPE */
export function checkCount(found: number, expected: number, name: string): void {
  if (found === expected) return;
  throw new StowageError(
    "ERR_SHAPE",
    `Cannot set ${expected} rows of ${name} to ${found} values: there must be one a row`,
    { expected: `${expected} values`, found: `${found} values` },
  );
}

/** @throws {StowageError} ERR_OPTION */
export function checkSize(size: number): void {
  if (Number.isSafeInteger(size) && size > 0) return;
  throw new StowageError(
    "ERR_OPTION",
    `Cannot read chunks of ${size} rows: the size must be a whole number, 1 or more`,
    { option: "size", value: String(size) },
  );
}
