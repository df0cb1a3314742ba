import {
  FileLock,
  type FileSource,
  fileError,
  nodeFs,
  publish,
  StowageError,
  temporaryName,
  writeFully,
} from "@stowage/core";
import { type Codec, codecOf } from "./codec.js";
import { limitError } from "./errors.js";
import {
  chooseHeader,
  committedEnd,
  DATA_START,
  encodeSlot,
  type Header,
  SLOT_BYTES,
  type SlotName,
} from "./header.js";
import { type IndexBlock, PendingEntries } from "./index-block.js";
import { writeUint64 } from "./little-endian.js";
import type { RecordDraft } from "./record-draft.js";
import { encodeSchema, type Schema } from "./schema-block.js";

const BUFFER_BYTES = 4 << 20;
const MAX_UINT32 = 0xffff_ffff;

/**
 * The writing half of an open file: appends records, commits them, and keeps every other writer out.
 *
 * Commit protocol: records, then schema and index at the end of the file; flush; then the header slot that is not in
 * use; flush. A process that dies anywhere in between leaves the last commit in force.
 */
export class AtpWriter {
  readonly path: string;
  readonly pending: PendingEntries = new PendingEntries();
  readonly #lock: FileLock;
  readonly #codec: Codec;
  #fd: number;
  #slot: SlotName;
  #header: Header;
  /** Where the next byte goes, counting what is still in the buffer. */
  #end: number;
  /** Whether bytes after the last commit have been cut off. */
  #tailCut = false;
  #buffer = new Uint8Array(BUFFER_BYTES);
  #buffered = 0;
  #scratch = new Uint8Array(0);

  constructor(path: string, lock: FileLock, header: Header, slot: SlotName) {
    this.path = path;
    this.#lock = lock;
    this.#header = header;
    this.#slot = slot;
    this.#codec = codecOf(header.codec, header.level);
    this.#end = committedEnd(header);
    try {
      this.#fd = nodeFs().openSync(path, "r+");
    } catch (error) {
      lock.release();
      throw fileError(error, "open", path);
    }
  }

  /** Appends records: all, or none if the disk or a limit of the format stops one. On disk after the next commit. */
  append(drafts: Iterable<RecordDraft>): void {
    const count = this.pending.length;
    const end = this.#end;
    try {
      for (const draft of drafts) this.#append(draft);
    } catch (error) {
      this.#rollBack(count, end);
      throw error;
    }
  }

