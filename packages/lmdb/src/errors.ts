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
    /** LMDB refused to write. `lmdbCode` is its number, such as -30796 for MDB_CORRUPTED. */
    ERR_LMDB_WRITE: { path: string; lmdbCode: number; reason: string };
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

/** What the addon throws: LMDB's or the system's number, and its text. */
export function writeError(path: string, what: string, error: unknown): unknown {
  const [, number, text] = /^(-?\d+) (.*)$/s.exec(error instanceof Error ? error.message : "") ?? [];
  if (number === undefined) return error;
  const code = Number(number);
  if (code > 0) {
    return new StowageError("ERR_FILE_ACCESS", `Cannot ${what} ${path} for writing: ${text}`, {
      path,
      reason: text!,
    });
  }
  const known = WRITE_ERRORS[code];
  return new StowageError(
    "ERR_LMDB_WRITE",
    `Cannot ${what} ${path} for writing: ${known?.reason ?? text}`,
    { path, lmdbCode: code, reason: known?.reason ?? text! },
    { hint: known?.hint },
  );
}

const WRITE_ERRORS: Record<number, { reason: string; hint: string } | undefined> = {
  [-30796]: {
    reason: "a page of the file is not what LMDB expects; nothing was written",
    hint: "the file is damaged: copy what can be read to a new store",
  },
  [-30797]: {
    reason: "a page that is referred to is missing",
    hint: "the file is damaged or cut: copy it again",
  },
  [-30792]: { reason: "the file cannot grow any further", hint: "split the dataset over several stores" },
  [-30794]: {
    reason: "another program has it open with another version of LMDB's lock file",
    hint: "wait until that program has ended, or have it use LMDB 0.9",
  },
};
