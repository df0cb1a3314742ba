import { formatError, versionError } from "./errors.js";
import { u16, u32, u64 } from "./little-endian.js";

// Pages 0 and 1 hold one meta each; a commit of transaction n writes page n % 2. Integers are little-endian.
//
//   0  u64 page number   8  u16 pad   10  u16 page flags   12  u16 lower   14  u16 upper
//  16  u32 magic 0xBEEFC0DE   20  u32 data format version 1   24  u64 map address   32  u64 map size
//  40  free database    88  main database    136  u64 last page in use   144  u64 transaction id
//
// A database: 0 u32 pad (the page size, in the free database)  4 u16 flags  6 u16 depth  8 u64 branch pages
//             16 u64 leaf pages  24 u64 overflow pages  32 u64 entries  40 u64 root page, all ones if there is none

const MAGIC = 0xbeefc0de;
const DATA_VERSION = 1;
const P_META = 0x08;
const FREE_DB = 40;
const MAIN_DB = 88;
const NO_PAGE = 2 ** 64;
/** CURSOR_STACK of LMDB. */
const MAX_DEPTH = 32;
const MAX_PAGE_SIZE = 0x8000;

/** Bytes of a page that a meta takes. */
export const META_END = 152;
/** Where the transaction id is in a meta page. */
export const TXN_ID = 144;

/** What LMDB knows of a database without reading it. */
export interface DatabaseStat {
  /** Levels of the tree; 0 where it is empty. */
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly overflowPages: number;
  /** Number of key/value pairs. */
  readonly entries: number;
}

/** A commit: where its tree begins, and what it may refer to. */
export interface Meta {
  /** Which of the meta pages says so. */
  readonly metaPage: number;
  readonly pageSize: number;
  /** Bytes that writers may let the file grow to. */
  readonly mapSize: number;
  readonly lastPage: number;
  readonly txnId: number;
  readonly main: DatabaseStat;
  readonly mainFlags: number;
  /** `null` where the tree is empty. */
  readonly root: number | null;
}

/** Reads the first {@link META_END} bytes of a meta page. @throws {StowageError} ERR_LMDB_FORMAT, ERR_LMDB_VERSION */
export function parseMeta(bytes: Uint8Array, metaPage: number, path: string): Meta {
  checkMagic(bytes, metaPage, path);
  if ((u16(bytes, 10) & P_META) === 0) {
    throw formatError(path, metaPage, `page flags ${hex(u16(bytes, 10))}`, "a meta page");
  }
  const pageSize = u32(bytes, FREE_DB);
  if (pageSize < 256 || pageSize > MAX_PAGE_SIZE || (pageSize & (pageSize - 1)) !== 0) {
    throw formatError(path, metaPage, `page size ${pageSize}`, "a power of two from 256 to 32768");
  }
  const root = u64(bytes, MAIN_DB + 40);
  return {
    metaPage,
    pageSize,
    mapSize: u64(bytes, 32),
    lastPage: u64(bytes, 136),
    txnId: u64(bytes, TXN_ID),
    mainFlags: u16(bytes, MAIN_DB + 4),
    main: {
      depth: u16(bytes, MAIN_DB + 6),
      branchPages: u64(bytes, MAIN_DB + 8),
      leafPages: u64(bytes, MAIN_DB + 16),
      overflowPages: u64(bytes, MAIN_DB + 24),
      entries: u64(bytes, MAIN_DB + 32),
    },
    root: root === NO_PAGE ? null : root,
  };
}

/** The newer of the two, as LMDB picks it, if what it says can be. @throws {StowageError} ERR_LMDB_FORMAT */
export function newestMeta(first: Meta, second: Meta, path: string): Meta {
  if (first.pageSize !== second.pageSize) {
    throw formatError(path, 1, `page size ${second.pageSize}`, `${first.pageSize} as on page 0`);
  }
  const meta = first.txnId < second.txnId ? second : first;
  const { metaPage, lastPage, txnId, mainFlags, main, root } = meta;
  const bad = (found: string, expected: string) => formatError(path, metaPage, found, expected);
  if (txnId > Number.MAX_SAFE_INTEGER) throw bad(`transaction id ${txnId}`, "less than 2^53");
  if (lastPage < 1 || lastPage > 2 ** 48) throw bad(`last page ${lastPage}`, "1 to 2^48");
  if (mainFlags !== 0) {
    throw formatError(
      path,
      metaPage,
      `main database flags ${hex(mainFlags)}`,
      "0: plain keys with one value each",
      "the main database sorts keys in its own way, or has several values a key: read it with LMDB itself",
    );
  }
  const empty = root === null;
  if (empty !== (main.depth === 0) || empty !== (main.entries === 0) || main.depth > MAX_DEPTH) {
    throw bad(
      `depth ${main.depth} and ${main.entries} entries with root ${root ?? "none"}`,
      empty ? "0 and 0" : `1 to ${MAX_DEPTH}, and at least one entry`,
    );
  }
  if (!empty && (root < 2 || root > lastPage)) throw bad(`root page ${root}`, `2 to ${lastPage}`);
  return meta;
}

/** The error for something too short to hold two meta pages. */
export function tooShort(path: string, byteLength: number): Error {
  return formatError(
    path,
    0,
    `${byteLength} bytes in all`,
    "two meta pages",
    "the file is cut, or a writer is making it just now",
  );
}

function checkMagic(bytes: Uint8Array, metaPage: number, path: string): void {
  if (u32(bytes, 16) === MAGIC) {
    const version = u32(bytes, 20);
    if (version === DATA_VERSION) return;
    throw versionError(path, `LMDB data format v${version}`, OTHER_VERSION);
  }
  if (u32(bytes, 24) === MAGIC) {
    const version = u32(bytes, 28);
    const writer = version === 2 ? ", which npm's lmdb writes" : ", of the development of LMDB 1.0";
    throw versionError(path, `LMDB data format v${version}${writer}`, OTHER_VERSION);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const odd = [
    [12, true, "a file of 32-bit LMDB"],
    [12, false, "a file of 32-bit, big-endian LMDB"],
    [16, false, "a file of big-endian LMDB"],
    [24, false, "a file of big-endian LMDB"],
  ] as const;
  for (const [at, littleEndian, found] of odd) {
    if (view.getUint32(at, littleEndian) === MAGIC) throw versionError(path, found, OTHER_MACHINE);
  }
  throw formatError(
    path,
    metaPage,
    `magic number ${hex(u32(bytes, 16))}`,
    `${hex(MAGIC)} of LMDB`,
    metaPage === 0 ? "give the path of an LMDB data file (data.mdb) or of its folder" : undefined,
  );
}

const OTHER_VERSION =
  "copy it with a program of LMDB 0.9 (mdb_dump of the one that wrote it, then mdb_load), or write it with Python's lmdb";
const OTHER_MACHINE =
  "LMDB files are those of one kind of machine: mdb_dump there, then mdb_load on a 64-bit, little-endian one";

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
