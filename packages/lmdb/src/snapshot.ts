import { formatError } from "./errors.js";
import { u32, u64 } from "./little-endian.js";
import type { Meta } from "./meta.js";
import { P_OVERFLOW, PAGE_HEADER, pageFlags, TreePage, type ValuePlace } from "./tree-page.js";

/** Where pages come from. */
export interface Pages {
  /** Bytes that there are. */
  readonly byteLength: number;
  /** Some pages in a row: a view, valid until the source changes. @throws {PagesMissing} where they must be fetched. */
  read(firstPage: number, count: number, pageSize: number): Uint8Array;
}

/** Pages that must be fetched before the work can go on. Thrown as a signal, never seen by users. */
export class PagesMissing {
  constructor(readonly ranges: readonly PageRange[]) {}
}

export interface PageRange {
  readonly firstPage: number;
  readonly count: number;
}

/** One commit, and its pages. */
export class Snapshot<P extends Pages = Pages> {
  constructor(
    readonly path: string,
    readonly meta: Meta,
    readonly pages: P,
  ) {}

  /** @throws {StowageError} ERR_LMDB_FORMAT */
  treePage(pageNumber: number, isLeaf: boolean, parent: number): TreePage {
    return new TreePage(this.#read(pageNumber, 1, parent), pageNumber, isLeaf, this.path);
  }

  /** The bytes of a value: a copy. @throws {StowageError} ERR_LMDB_FORMAT */
  value(place: ValuePlace, leaf: number): Uint8Array {
    if (place instanceof Uint8Array) return place;
    const { overflowPage, byteLength } = place;
    const count = Math.ceil((PAGE_HEADER + byteLength) / this.meta.pageSize);
    const bytes = this.#read(overflowPage, count, leaf);
    const sound =
      u64(bytes, 0) === overflowPage && pageFlags(bytes) === P_OVERFLOW && u32(bytes, 12) >= count;
    if (!sound) {
      const found = `flags 0x${pageFlags(bytes).toString(16)}, number ${u64(bytes, 0)} and ${u32(bytes, 12)} pages`;
      throw formatError(this.path, overflowPage, found, `${count} overflow pages`);
    }
    return bytes.slice(PAGE_HEADER, PAGE_HEADER + byteLength);
  }

  /** Whether a page may be read at all. */
  hasPage(pageNumber: number): boolean {
    const { lastPage, pageSize } = this.meta;
    return pageNumber >= 2 && pageNumber <= lastPage && (pageNumber + 1) * pageSize <= this.pages.byteLength;
  }

  #read(pageNumber: number, count: number, parent: number): Uint8Array {
    const { lastPage, pageSize } = this.meta;
    // Pages 0 and 1 are metas. The file is checked, too: last page may be a lie.
    if (pageNumber < 2 || pageNumber + count - 1 > lastPage) {
      const found = count === 1 ? `page ${pageNumber}` : `pages ${pageNumber} to ${pageNumber + count - 1}`;
      throw formatError(this.path, parent, `a reference to ${found}`, `pages 2 to ${lastPage}`);
    }
    if ((pageNumber + count) * pageSize > this.pages.byteLength) {
      const found = `a reference to page ${pageNumber + count - 1}`;
      throw formatError(this.path, parent, found, `pages within the file's ${this.pages.byteLength} bytes`);
    }
    return this.pages.read(pageNumber, count, pageSize);
  }
}
