import {
  closed,
  FileLock,
  FileSource,
  isSyncSource,
  nodePath,
  planReads,
  readOnly,
  resolveIndex,
  StowageError,
  type SyncByteSource,
  slabAllocate,
} from "@stowage/core";
import { draftArrays, type StackedMolecules } from "./append-arrays.js";
import { type Codec, type CodecName, codecOf } from "./codec.js";
import { formatError, recordError } from "./errors.js";
import { type FlatBatch, FlatCollector } from "./flat-batch.js";
import {
  type AtpRecovery,
  chooseHeader,
  committedEnd,
  DATA_START,
  emptyHeader,
  type Header,
} from "./header.js";
import { IndexBlock, type IndexEntry } from "./index-block.js";
import { Molecule } from "./molecule.js";
import { RecordView } from "./record.js";
import { draftRecord, type RecordDraft } from "./record-draft.js";
import { admit, MAX_SCHEMA_BYTES, needsFormat3, parseSchema, Schema } from "./schema-block.js";
import { type AtpSchema, describeSchema } from "./schema-view.js";
import { BUILTIN, builtinOf } from "./tags.js";
import { AtpWriter, createAtpFile, type FoundFile } from "./writer.js";

export interface AtpCreateOptions {
  /** How each record is stored. Default `"none"`. */
  codec?: CodecName;
  /** For zstd: 1 (fast) to 22 (small), or negative. Default 3. */
  level?: number;
  /** Replace a file that is there, in one step. Default: refuse. */
  overwrite?: boolean;
  /**
   * Keys of molecule properties whose arrays vary in shape. They are stored as tensors, which atompack reads from
   * 0.4 on; other arrays keep one length over the whole file.
   */
  tensors?: Iterable<string>;
}

export interface AtpOpenOptions {
  /** `"r"` reads, `"r+"` also appends. Default `"r"`. */
  mode?: "r" | "r+";
  /** Read ahead the whole file where it is mapped; no effect on positional reads. */
  populate?: boolean;
  /**
   * Open a damaged file at the last commit that is whole. Without it a file that was cut is refused, and a file with
   * a damaged header can be read but not written.
   */
  recover?: boolean;
}

const DEFAULT_ZSTD_LEVEL = 3;
/** One read serves many records; a molecule keeps the block it came in alive, so blocks stay small. */
const SHARED_BLOCK_BYTES = 256 << 10;
const ITERATION_BATCH = 256;
const ITERATION_BYTES = 1 << 20;

/**
 * An .atp file: molecules appended one after the other, each readable alone.
 *
 * Synchronous: a read is one positional read (none where the bytes are in memory). Open files hold only the header
 * and the pages of the index that were used. Indices may count from the end.
 *
 * @example
 * ```ts
 * using db = AtpFile.create("water.atp", { codec: "zstd" });
 * db.append(new Molecule({ positions: new Float32Array(9), atomicNumbers: [8, 1, 1], energy: -14.2 }));
 * db.flush();
 * console.log(db.at(0).energy); // -14.2
 * ```
 */
export class AtpFile {
  readonly path: string;
  readonly #source: SyncByteSource;
  readonly #ownsSource: boolean;
  readonly #writer: AtpWriter | null;
  #header: Header;
  #index: IndexBlock;
  #codec: Codec;
  #schema: Schema | null;
  #recovery: AtpRecovery | null;
  #recordFormat: number;
  readonly #tensors: ReadonlySet<string>;
  /** Whether a commit would change anything. */
  #dirty: boolean;
  #closed = false;
  #stored = new Uint8Array(0);

  private constructor(
    source: SyncByteSource,
    ownsSource: boolean,
    state: OpenState,
    writer: AtpWriter | null,
    tensors: ReadonlySet<string> = new Set(),
  ) {
    this.path = source.name;
    this.#source = source;
    this.#ownsSource = ownsSource;
    this.#writer = writer;
    this.#tensors = tensors;
    this.#header = state.header;
    this.#recovery = state.recovery;
    this.#index = new IndexBlock(source, state.header);
    this.#codec = codecOf(state.header.codec, state.header.level);
    this.#schema = state.schema;
    this.#recordFormat = state.header.recordFormat;
    this.#dirty = writer !== null && state.header.generation === 0;
  }

