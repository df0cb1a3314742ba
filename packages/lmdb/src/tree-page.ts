import { StowageError } from "@stowage/core";
import { formatError } from "./errors.js";
import { u16, u32, u64 } from "./little-endian.js";

// A page of a tree:
//   0  u64 page number   8  u16 pad   10  u16 page flags   12  u16 lower: end of the node offsets   14  u16 upper
//  16  u16 offset of each node in this page, in the order of their keys
//
// A node, which grow from the end of the page:
//   0  u16 low   2  u16 high   4  u16 flags   6  u16 key length   8  key   then the value
//
// On a branch page low, high and flags are the 48 bits of the child's page number, and the first key stands for "less
// than all". On a leaf page low and high are the length of the value; a long one (F_BIGDATA) is replaced by the u64
// number of its first overflow page. An overflow page has its u32 number of pages at 12; the value begins at 16.

export const PAGE_HEADER = 16;
const NODE_HEADER = 8;
export const P_BRANCH = 0x01;
export const P_LEAF = 0x02;
export const P_OVERFLOW = 0x04;
/** P_DIRTY and P_KEEP: notes of a writer to itself, without meaning on the disk. */
const P_IN_MEMORY = 0x8010;
const F_BIGDATA = 0x01;
const F_SUBDATA = 0x02;
const F_DUPDATA = 0x04;

/** The value of an entry: bytes of its own, or where they are. */
export type ValuePlace = Uint8Array | { readonly overflowPage: number; readonly byteLength: number };

/** The page flags that count. */
export function pageFlags(bytes: Uint8Array): number {
  return u16(bytes, 10) & ~P_IN_MEMORY;
}

/** A branch or leaf page. Nothing in it is trusted: each node is checked when it is used. */
export class TreePage {
  /** Number of nodes, at least 1. */
  readonly count: number;
  readonly pageNumber: number;
  readonly #bytes: Uint8Array;
  readonly #path: string;

  /** @throws {StowageError} ERR_LMDB_FORMAT unless it is this page, and of this kind. */
  constructor(bytes: Uint8Array, pageNumber: number, isLeaf: boolean, path: string) {
    this.#bytes = bytes;
    this.#path = path;
    this.pageNumber = pageNumber;
    if (u64(bytes, 0) !== pageNumber) throw this.#bad(`page number ${u64(bytes, 0)}`, `${pageNumber}`);
    const flags = pageFlags(bytes);
    if (flags !== (isLeaf ? P_LEAF : P_BRANCH)) {
      throw this.#bad(`page flags 0x${flags.toString(16)}`, isLeaf ? "a leaf page" : "a branch page");
    }
    const lower = u16(bytes, 12);
    const upper = u16(bytes, 14);
    if (lower <= PAGE_HEADER || lower % 2 !== 0 || upper < lower || upper > bytes.length) {
      throw this.#bad(`free space from ${lower} to ${upper}`, `nodes in ${bytes.length} bytes`);
    }
    this.count = (lower - PAGE_HEADER) >> 1;
  }

  /** A view of a key. The first one of a branch page means nothing. */
  key(index: number): Uint8Array {
    const at = this.#node(index);
    return this.#bytes.subarray(at + NODE_HEADER, at + NODE_HEADER + u16(this.#bytes, at + 6));
  }

  /** Number of keys before `key`, from the node `first` on. */
  lowerBound(key: Uint8Array): number {
    return this.#search(0, key, 0);
  }

  /** Position of the child that holds `key`, if any does. */
  childIndex(key: Uint8Array): number {
    return this.#search(1, key, 1) - 1;
  }

  /** Page number of a child. */
  child(index: number): number {
    const at = this.#node(index);
    return u32(this.#bytes, at) + u16(this.#bytes, at + 4) * 2 ** 32;
  }

  /** Whether a node of a leaf page has this key. */
  hasKey(index: number, key: Uint8Array): boolean {
    return index < this.count && this.#compare(index, key) === 0;
  }

  /** @throws {StowageError} ERR_LMDB_FORMAT, ERR_UNSUPPORTED for a named database in place of a value. */
  value(index: number): ValuePlace {
    const bytes = this.#bytes;
    const at = this.#node(index);
    const flags = u16(bytes, at + 4);
    const byteLength = u32(bytes, at);
    const start = at + NODE_HEADER + u16(bytes, at + 6);
    const stored = flags === F_BIGDATA ? 8 : byteLength;
    if (flags !== 0 && flags !== F_BIGDATA) throw this.#unknownFlags(index, flags);
    if (start + stored > bytes.length) {
      throw this.#bad(`a value of ${stored} bytes at ${start}`, `an end within ${bytes.length}`);
    }
    if (flags === 0) return bytes.slice(start, start + byteLength);
    return { overflowPage: u64(bytes, start), byteLength };
  }

  /** Binary search: how many nodes from `first` on have keys before `key` (below 0) or up to it (below 1). */
  #search(first: number, key: Uint8Array, below: 0 | 1): number {
    let low = first;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(middle, key) < below) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compare(index: number, key: Uint8Array): number {
    const bytes = this.#bytes;
    const at = this.#node(index);
    const length = u16(bytes, at + 6);
    const start = at + NODE_HEADER;
    const common = Math.min(length, key.length);
    for (let i = 0; i < common; i++) {
      const difference = bytes[start + i]! - key[i]!;
      if (difference !== 0) return difference < 0 ? -1 : 1;
    }
    return Math.sign(length - key.length);
  }

  /** Where a node begins; its key ends within the page. */
  #node(index: number): number {
    const bytes = this.#bytes;
    const at = u16(bytes, PAGE_HEADER + 2 * index);
    const inside = at >= PAGE_HEADER + 2 * this.count && at + NODE_HEADER <= bytes.length;
    if (!inside || at + NODE_HEADER + u16(bytes, at + 6) > bytes.length) {
      throw this.#bad(`node ${index} at ${at}`, `a node within ${bytes.length} bytes`);
    }
    return at;
  }

  #unknownFlags(index: number, flags: number): Error {
    if (flags !== F_SUBDATA && flags !== (F_SUBDATA | F_DUPDATA) && flags !== F_DUPDATA) {
      return this.#bad(`node flags 0x${flags.toString(16)}`, "0 or F_BIGDATA");
    }
    const name = JSON.stringify(new TextDecoder().decode(this.key(index)));
    const what = flags === F_SUBDATA ? "a named database" : "several values";
    return new StowageError(
      "ERR_UNSUPPORTED",
      `Cannot read key ${name} of ${this.#path}: it holds ${what}, expected one value`,
      { feature: flags === F_SUBDATA ? "named databases of LMDB" : "MDB_DUPSORT" },
      { hint: "read ranges of other keys, or this file with LMDB itself" },
    );
  }

  #bad(found: string, expected: string): Error {
    return formatError(this.#path, this.pageNumber, found, expected);
  }
}
