import {
  FileLock,
  fileError,
  fileExists,
  nodeFs,
  publish,
  StowageError,
  temporaryName,
  writeFully,
} from "@stowage/core";
import { type Codec, codecOf } from "./codec.js";
import { limitError } from "./errors.js";
import { committedEnd, encodeSlot, type Header, SLOT_BYTES, type SlotName } from "./header.js";
import { type IndexBlock, MAX_COMPRESSED_RECORD_BYTES, PendingEntries } from "./index-block.js";
import { compareBytes } from "./key-order.js";
import { writeUint64 } from "./little-endian.js";
import { RecordBatch } from "./record-batch.js";
import type { RecordDraft } from "./record-draft.js";
import { encodeSchema, type Schema } from "./schema-block.js";

const BUFFER_BYTES = 4 << 20;

/** What a file was when it was opened for writing. */
export interface FoundFile {
  readonly header: Header;
  /** The slot that holds the header. */
  readonly slot: SlotName;
  /** Both slots as they are in the file. */
  readonly head: Uint8Array;
  readonly byteLength: number;
}

/**
 * The writing half of an open file: appends records, commits them, and keeps every other writer out.
 *
 * Commit protocol: records, then schema and index at the end of the file; flush; then the header slot that is not in
 * use; flush. A process that dies anywhere in between leaves the last commit in force.
 *
 * The peer takes no lock. So the file's length is compared before each write, and the header before each commit, with
 * what this writer left behind: a file that somebody else changed is written no further, and nothing is cut from it.
 */
export class AtpWriter {
  readonly path: string;
  readonly pending: PendingEntries = new PendingEntries();
  readonly #lock: FileLock;
  readonly #codec: Codec;
  readonly #head: Uint8Array;
  readonly #fd: number;
  #open = true;
  #slot: SlotName;
  #header: Header;
  /** Length of the file as this writer knows it; what is appended lies behind it in the buffer. */
  #byteLength: number;
  /** Whether bytes after the last commit have been cut off. */
  #tailCut = false;
  #buffer = new Uint8Array(BUFFER_BYTES);
  #buffered = 0;
  readonly #batch = new RecordBatch();

  /** @param lock  Of this path; released by `close`. */
  constructor(path: string, lock: FileLock, found: FoundFile) {
    this.path = path;
    this.#lock = lock;
    this.#header = found.header;
    this.#slot = found.slot;
    this.#head = found.head;
    this.#byteLength = found.byteLength;
    this.#codec = codecOf(found.header.codec, found.header.level);
    this.#fd = this.#tryTo("open", (fs) => fs.openSync(path, "r+"));
  }

  /** Length of the file: what lies before can be read, what was appended behind it is still in the buffer. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Where the next byte goes, counting what is still in the buffer. */
  get end(): number {
    return this.#byteLength + this.#buffered;
  }

  /** Appends records: all, or none if the disk or a limit of the format stops one. On disk after the next commit. */
  append(drafts: Iterable<RecordDraft>): void {
    this.#cutTail();
    const count = this.pending.length;
    const end = this.end;
    try {
      if (this.#codec.name === "none") for (const draft of drafts) this.#appendPlain(draft);
      else this.#appendCompressed(drafts);
    } catch (error) {
      this.pending.truncate(count);
      this.#forget(end);
      throw error;
    }
  }

  #appendPlain({ byteLength, nAtoms, write }: RecordDraft): void {
    const at = this.#reserve(byteLength);
    write(this.#buffer, at);
    this.#advance(byteLength, byteLength, nAtoms);
  }

  #appendCompressed(drafts: Iterable<RecordDraft>): void {
    this.#batch.clear(); // of what an error left there
    for (const draft of drafts) {
      if (draft.byteLength > MAX_COMPRESSED_RECORD_BYTES) {
        throw limitError("a compressed molecule", MAX_COMPRESSED_RECORD_BYTES, draft.byteLength);
      }
      if (!this.#batch.hasRoom(draft.byteLength)) this.#compressBatch(this.#batch);
      this.#batch.push(draft, this.#codec.bound(draft.byteLength));
    }
    this.#compressBatch(this.#batch);
  }

  #compressBatch(batch: RecordBatch): void {
    if (batch.length === 0) return;
    const sizes = new Uint32Array(batch.length);
    const at = this.#reserve(batch.bound);
    this.#codec.compressMany(batch.bytes, batch.ends, this.#buffer.subarray(at), sizes);
    for (let i = 0; i < sizes.length; i++) this.#advance(sizes[i]!, batch.recordSize(i), batch.nAtoms[i]!);
    batch.clear();
  }

