import { StowageError } from "@stowage/core";

/** What each error of this package tells a program, by code. */
export interface AtpErrorDetails {
  /** Bytes that are not a valid .atp header, index or schema. */
  ERR_ATP_FORMAT: { path: string; found: string };
  /** A commit whose data is no longer in the file: it was cut. */
  ERR_ATP_TRUNCATED: { path: string; generation: number; needed: number; fileSize: number };
  /** A record that contradicts the index, or itself. */
  ERR_ATP_RECORD: { path: string; index: number; found: string };
  /** Writing to a damaged file would destroy what can still be saved. */
  ERR_ATP_DAMAGED: { path: string; reason: string };
  /** Another program changed the file while it was open for writing. */
  ERR_ATP_CONFLICT: { path: string; found: string };
  /** A value that the schema of the file, fixed by what was written first, does not allow. */
  ERR_ATP_SCHEMA: { path: string; key: string; expected: string; found: string };
  /** A size beyond what the format can express. */
  ERR_ATP_LIMIT: { what: string; limit: number; found: number };
  /** Values of one key that cannot stand in one array. */
  ERR_FLAT_RAGGED: { key: string };
  /** A worker thread that died while it read a batch. */
  ERR_POOL_WORKER: { path: string; reason: string };
  /** More batches asked for at once than may wait. */
  ERR_POOL_FULL: { path: string; limit: number };
  /** A property that cannot be set in this scope. */
  ERR_PROPERTY: { key: string };
}

declare module "@stowage/core" {
  interface ErrorDetails extends AtpErrorDetails {}
}

export function formatError(path: string, found: string, hint?: string): StowageError<"ERR_ATP_FORMAT"> {
  return new StowageError(
    "ERR_ATP_FORMAT",
    `Cannot read ${path} as .atp: ${found}`,
    { path, found },
    { hint },
  );
}

export function recordError(path: string, index: number, found: string): StowageError<"ERR_ATP_RECORD"> {
  return new StowageError("ERR_ATP_RECORD", `Cannot read molecule ${index} of ${path}: ${found}`, {
    path,
    index,
    found,
  });
}

export function limitError(what: string, limit: number, found: number): StowageError<"ERR_ATP_LIMIT"> {
  return new StowageError(
    "ERR_ATP_LIMIT",
    `Cannot store ${what}: the format ends at ${limit}, found ${found}`,
    {
      what,
      limit,
      found,
    },
  );
}
