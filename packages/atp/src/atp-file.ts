import {
  closed,
  FileLock,
  isSyncSource,
  nodePath,
  readOnly,
  resolveIndex,
  StowageError,
  type SyncByteSource,
} from "@stowage/core";
import { type FileByteSource, MapKernels, MmapFile, openFileSource } from "@stowage/mmap";
import { draftArrays, type StackedMolecules } from "./append-arrays.js";
import type { CodecName } from "./codec.js";
import { formatError } from "./errors.js";
import { damagedError, type FileState, readState, sameHeader } from "./file-state.js";
import type { FlatBatch } from "./flat-batch.js";
import { FlatReader } from "./flat-reader.js";
import { type AtpRecovery, committedEnd, emptyHeader, type Header } from "./header.js";
import { readUint32 } from "./little-endian.js";
import { Molecule } from "./molecule.js";
import { RecordView } from "./record.js";
import { draftRecord, type RecordDraft } from "./record-draft.js";
import { RecordReader } from "./record-reader.js";
import { needsFormat3, type Schema } from "./schema-block.js";
import { scanSchema } from "./schema-scan.js";
import { type AtpSchema, describeSchema } from "./schema-view.js";
import { BUILTIN, builtinOf } from "./tags.js";
import { AtpWriter, createAtpFile } from "./writer.js";

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
  readonly #kernels: MapKernels | null;
  #header: Header;
  #records: RecordReader;
  /** Of the fields asked for last: the next batch mostly wants the same. */
  #flat: { readonly fields: string | undefined; readonly reader: FlatReader } | null = null;
  #schema: Schema | null;
  #recovery: AtpRecovery | null;
  #recordFormat: number;
  readonly #tensors: ReadonlySet<string>;
  /** Whether a commit would change anything. */
  #dirty: boolean;
  #closed = false;

  private constructor(
    source: SyncByteSource,
    ownsSource: boolean,
    state: FileState,
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
    this.#kernels = MapKernels.of(source);
    this.#records = new RecordReader(source, state.header, writer, this.#kernels);
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
    const source = openFileSource(path);
    try {
      const state = readState(source, recover);
      if (options.populate === true && source instanceof MmapFile) source.populate();
      return new AtpFile(source, true, state, null);
    } catch (error) {
      source.close();
      throw error;
    }
  }

  /** Opens a file for appending. The lock comes first: nobody can replace the file in between. */
  static #openLocked(path: string, lock: FileLock, recover: boolean, tensors?: ReadonlySet<string>): AtpFile {
    let source: FileByteSource | undefined;
    let writer: AtpWriter | undefined;
    try {
      source = openFileSource(path);
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
    return this.#records.length;
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
    const at = resolveIndex(index, this.#records.length, this.path);
    const bytes = this.#records.readDirect(at);
    if (bytes !== null) return this.#molecule(bytes, at, readUint32(bytes, 0));
    const entry = this.#records.entry(at);
    return this.#molecule(this.#records.read(at, entry), at, entry.nAtoms);
  }

  /** Molecules in the order of the indices; neighbours in the file are read together. */
  getMany(indices: ArrayLike<number>): Molecule[] {
    this.#checkOpen();
    const batch = this.#records.entries(indices);
    const molecules = new Array<Molecule>(batch.length);
    this.#records.readMany(batch, true, (slot, bytes) => {
      const { index, entry } = batch[slot]!;
      molecules[slot] = this.#molecule(bytes, index, entry.nAtoms);
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
    return this.#flatReader(options.fields).read(indices);
  }

  /** Molecules in the order of the file, read in blocks. */
  *[Symbol.iterator](): Generator<Molecule, void, undefined> {
    for (let start = 0; start < this.length; ) {
      const indices = this.#records.indicesFrom(start);
      yield* this.getMany(indices);
      start += indices.length;
    }
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
    this.#header = writer.commit(this.#records.index, this.#fileSchema(), this.#recordFormat);
    writer.pending.truncate(0);
    (this.#source as FileByteSource).refresh();
    this.#records = new RecordReader(this.#source, this.#header, writer, this.#kernels);
    this.#flat = null;
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
    if (this.#writer !== null || !("refresh" in this.#source)) return false;
    const state = readState(this.#source, false);
    const isNew = !sameHeader(state.header, this.#header);
    if (isNew) {
      this.#header = state.header;
      this.#recovery = state.recovery;
      this.#schema = state.schema;
      this.#recordFormat = state.header.recordFormat;
    }
    // Also where nothing is new: a map that grew has ended the views of before.
    this.#records = new RecordReader(this.#source, state.header, null, this.#kernels);
    this.#flat = null;
    return isNew;
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
    this.#flat = null;
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

  #molecule(bytes: Uint8Array, index: number, nAtoms: number): Molecule {
    return new Molecule(new RecordView(bytes, nAtoms, this.#positionsDType(), this.path, index));
  }

  #flatReader(fields: readonly string[] | undefined): FlatReader {
    const key = fields && JSON.stringify(fields);
    if (this.#flat === null || this.#flat.fields !== key) {
      const context = {
        path: this.path,
        header: this.#header,
        schema: this.#fileSchema(),
        records: this.#records,
        kernels: this.#kernels,
        positionsDType: () => this.#positionsDType(),
      };
      this.#flat = { fields: key, reader: new FlatReader(context, fields) };
    }
    return this.#flat.reader;
  }

  #positionsDType(): "float32" | "float64" {
    if (this.#recordFormat === 2) return "float32";
    const dtype = this.#schema?.positionsDType;
    if (dtype) return dtype;
    throw formatError(this.path, "its record format is 3 but its schema does not tell the type of positions");
  }

  #fileSchema(): Schema {
    this.#schema ??= scanSchema(this, this.length > 0 ? this.#positionsDType() : null);
    return this.#schema;
  }
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