  /** Hands buffered records to the operating system, so that they can be read. Not a commit. */
  writeBuffered(): void {
    if (this.#buffered === 0) return;
    this.#write(this.#buffer.subarray(0, this.#buffered));
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
    const dataEnd = this.#byteLength;
    let header: Header;
    try {
      header = this.#writeIndex(index, schema, recordFormat);
    } catch (error) {
      this.#forget(dataEnd);
      throw error;
    }
    this.#writeSlot(header);
    return header;
  }

  /** Lets the file and the lock go. What was not committed stays behind the last commit, where readers ignore it. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    nodeFs().closeSync(this.#fd);
    this.#lock.release();
  }

  /** Takes back what was appended from `end` on, in the buffer and in the file. */
  #forget(end: number): void {
    this.#buffered = Math.max(0, end - this.#byteLength);
    if (end < this.#byteLength) this.#truncate(end);
  }

  /** Cuts off what this writer wrote from `end` on, unless somebody else has written since. */
  #truncate(end: number): void {
    this.#tryTo("cut", (fs) => {
      if (fs.fstatSync(this.#fd).size !== this.#byteLength) return;
      fs.ftruncateSync(this.#fd, end);
      this.#byteLength = end;
    });
  }

  /** Room for `byteLength` bytes in the buffer; returns where they start. */
  #reserve(byteLength: number): number {
    if (this.#buffered + byteLength > this.#buffer.length) {
      this.writeBuffered();
      if (byteLength > this.#buffer.length) this.#buffer = largerBuffer(byteLength);
    }
    return this.#buffered;
  }

  #advance(storedSize: number, recordSize: number, nAtoms: number): void {
    this.pending.push({ byteOffset: this.end, storedSize, recordSize, nAtoms });
    this.#buffered += storedSize;
  }

  /** Writes schema and index, durably, and returns the header that names them. */
  #writeIndex(index: IndexBlock, schema: Schema, recordFormat: number): Header {
    const hasSchema = schema.size > 0 || schema.positionsDType !== null;
    const schemaBytes = hasSchema ? encodeSchema(schema) : new Uint8Array(0);
    const schemaOffset = hasSchema ? this.#byteLength : 0;
    if (hasSchema) this.#write(schemaBytes);
    const nMolecules = index.length + this.pending.length;
    const indexOffset = this.#byteLength;
    const count = new Uint8Array(8);
    writeUint64(count, 0, nMolecules);
    this.#write(count);
    for (const block of index.entryBytes()) this.#write(block);
    this.#write(this.pending.bytes());
    this.#tryTo("commit to", (fs) => fs.fdatasyncSync(this.#fd));
    this.#checkUnchanged();
    return {
      ...this.#header,
      generation: this.#header.generation + 1,
      indexOffset,
      indexLength: this.#byteLength - indexOffset,
      nMolecules,
      recordFormat,
      schemaOffset,
      schemaLength: schemaBytes.length,
    };
  }

  /** The slot that is not in use is overwritten; for files of the peer that is the one its generation parity names. */
  #writeSlot(header: Header): void {
    const slot: SlotName = this.#slot === "A" ? "B" : "A";
    const bytes = encodeSlot(header);
    const position = slot === "A" ? 0 : SLOT_BYTES;
    this.#tryTo("commit to", (fs) => {
      try {
        writeFully(this.#fd, bytes, position);
      } catch (error) {
        // A slot torn by a full disk is our own doing: the next commit writes it again.
        fs.readSync(this.#fd, this.#head, 0, this.#head.length, 0);
        throw error;
      }
      this.#head.set(bytes, position);
      this.#slot = slot;
      this.#header = header;
      fs.fsyncSync(this.#fd);
    });
  }

  /** Removes what an interrupted writer left after the last commit, before anything is written over it. */
  #cutTail(): void {
    if (this.#tailCut) return;
    this.#checkUnchanged();
    const end = committedEnd(this.#header);
    if (this.#byteLength !== end) {
      this.#truncate(end);
      this.#tryTo("write", (fs) => fs.fsyncSync(this.#fd));
    }
    this.#tailCut = true;
  }

  /** Appends to the file: all bytes, or none if the disk is full. */
  #write(bytes: Uint8Array): void {
    this.#checkLength();
    this.#tryTo("write", (fs) => {
      try {
        writeFully(this.#fd, bytes, this.#byteLength);
      } catch (error) {
        fs.ftruncateSync(this.#fd, this.#byteLength);
        throw error;
      }
    });
    this.#byteLength += bytes.length;
  }

  #checkUnchanged(): void {
    this.#checkLength();
    const head = new Uint8Array(this.#head.length);
    this.#tryTo("read", (fs) => fs.readSync(this.#fd, head, 0, head.length, 0));
    if (compareBytes(head, this.#head) !== 0) throw this.#conflict("its header is another one");
  }

  #checkLength(): void {
    const { size } = this.#tryTo("read", (fs) => fs.fstatSync(this.#fd));
    if (size === this.#byteLength) return;
    throw this.#conflict(`it has ${size} bytes, expected ${this.#byteLength}`);
  }

  #tryTo<T>(verb: string, action: (fs: typeof import("node:fs")) => T): T {
    try {
      return action(nodeFs());
    } catch (error) {
      throw fileError(error, verb, this.path);
    }
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

/** With room for records somewhat larger, but no array beyond what the runtime has. */
function largerBuffer(byteLength: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(byteLength < 2 ** 30 ? 2 * byteLength : byteLength);
}

/**
 * Makes a new file: both slots, durable, under the final name in one step.
 *
 * @returns The lock of the new file, held.
 * @throws {StowageError} ERR_FILE_EXISTS, ERR_LOCKED
 */
export function createAtpFile(path: string, header: Header, overwrite: boolean): FileLock {
  const fs = nodeFs();
  if (!overwrite && fs.existsSync(path)) throw fileExists(path);
  const lock = FileLock.acquire(path);
  // The file that a link leads to is replaced, not the link: the lock is that file's.
  const target = fs.existsSync(path) ? fs.realpathSync(path) : path;
  const temporary = temporaryName(target);
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
    publish(temporary, target, overwrite);
    return lock;
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    lock.release();
    throw fileError(error, "create", path);
  }
}