  /**
   * Makes a new, empty file under its final name at once, open for appending.
   *
   * @throws {StowageError} ERR_FILE_EXISTS without `overwrite`, ERR_LOCKED if somebody is writing a file of this name.
   */
  static create(path: string, options: AtpCreateOptions = {}): AtpFile {
    const { codec = "none", level = DEFAULT_ZSTD_LEVEL, overwrite = false } = options;
    if (!["none", "lz4", "zstd"].includes(codec)) throw badOption("codec", codec, '"none", "lz4" or "zstd"');
    if (level !== (level | 0)) throw badOption("level", level, "a 32-bit integer");
    const absolute = nodePath().resolve(path);
    const lock = createAtpFile(absolute, emptyHeader(codec, level), overwrite);
    return AtpFile.#openLocked(absolute, lock, false, new Set(options.tensors));
  }

  /**
   * Opens a file by path, or bytes that are in memory or mapped (then `mode` must be `"r"`).
   *
   * @throws {StowageError} ERR_FILE_MISSING, ERR_ATP_FORMAT, ERR_ATP_TRUNCATED, ERR_ATP_DAMAGED, ERR_LOCKED
   */
  static open(input: string | SyncByteSource, options: AtpOpenOptions = {}): AtpFile {
    const { mode = "r", recover = false } = options;
    if (mode !== "r" && mode !== "r+") throw badOption("mode", mode, '"r" or "r+"');
    if (typeof input !== "string") {
      if (!isSyncSource(input)) throw new TypeError("Cannot open this source: AtpFile reads synchronously");
      if (mode === "r+") throw readOnly(input.name);
      return new AtpFile(input, false, readState(input, recover), null);
    }
    const path = nodePath().resolve(input);
    if (mode === "r+") return AtpFile.#openLocked(path, FileLock.acquire(path), recover);
    const source = FileSource.open(path);
    try {
      return new AtpFile(source, true, readState(source, recover), null);
    } catch (error) {
      source.close();
      throw error;
    }
  }

