import { StowageError } from "@stowage/core";

declare module "@stowage/core" {
  interface ErrorDetails {
    /** Bytes that are no LMDB environment, or a damaged one. `page` is a page number. */
    ERR_LMDB_FORMAT: { path: string; page: number; found: string; expected: string };
    /** An LMDB environment of another data format, word size or byte order. */
    ERR_LMDB_VERSION: { path: string; found: string };
    /** Another process wrote over the commit that was being read. */
    ERR_LMDB_CHANGED: { path: string; txnId: number; newestTxnId: number };
    /** Sound LMDB whose keys and values are not those of an asebytes store. */
    ERR_LMDB_LAYOUT: { path: string; key: string; found: string; expected: string };
  }
}

/** @param page  Number of the page that says so. */
export function formatError(
  path: string,
  page: number,
  found: string,
  expected: string,
  hint = "copy the file again from where it was written; mdb_copy makes a sound copy of one in use",
): StowageError<"ERR_LMDB_FORMAT"> {
  return new StowageError(
    "ERR_LMDB_FORMAT",
    `Cannot read ${path}: page ${page} has ${found}, expected ${expected}`,
    { path, page, found, expected },
    { hint },
  );
}

/** @param found  Such as `"LMDB data format v2"`. */
export function versionError(path: string, found: string, hint: string): StowageError<"ERR_LMDB_VERSION"> {
  return new StowageError(
    "ERR_LMDB_VERSION",
    `Cannot read ${path}: it is ${found}, expected LMDB data format v1, 64-bit, little-endian`,
    { path, found },
    { hint },
  );
}

export function changedError(
  path: string,
  txnId: number,
  newestTxnId: number,
): StowageError<"ERR_LMDB_CHANGED"> {
  return new StowageError(
    "ERR_LMDB_CHANGED",
    `Cannot read commit ${txnId} of ${path}: another process has committed ${newestTxnId} and may have written over it`,
    { path, txnId, newestTxnId },
    { hint: "begin again: a new iteration reads the newest commit; or ask for less at a time" },
  );
}

export function layoutError(
  path: string,
  key: string,
  found: string,
  expected: string,
  hint?: string,
): StowageError<"ERR_LMDB_LAYOUT"> {
  return new StowageError(
    "ERR_LMDB_LAYOUT",
    `Cannot read rows of ${path}: ${key} is ${found}, expected ${expected}`,
    { path, key, found, expected },
    { hint },
  );
}