  #append(draft: RecordDraft): void {
    const { byteLength, nAtoms } = draft;
    if (this.#codec.name === "none") {
      const at = this.#reserve(byteLength);
      draft.write(this.#buffer, at);
      this.#advance(byteLength, byteLength, nAtoms);
      return;
    }
    if (byteLength > this.#scratch.length) this.#scratch = new Uint8Array(2 * byteLength);
    draft.write(this.#scratch, 0);
    const at = this.#reserve(this.#codec.bound(byteLength));
    const storedSize = this.#codec.compress(this.#scratch.subarray(0, byteLength), this.#buffer.subarray(at));
    if (storedSize > MAX_UINT32) throw limitError("a compressed molecule", MAX_UINT32, storedSize);
    this.#advance(storedSize, byteLength, nAtoms);
  }

  /** Hands buffered records to the operating system, so that they can be read. Not a commit. */
  writeBuffered(): void {
    if (this.#buffered === 0) return;
    this.#write(this.#buffer.subarray(0, this.#buffered), this.#end - this.#buffered);
    this.#buffered = 0;
  }

  /**
   * Makes durable what was appended.
   *
   * @param index  The index of the last commit, whose entries go into the new one.
   * @returns The header now in force.
   * @throws {StowageError} ERR_ATP_CONFLICT if another program committed meanwhile.
   */
  commit(index: IndexBlock, schema: Schema, recordFormat: number): Header {
    this.#cutTail();
    this.writeBuffered();
    this.#checkUnchanged();
    const schemaBytes =
      schema.size > 0 || schema.positionsDType !== null ? encodeSchema(schema) : new Uint8Array(0);
    const schemaOffset = schemaBytes.length > 0 ? this.#appendRaw(schemaBytes) : 0;
    const nMolecules = index.length + this.pending.length;
    const indexOffset = this.#appendIndex(index, nMolecules);
    const header: Header = {
      ...this.#header,
      generation: this.#header.generation + 1,
      indexOffset,
      indexLength: this.#end - indexOffset,
      nMolecules,
      recordFormat,
      schemaOffset,
      schemaLength: schemaBytes.length,
    };
    const fs = nodeFs();
    try {
      fs.fdatasyncSync(this.#fd);
      this.#writeSlot(header);
      fs.fsyncSync(this.#fd);
    } catch (error) {
      throw fileError(error, "commit to", this.path);
    }
    this.#header = header;
    return header;
  }

  /** Lets the file and the lock go. What was not committed stays behind the last commit, where readers ignore it. */
  close(): void {
    if (this.#fd < 0) return;
    nodeFs().closeSync(this.#fd);
    this.#fd = -1;
    this.#lock.release();
  }

  #rollBack(count: number, end: number): void {
    this.pending.truncate(count);
    const written = this.#end - this.#buffered;
    this.#buffered = Math.max(0, end - written);
    this.#end = end;
    if (end < written) nodeFs().ftruncateSync(this.#fd, end);
  }

  /** Room for `byteLength` bytes in the buffer; returns where they start. */
  #reserve(byteLength: number): number {
    this.#cutTail();
    if (this.#buffered + byteLength > this.#buffer.length) {
      this.writeBuffered();
      if (byteLength > this.#buffer.length) this.#buffer = new Uint8Array(2 * byteLength);
    }
    return this.#buffered;
  }

  #advance(storedSize: number, recordSize: number, nAtoms: number): void {
    this.pending.push({ byteOffset: this.#end, storedSize, recordSize, nAtoms });
    this.#end += storedSize;
    this.#buffered += storedSize;
  }

  #appendRaw(bytes: Uint8Array): number {
    const at = this.#end;
    this.#write(bytes, at);
    this.#end += bytes.length;
    return at;
  }

  #appendIndex(index: IndexBlock, nMolecules: number): number {
    const count = new Uint8Array(8);
    writeUint64(count, 0, nMolecules);
    const offset = this.#appendRaw(count);
    for (const block of index.entryBytes()) this.#appendRaw(block);
    this.#appendRaw(this.pending.bytes());
    return offset;
  }

  /** Removes what an interrupted writer left after the last commit, before anything is written over it. */
  #cutTail(): void {
    if (this.#tailCut) return;
    const fs = nodeFs();
    this.#checkUnchanged();
    try {
      if (fs.fstatSync(this.#fd).size !== this.#end) {
        fs.ftruncateSync(this.#fd, this.#end);
        fs.fsyncSync(this.#fd);
      }
    } catch (error) {
      throw fileError(error, "write", this.path);
    }
    this.#tailCut = true;
  }

  #write(bytes: Uint8Array, position: number): void {
    const { size } = nodeFs().fstatSync(this.#fd);
    if (size !== position) throw this.#conflict(`it has ${size} bytes, expected ${position}`);
    try {
      writeFully(this.#fd, bytes, position);
    } catch (error) {
      throw fileError(error, "write", this.path);
    }
  }

  /** The slot that is not in use is overwritten; for files of the peer that is the one its generation parity names. */
  #writeSlot(header: Header): void {
    const slot: SlotName = this.#slot === "A" ? "B" : "A";
    writeFully(this.#fd, encodeSlot(header), slot === "A" ? 0 : SLOT_BYTES);
    this.#slot = slot;
  }

  /** The peer takes no lock: what the header says now must be what it said when we opened it. */
  #checkUnchanged(): void {
    const fs = nodeFs();
    const head = new Uint8Array(DATA_START);
    fs.readSync(this.#fd, head, 0, head.length, 0);
    const { header } = chooseHeader(head, fs.fstatSync(this.#fd).size, this.path, true);
    if (header.generation === this.#header.generation) return;
    throw this.#conflict(`its commit is ${header.generation}, expected ${this.#header.generation}`);
  }

  #conflict(found: string): StowageError<"ERR_ATP_CONFLICT"> {
    return new StowageError(
      "ERR_ATP_CONFLICT",
      `Cannot write ${this.path}: another program has changed it, ${found}`,
      { path: this.path, found },
      { hint: "open it again and append once more; one program may write at a time" },
    );
  }
}

/**
 * Makes a new file: both slots, durable, under the final name in one step.
 *
 * @returns The lock of the new file, held.
 * @throws {StowageError} ERR_FILE_EXISTS, ERR_LOCKED
 */
export function createAtpFile(path: string, header: Header, overwrite: boolean): FileLock {
  const fs = nodeFs();
  const lock = FileLock.acquire(path);
  const temporary = temporaryName(path);
  try {
    const fd = fs.openSync(temporary, "wx");
    try {
      const slot = encodeSlot(header);
      writeFully(fd, slot, 0);
      writeFully(fd, slot, SLOT_BYTES);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    publish(temporary, path, overwrite);
    return lock;
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    lock.release();
    throw fileError(error, "create", path);
  }
}

/** The lock of an existing file, by its real path: a link to it must not have a lock of its own. */
export function lockAtpFile(source: FileSource): FileLock {
  try {
    return FileLock.acquire(nodeFs().realpathSync(source.name));
  } catch (error) {
    throw fileError(error, "open", source.name);
  }
}