  /** Opens a file for appending. The lock comes first: nobody can replace the file in between. */
  static #openLocked(path: string, lock: FileLock, recover: boolean, tensors?: ReadonlySet<string>): AtpFile {
    let source: FileSource | undefined;
    let writer: AtpWriter | undefined;
    try {
      source = FileSource.open(path);
      const state = readState(source, recover);
      if (state.recovery !== null && !recover) throw damagedError(path, state.recovery);
      writer = new AtpWriter(path, lock, state);
      return new AtpFile(source, true, state, writer, tensors);
    } catch (error) {
      writer?.close();
      source?.close();
      lock.release();
      throw error;
    }
  }

  /** Number of molecules, those appended and not yet flushed included. */
  get length(): number {
    this.#checkOpen();
    return this.#index.length + (this.#writer?.pending.length ?? 0);
  }

  get codec(): CodecName {
    return this.#header.codec;
  }

  /** The level the file was made with; 0 unless the codec is zstd. */
  get level(): number {
    return this.#header.level;
  }

  /** 2, or 3 where positions or fields have types that the first format lacks. */
  get recordFormat(): number {
    return this.#recordFormat;
  }

  /** Commits since the file was made. */
  get generation(): number {
    return this.#header.generation;
  }

  /** What had to be overlooked to open a damaged file; `null` for a sound one. */
  get recovery(): AtpRecovery | null {
    return this.#recovery;
  }

  /** Bytes after the last commit, left by a writer that did not flush; readers ignore them. */
  get uncommittedBytes(): number {
    return (this.#writer ?? this.#source).byteLength - committedEnd(this.#header);
  }

  /** The fields of the file with their types and shapes. Files of 0.2 carry no schema: it is gathered by a scan. */
  get schema(): AtpSchema {
    this.#checkOpen();
    return describeSchema(this.#fileSchema());
  }

  /**
   * One molecule. Its fields are decoded when they are asked for.
   *
   * @throws {StowageError} ERR_INDEX_RANGE, ERR_ATP_RECORD
   */
  at(index: number): Molecule {
    this.#checkOpen();
    const at = resolveIndex(index, this.length, this.path);
    const entry = this.#entry(at);
    return this.#molecule(this.#readRecord(entry, at), entry, at);
  }

  /** Molecules in the order of the indices; neighbours in the file are read together. */
  getMany(indices: ArrayLike<number>): Molecule[] {
    this.#checkOpen();
    const batch = this.#entries(indices);
    const molecules = new Array<Molecule>(batch.length);
    this.#readRecords(batch, true, (slot, bytes) => {
      const { entry, index } = batch[slot]!;
      molecules[slot] = this.#molecule(bytes, entry, index);
    });
    return molecules;
  }

  /**
   * Molecules as one array a field.
   *
   * @param options.fields  Names such as `"forces"` or `"properties.gap"`; default all. Positions, atomic numbers and
   *                        atom counts always come.
   * @throws {StowageError} ERR_INDEX_RANGE, ERR_ATP_RECORD, ERR_FLAT_RAGGED where a field has several shapes.
   */
  flat(indices: ArrayLike<number>, options: { fields?: readonly string[] } = {}): FlatBatch {
    this.#checkOpen();
    const batch = this.#entries(indices);
    const nAtoms = Uint32Array.from(batch, ({ entry }) => entry.nAtoms);
    const schema = this.#fileSchema();
    const positions = batch.length === 0 ? (schema.positionsDType ?? "float32") : this.#positionsDType();
    const collector = new FlatCollector(nAtoms, positions, schema, options.fields, this.path);
    this.#readRecords(batch, false, (slot, bytes) => collector.add(slot, bytes, batch[slot]!.index));
    return collector.finish();
  }

  /** Molecules in the order of the file, read in blocks. */
  *[Symbol.iterator](): Generator<Molecule, void, undefined> {
    for (let start = 0; start < this.length; ) {
      const indices = this.#nextIndices(start);
      yield* this.getMany(indices);
      start += indices.length;
    }
  }

  /** As many molecules from `start` on as may be in memory together. */
  #nextIndices(start: number): number[] {
    const stop = Math.min(start + ITERATION_BATCH, this.length);
    const indices = [start];
    let bytes = this.#entry(start).recordSize;
    for (let index = start + 1; index < stop; index++) {
      bytes += this.#entry(index).recordSize;
      if (bytes > ITERATION_BYTES) break;
      indices.push(index);
    }
    return indices;
  }

  /**
   * Adds molecules at the end: all, or none if one does not fit. Visible on this handle at once, durable and visible
   * to others after `flush()`.
   *
   * @throws {StowageError} ERR_ATP_SCHEMA if a field has another type than in the molecules before.
   */
  append(molecules: Molecule | readonly Molecule[]): void {
    const batch = molecules instanceof Molecule ? [molecules] : molecules;
    this.#append(batch.length, (schema) => {
      const context = { schema, batch, tensors: this.#tensors };
      return batch.map((molecule) => draftRecord(molecule, context, this.path));
    });
  }

  /**
   * Adds molecules of one size from stacked arrays; the fast way to write many.
   *
   * @throws {StowageError} ERR_SHAPE, ERR_DTYPE, ERR_ATP_SCHEMA
   */
  appendArrays(input: StackedMolecules): void {
    this.#append(input.positions?.shape?.[0] ?? 1, (schema) =>
      draftArrays(input, schema, this.#tensors, this.path),
    );
  }

  /** Commits what was appended: after it returns, the molecules survive a power cut. Without news it does nothing. */
  flush(): void {
    const writer = this.#requireWriter();
    if (!this.#dirty) return;
    this.#header = writer.commit(this.#index, this.#fileSchema(), this.#recordFormat);
    writer.pending.truncate(0);
    (this.#source as FileSource).refresh();
    this.#index = new IndexBlock(this.#source, this.#header);
    this.#recovery = null;
    this.#dirty = false;
  }

  /**
   * Takes up what other writers committed since the file was opened.
   *
   * @returns Whether there was anything new.
   */
  refresh(): boolean {
    this.#checkOpen();
    if (this.#writer !== null || !(this.#source instanceof FileSource)) return false;
    const state = readState(this.#source, false);
    if (sameHeader(state.header, this.#header)) return false;
    this.#header = state.header;
    this.#recovery = state.recovery;
    this.#schema = state.schema;
    this.#recordFormat = state.header.recordFormat;
    this.#codec = codecOf(state.header.codec, state.header.level);
    this.#index = new IndexBlock(this.#source, state.header);
    return true;
  }

  /** Flushes what was appended and lets the file go. */
  close(): void {
    if (this.#closed) return;
    try {
      if ((this.#writer?.pending.length ?? 0) > 0) this.flush();
    } finally {
      this.discard();
    }
  }

  /** Lets the file go without committing what was appended since the last flush. */
  discard(): void {
    this.#closed = true;
    this.#writer?.close();
    if (this.#ownsSource) this.#source.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #append(count: number, draft: (schema: Schema) => Iterable<RecordDraft>): void {
    const writer = this.#requireWriter();
    if (count === 0) return;
    const schema = this.#fileSchema().copy();
    const drafts = draft(schema);
    const format = this.#formatFor(schema);
    writer.append(drafts);
    this.#schema = schema;
    this.#recordFormat = format;
    this.#dirty = true;
  }

  /** The first molecules decide the record format; after them it is fixed. */
  #formatFor(schema: Schema): number {
    const format2Tag = (key: string): number | undefined => builtinOf(key)?.format2;
    if (this.#recordFormat === 3 || !needsFormat3(schema, format2Tag)) return this.#recordFormat;
    if (this.length === 0 && this.#fileSchema().size === 0) return 3;
    const [key] = [...schema.entries(BUILTIN)].filter((entry) => format2Tag(entry.key) !== entry.tag);
    throw new StowageError(
      "ERR_ATP_SCHEMA",
      `Cannot add molecules to ${this.path}: its record format 2 holds "${key?.key}" in another type only`,
      {
        path: this.path,
        key: key?.key ?? "positions",
        expected: "the types of record format 2",
        found: "another type",
      },
      {
        hint: "charges, cell and stress are float64 there, forces and velocities float32; or write a new file",
      },
    );
  }

  #requireWriter(): AtpWriter {
    this.#checkOpen();
    if (this.#writer === null) throw readOnly(this.path);
    return this.#writer;
  }

  #checkOpen(): void {
    if (this.#closed) throw closed(this.path);
  }

  #entry(index: number): IndexEntry {
    const committed = this.#index.length;
    return index < committed ? this.#index.entry(index) : this.#writer!.pending.entry(index - committed);
  }

  #molecule(bytes: Uint8Array, entry: IndexEntry, index: number): Molecule {
    const positions = this.#positionsDType();
    return new Molecule(new RecordView(bytes, entry.nAtoms, positions, { path: this.path, index }));
  }

  #positionsDType(): "float32" | "float64" {
    if (this.#recordFormat === 2) return "float32";
    const dtype = this.#schema?.positionsDType;
    if (dtype) return dtype;
    throw formatError(this.path, "its record format is 3 but its schema does not tell the type of positions");
  }

  /** The bytes of one record, decompressed. Its positions are aligned for any element type. */
  #readRecord(entry: IndexEntry, index: number): Uint8Array {
    this.#makeReadable(entry);
    const { byteOffset, storedSize } = entry;
    if (this.#codec.name !== "none")
      return this.#decompress(this.#readStored(byteOffset, storedSize), entry, index);
    if (this.#source.resident) return this.#source.readSync(byteOffset, storedSize);
    const bytes = recordMemory(storedSize);
    this.#source.readIntoSync(bytes, byteOffset);
    return bytes;
  }

  /**
   * The entries of a batch, in the order of the indices.
   *
   * @throws {StowageError} ERR_ATP_FORMAT if they take more bytes than there are: records do not overlap, and a
   * crafted index that says so must not fill the memory.
   */
  #entries(indices: ArrayLike<number>): BatchEntry[] {
    const { length } = this;
    const batch = Array.from(indices, (given) => {
      const index = resolveIndex(given, length, this.path);
      return { index, entry: this.#entry(index) };
    });
    const dataBytes = Math.max(this.#source.byteLength, this.#writer?.end ?? 0) - this.#header.dataStart;
    if (storedBytes(batch) <= dataBytes) return batch;
    const distinct = new Map(batch.map((each) => [each.index, each]));
    if (storedBytes([...distinct.values()]) <= dataBytes) return batch;
    throw formatError(this.path, "the records of its index overlap");
  }

  /**
   * Reads many records with few reads.
   *
   * @param keep  Whether the bytes handed out stay in use; if not, one block of memory serves all.
   */
  #readRecords(
    batch: readonly BatchEntry[],
    keep: boolean,
    use: (slot: number, bytes: Uint8Array) => void,
  ): void {
    for (const { entry } of batch) this.#makeReadable(entry);
    const offsets = batch.map(({ entry }) => entry.byteOffset);
    const sizes = batch.map(({ entry }) => entry.storedSize);
    const compressed = this.#codec.name !== "none";
    for (const read of planReads(offsets, sizes, { maxBytes: SHARED_BLOCK_BYTES })) {
      const block =
        compressed || !keep
          ? this.#readStored(read.byteOffset, read.byteLength)
          : this.#source.readSync(read.byteOffset, read.byteLength);
      for (const slot of read.members) {
        const { entry, index } = batch[slot]!;
        const start = entry.byteOffset - read.byteOffset;
        const stored = block.subarray(start, start + entry.storedSize);
        use(slot, compressed ? this.#decompress(stored, entry, index) : stored);
      }
    }
  }

  /** Stored bytes in memory that the next call reuses. */
  #readStored(byteOffset: number, byteLength: number): Uint8Array {
    if (this.#source.resident) return this.#source.readSync(byteOffset, byteLength);
    if (byteLength > this.#stored.length) this.#stored = new Uint8Array(Math.max(1 << 16, byteLength));
    const bytes = this.#stored.subarray(0, byteLength);
    this.#source.readIntoSync(bytes, byteOffset);
    return bytes;
  }

  #decompress(stored: Uint8Array, entry: IndexEntry, index: number): Uint8Array {
    const record = recordMemory(entry.recordSize);
    const wrong = this.#codec.decompress(stored, record);
    if (wrong === null) return record;
    throw recordError(this.path, index, `its ${this.#codec.name} data is damaged: ${wrong}`);
  }

  /** Records that are still in the write buffer go to the operating system first. */
  #makeReadable(entry: IndexEntry): void {
    if (this.#writer === null) return;
    const end = entry.byteOffset + entry.storedSize;
    if (end > this.#writer.byteLength) this.#writer.writeBuffered();
    if (end > this.#source.byteLength) (this.#source as FileSource).refresh();
  }

  #fileSchema(): Schema {
    this.#schema ??= this.#scanSchema();
    return this.#schema;
  }

  /** Files of 0.2 have no schema block: what they hold is in their records. */
  #scanSchema(): Schema {
    const schema = new Schema();
    if (this.length > 0) schema.positionsDType = this.#positionsDType();
    for (const molecule of this) {
      for (const { kind, key, tag, byteLength } of molecule.record!.sections()) {
        admit(schema, kind, key, tag, byteLength, this.path);
      }
    }
    return schema;
  }
}

/** One molecule of a batch, and where its record is. */
interface BatchEntry {
  readonly index: number;
  readonly entry: IndexEntry;
}

function storedBytes(batch: readonly BatchEntry[]): number {
  return batch.reduce((sum, { entry }) => sum + entry.storedSize, 0);
}

interface OpenState extends FoundFile {
  readonly schema: Schema | null;
  readonly recovery: AtpRecovery | null;
}

function readState(source: SyncByteSource, recover: boolean): OpenState {
  const { name } = source;
  if (source.byteLength < DATA_START) {
    throw formatError(name, `it has ${source.byteLength} bytes, the header alone takes ${DATA_START}`);
  }
  const head = source.readSync(0, DATA_START);
  // What the header names was in the file before the header: asked for after it, the length cannot be too small.
  const byteLength = source instanceof FileSource ? source.refresh() : source.byteLength;
  const { header, slot, recovery } = chooseHeader(head, byteLength, name, recover);
  return { header, slot, recovery, head, byteLength, schema: readSchema(source, header) };
}

function sameHeader(a: Header, b: Header): boolean {
  return (Object.keys(a) as (keyof Header)[]).every((key) => a[key] === b[key]);
}

/** `null` where the file has molecules but no schema block. */
function readSchema(source: SyncByteSource, header: Header): Schema | null {
  const { schemaOffset, schemaLength, nMolecules } = header;
  if (schemaLength === 0) return nMolecules === 0 ? new Schema() : null;
  if (schemaLength > MAX_SCHEMA_BYTES) throw formatError(source.name, `its schema has ${schemaLength} bytes`);
  const schema = parseSchema(source.readSync(schemaOffset, schemaLength), source.name);
  if (header.recordFormat === 2 && schema.positionsDType === "float64") {
    throw formatError(source.name, "its schema has float64 positions, which record format 2 lacks");
  }
  return schema;
}

/** Memory for a record in which its positions, 4 bytes in, lie at a multiple of 8. */
function recordMemory(byteLength: number): Uint8Array {
  const { buffer, byteOffset } = slabAllocate(byteLength + 4);
  return new Uint8Array(buffer, byteOffset + 4, byteLength);
}

function badOption(option: string, value: unknown, expected: string): StowageError<"ERR_OPTION"> {
  return new StowageError(
    "ERR_OPTION",
    `Cannot use ${option} ${JSON.stringify(value)}: it must be ${expected}`,
    {
      option,
      value: String(value),
    },
  );
}

function damagedError(path: string, recovery: AtpRecovery): StowageError<"ERR_ATP_DAMAGED"> {
  return new StowageError(
    "ERR_ATP_DAMAGED",
    `Cannot append to ${path}: a header slot is damaged (${recovery.reason}); its ${recovery.ignoredBytes} bytes ` +
      `after commit ${recovery.generation} would be lost`,
    { path, reason: recovery.reason },
    { hint: "copy the file first, then open it with recover: true to go on from that commit" },
  );
}
