import type { SyncByteSource } from "@stowage/core";
import { codecOf } from "./codec.js";
import { formatError, recordError } from "./errors.js";
import { committedEnd, ENTRY_BYTES, type Header } from "./header.js";
import { readUint32, readUint64, writeUint32, writeUint64 } from "./little-endian.js";

/** Where a record is and what it holds, as the index says. */
export interface IndexEntry {
  byteOffset: number;
  /** Bytes in the file. */
  storedSize: number;
  /** Bytes after decompression. */
  recordSize: number;
  nAtoms: number;
}

/** Entries in one page of the cache (10 KiB): a random access reads no more of the index than this. */
const PAGE_ENTRIES = 512;
/** The longest view that every runtime makes. */
const MAX_VIEW_BYTES = 2 ** 31 - 1;
/** Pages kept: 20 MiB, the whole index of a million molecules. */
const MAX_PAGES = 2048;
/** A record holds 4 + 2 bytes and at least 13 an atom. */
const MIN_RECORD_BYTES = 6;
const MIN_ATOM_BYTES = 13;
/** The peer refuses to decompress more; so a crafted size cannot exhaust memory here either. */
export const MAX_COMPRESSED_RECORD_BYTES: number = 2 ** 30;

/**
 * The index of the committed molecules, read page by page when it is needed: opening costs nothing, whatever the size.
 *
 * Block layout: u64 count, then for each molecule u64 offset, u32 stored size, u32 record size, u32 atoms.
 */
export class IndexBlock {
  readonly length: number;
  readonly #source: SyncByteSource;
  readonly #header: Header;
  /** Whether all entries are in memory already, and their view, which a source may end. */
  readonly #inMemory: boolean;
  #entries: Uint8Array = new Uint8Array(0);
  readonly #pages = new Map<number, Uint8Array>();
  readonly #dataStart: number;
  readonly #dataEnd: number;
  readonly #compressed: boolean;
  readonly #maxExpansion: number;

  /** @throws {StowageError} ERR_ATP_FORMAT if the block's own count differs from the header's. */
  constructor(source: SyncByteSource, header: Header) {
    this.#source = source;
    this.#header = header;
    this.length = header.nMolecules;
    this.#dataStart = header.dataStart;
    this.#dataEnd = committedEnd(header);
    this.#compressed = header.codec !== "none";
    this.#maxExpansion = codecOf(header.codec, header.level).maxExpansion;
    const count = header.indexLength === 0 ? 0 : readUint64(source.readSync(header.indexOffset, 8), 0);
    if (count !== header.nMolecules) {
      throw formatError(source.name, `its header counts ${header.nMolecules} molecules, its index ${count}`);
    }
    this.#inMemory = source.resident && count * ENTRY_BYTES <= MAX_VIEW_BYTES;
  }

  /**
   * One entry, checked against the file.
   *
   * @param index  0 to length - 1.
   * @throws {StowageError} ERR_ATP_RECORD if the entry cannot be true.
   */
  entry(index: number): IndexEntry {
    if (this.#inMemory) return this.#check(index, parseEntry(this.#allEntries(), index * ENTRY_BYTES));
    const page = this.#page(Math.floor(index / PAGE_ENTRIES));
    return this.#check(index, parseEntry(page, (index % PAGE_ENTRIES) * ENTRY_BYTES));
  }

  /** The raw entries, in blocks, for copying them into the next index. */
  *entryBytes(): Generator<Uint8Array> {
    const total = this.length * ENTRY_BYTES;
    const step = 1 << 20;
    for (let at = 0; at < total; at += step) {
      yield this.#source.readSync(this.#header.indexOffset + 8 + at, Math.min(step, total - at));
    }
  }

  #allEntries(): Uint8Array {
    // A map that was made anew, because the file has grown, has emptied the views of before.
    if (this.#entries.length === 0) {
      this.#entries = this.#source.readSync(this.#header.indexOffset + 8, this.length * ENTRY_BYTES);
    }
    return this.#entries;
  }

  #page(number: number): Uint8Array {
    const known = this.#pages.get(number);
    if (known !== undefined) return known;
    const first = number * PAGE_ENTRIES;
    const count = Math.min(PAGE_ENTRIES, this.length - first);
    const page = this.#source.readSync(
      this.#header.indexOffset + 8 + first * ENTRY_BYTES,
      count * ENTRY_BYTES,
    );
    if (this.#pages.size >= MAX_PAGES) this.#pages.delete(this.#pages.keys().next().value!);
    this.#pages.set(number, page);
    return page;
  }

  #check(index: number, entry: IndexEntry): IndexEntry {
    const { byteOffset, storedSize, recordSize, nAtoms } = entry;
    const end = byteOffset + storedSize;
    if (byteOffset < this.#dataStart || end > this.#dataEnd) {
      throw this.#wrong(
        index,
        `it lies at ${byteOffset} to ${end}, the data at ${this.#dataStart} to ${this.#dataEnd}`,
      );
    }
    const most = Math.min(MAX_COMPRESSED_RECORD_BYTES, storedSize * this.#maxExpansion);
    if (this.#compressed ? recordSize > most : recordSize !== storedSize) {
      throw this.#wrong(index, `its size is ${recordSize} bytes, ${storedSize} of them stored`);
    }
    if (recordSize < MIN_RECORD_BYTES + MIN_ATOM_BYTES * nAtoms) {
      throw this.#wrong(index, `its ${recordSize} bytes cannot hold ${nAtoms} atoms`);
    }
    return entry;
  }

  #wrong(index: number, found: string): Error {
    // The view does not tell if its source was closed or the file cut: reading does, by an error that says so.
    this.#source.readIntoSync(
      new Uint8Array(ENTRY_BYTES),
      this.#header.indexOffset + 8 + index * ENTRY_BYTES,
    );
    return recordError(this.#source.name, index, `the index says that ${found}`);
  }
}

function parseEntry(bytes: Uint8Array, at: number): IndexEntry {
  return {
    byteOffset: readUint64(bytes, at),
    storedSize: readUint32(bytes, at + 8),
    recordSize: readUint32(bytes, at + 12),
    nAtoms: readUint32(bytes, at + 16),
  };
}

/** Index entries of molecules that are appended but not committed. */
export class PendingEntries {
  #bytes = new Uint8Array(64 * ENTRY_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(entry: IndexEntry): void {
    const at = this.#length * ENTRY_BYTES;
    if (at === this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    writeUint64(this.#bytes, at, entry.byteOffset);
    writeUint32(this.#bytes, at + 8, entry.storedSize);
    writeUint32(this.#bytes, at + 12, entry.recordSize);
    writeUint32(this.#bytes, at + 16, entry.nAtoms);
    this.#length++;
  }

  /** Forgets the entries from `length` on. */
  truncate(length: number): void {
    this.#length = length;
  }

  entry(index: number): IndexEntry {
    return parseEntry(this.#bytes, index * ENTRY_BYTES);
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length * ENTRY_BYTES);
  }
}
