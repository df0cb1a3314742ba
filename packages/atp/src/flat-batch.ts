import {
  allocate,
  bytesOf,
  DTYPES,
  type DType,
  type DTypeInfo,
  type NdArray,
  StowageError,
  sizeOf,
  unsetBuffer,
} from "@stowage/core";
import { recordError } from "./errors.js";
import type { FieldSelection, FlatField } from "./flat-fields.js";
import { copyBytes, readUint32 } from "./little-endian.js";
import {
  checkSection,
  type RecordOrigin,
  type Section,
  sectionCount,
  sectionsOffset,
  shapeOf,
} from "./record.js";
import type { PositionsDType } from "./schema-block.js";
import { ATOM_SCOPE, BUILTIN, builtinOf, MOLECULE_SCOPE, type Tag } from "./tags.js";

/**
 * Many molecules as one array a field.
 *
 * Per-atom fields are joined along their first extent (nTotal = the sum of `nAtoms`); the others have the molecules
 * as their first extent. A field stands here if the schema of the file has it.
 */
export interface FlatBatch {
  /** Atoms of each molecule, (n,). */
  nAtoms: Uint32Array;
  /** (nTotal, 3), Å. */
  positions: NdArray;
  /** (nTotal,). */
  atomicNumbers: Uint8Array;
  /** (n,), eV. */
  energy?: NdArray;
  /** (nTotal, 3), eV/Å. */
  forces?: NdArray;
  /** (nTotal,), e. */
  charges?: NdArray;
  /** (nTotal, 3). */
  velocities?: NdArray;
  /** (n, 3, 3), Å. */
  cell?: NdArray;
  /** (n, 3, 3), eV/Å³. */
  stress?: NdArray;
  /** (n, 3), bool. */
  pbc?: NdArray;
  name?: (string | null)[];
  /** Molecule scope: numbers as (n, …), text as a list. */
  properties: Record<string, NdArray | (string | null)[]>;
  /** Atom scope: (nTotal, …). */
  atomProperties: Record<string, NdArray>;
  /**
   * 1 where a molecule has no such field, (n,); only for fields that some molecule lacks. Absent numbers read 0,
   * absent text `null`. Custom fields are named `properties.key` and `atomProperties.key`.
   */
  missing: Record<string, Uint8Array>;
}

/** The values of one field while the records pass. */
export interface FlatColumn {
  readonly field: FlatField;
  /** Which molecules have it. */
  readonly present: Uint8Array;
  itemShape: readonly number[] | null;
  data: NdArray["data"] | null;
  texts: (string | null)[] | null;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder();
/** So many fields are compared one by one before a map is asked. */
const NEAR_FIELDS = 32;
/** The longest array of bytes that V8 allows. */
const MAX_FIELD_BYTES = 2 ** 32;
/** A crafted schema may claim any length for a field that no record has. */
export const MAX_ABSENT_BYTES: number = 2 ** 28;

/**
 * Collects records into a flat batch, in any order of arrival.
 */
export class FlatCollector {
  readonly nAtoms: Uint32Array;
  readonly positions: Uint8Array;
  readonly atomicNumbers: Uint8Array;
  readonly columns: readonly FlatColumn[];
  /** (fields, molecules): the `present` of all columns. */
  readonly present: Uint8Array;
  readonly #atomOffsets: Float64Array;
  readonly #positionsDType: PositionsDType;
  readonly #positionsData: NdArray["data"];
  /** For files of many fields only. */
  #byName: Map<string, number> | null = null;
  readonly #complete: boolean;
  readonly #path: string;

  /**
   * @param nAtoms  As the index says, in the order of the batch.
   * @param unset   Whether positions and atomic numbers come as the allocator left them, to be filled by the caller.
   */
  constructor(
    nAtoms: Uint32Array,
    positionsDType: PositionsDType,
    { fields, complete }: FieldSelection,
    path: string,
    unset = false,
  ) {
    const count = nAtoms.length;
    this.nAtoms = nAtoms;
    this.#path = path;
    this.#atomOffsets = new Float64Array(count + 1);
    for (let i = 0; i < count; i++) this.#atomOffsets[i + 1] = this.#atomOffsets[i]! + nAtoms[i]!;
    this.#positionsDType = positionsDType;
    this.#positionsData = allocateField("positions", positionsDType, 3 * this.totalAtoms, unset);
    this.positions = bytesOf(this.#positionsData);
    this.atomicNumbers = bytesOf(allocateField("atomicNumbers", "uint8", this.totalAtoms, unset));
    this.#complete = complete;
    this.present = new Uint8Array(fields.length * count);
    this.columns = fields.map((field, i) => {
      const text = field.tag.dtype === null;
      return {
        field,
        present: this.present.subarray(i * count, (i + 1) * count),
        itemShape: null,
        data: null,
        texts: text ? new Array<string | null>(count).fill(null) : null,
      };
    });
  }

  get totalAtoms(): number {
    return this.#atomOffsets[this.nAtoms.length]!;
  }

  /**
   * Takes one record.
   *
   * @param slot   Its place in the batch.
   * @param index  Its place in the file, for messages.
   */
  add(slot: number, bytes: Uint8Array, index: number): void {
    const origin = { path: this.#path, index };
    const nAtoms = this.nAtoms[slot]!;
    const sections = sectionsOffset(bytes, nAtoms, this.#positionsDType, origin);
    const firstAtom = this.#atomOffsets[slot]!;
    const positionBytes = this.#positionsDType === "float32" ? 12 : 24;
    copyBytes(bytes, 4, this.positions, firstAtom * positionBytes, nAtoms * positionBytes);
    copyBytes(bytes, 4 + nAtoms * positionBytes, this.atomicNumbers, firstAtom, nAtoms);
    if (this.columns.length > 0 || this.#complete) this.#addSections(slot, bytes, sections, nAtoms, origin);
  }

  /** Makes the array of a field whose values have this shape. */
  allocate(column: FlatColumn, itemShape: readonly number[], unset = false): NdArray["data"] {
    const { key, perAtom, tag } = column.field;
    const rows = perAtom ? this.totalAtoms : this.nAtoms.length;
    column.itemShape = itemShape;
    column.data = allocateField(key, tag.dtype!, rows * sizeOf(itemShape), unset);
    return column.data;
  }

  finish(): FlatBatch {
    const batch: FlatBatch = {
      nAtoms: this.nAtoms,
      positions: { dtype: this.#positionsDType, shape: [this.totalAtoms, 3], data: this.#positionsData },
      atomicNumbers: this.atomicNumbers,
      properties: {},
      atomProperties: {},
      missing: {},
    };
    for (const column of this.columns) {
      const { kind, key, name } = column.field;
      const value = this.#value(column);
      if (value === null) continue;
      if (kind === BUILTIN) Object.assign(batch, { [key]: value });
      else if (kind === ATOM_SCOPE) define(batch.atomProperties, key, value as NdArray);
      else define(batch.properties, key, value);
      if (column.present.includes(0)) {
        define(
          batch.missing,
          name,
          column.present.map((has) => 1 - has),
        );
      }
    }
    return batch;
  }

  #addSections(slot: number, bytes: Uint8Array, start: number, nAtoms: number, origin: RecordOrigin): void {
    const count = sectionCount(bytes, start);
    let at = start;
    let expected = 0;
    for (let i = 0; i < count; i++) {
      const keyLength = bytes[at + 1] ?? 0; // past the end: what follows is cut, too
      const head = at + 2 + keyLength;
      if (head + 5 > bytes.length)
        throw recordError(origin.path, origin.index, `section ${i} of ${count} is cut`);
      const byteLength = readUint32(bytes, head + 1);
      const end = head + 5 + byteLength;
      if (end > bytes.length) {
        throw recordError(
          origin.path,
          origin.index,
          `section ${i} runs ${end - bytes.length} bytes past the record`,
        );
      }
      const found = this.#findColumn(bytes, at, keyLength, expected);
      if (found >= 0) {
        // Records of one file mostly have the same sections in the same order: try the next one first.
        expected = found + 1;
        const column = this.columns[found]!;
        const { kind, key } = column.field;
        const section = { kind, key, tag: bytes[head]!, byteOffset: head + 5, byteLength };
        this.#take(column, slot, section, bytes, nAtoms, origin);
      } else if (this.#complete) {
        checkUnknown(bytes, at, keyLength, origin);
      }
      at = end;
    }
  }

  #findColumn(bytes: Uint8Array, at: number, keyLength: number, expected: number): number {
    const { columns } = this;
    const near = Math.min(columns.length, NEAR_FIELDS);
    for (let step = 0; step < near; step++) {
      const candidate = (expected + step) % columns.length;
      const { kind, keyBytes } = columns[candidate]!.field;
      if (kind !== bytes[at] || keyBytes.length !== keyLength) continue;
      let i = 0;
      while (i < keyLength && keyBytes[i] === bytes[at + 2 + i]) i++;
      if (i === keyLength) return candidate;
    }
    if (near === columns.length) return -1;
    this.#byName ??= new Map(columns.map(({ field }, i) => [nameOf(field.kind, field.keyBytes), i]));
    return this.#byName.get(nameOf(bytes[at]!, bytes.subarray(at + 2, at + 2 + keyLength))) ?? -1;
  }

  #take(
    column: FlatColumn,
    slot: number,
    section: Section,
    bytes: Uint8Array,
    nAtoms: number,
    origin: RecordOrigin,
  ): void {
    const { field } = column;
    if (column.present[slot] === 1)
      throw recordError(origin.path, origin.index, `"${field.key}" stands twice`);
    const tag = checkSection(section, nAtoms, bytes, origin);
    if (tag !== field.tag) {
      throw recordError(
        origin.path,
        origin.index,
        `"${field.key}" has type ${section.tag}, the schema says ${field.tag.tag}`,
      );
    }
    column.present[slot] = 1;
    if (tag.layout === "none") return;
    if (tag.layout === "string") {
      column.texts![slot] = decodeText(bytes, section, origin);
      return;
    }
    const shape = shapeOf(tag, section, bytes);
    const itemShape = field.perAtom ? shape.slice(1) : shape;
    if (field.perAtom && shape[0] !== nAtoms) {
      throw recordError(
        origin.path,
        origin.index,
        `"${field.key}" does not hold one value for each of ${nAtoms} atoms`,
      );
    }
    this.#place(column, slot, itemShape, section, bytes, tag, nAtoms);
  }

  #place(
    column: FlatColumn,
    slot: number,
    itemShape: readonly number[],
    section: Section,
    bytes: Uint8Array,
    tag: Tag,
    nAtoms: number,
  ): void {
    if (column.data === null) this.allocate(column, itemShape);
    else if (!sameShape(itemShape, column.itemShape!)) throw ragged(column, itemShape, this.#path);
    const { perAtom } = column.field;
    const items = perAtom ? nAtoms : 1;
    const first = perAtom ? this.#atomOffsets[slot]! : slot;
    const itemBytes = sizeOf(itemShape) * (DTYPES[tag.dtype!] as DTypeInfo).itemSize;
    const from = section.byteOffset + section.byteLength - items * itemBytes;
    const target = bytesOf(column.data!);
    copyBytes(bytes, from, target, first * itemBytes, items * itemBytes);
    if (tag.layout === "bool3")
      for (let i = 0; i < 3; i++) target[3 * slot + i] = bytes[from + i] === 0 ? 0 : 1;
  }

  /** The array or list of a field; `null` where no molecule of the batch tells its shape. */
  #value(column: FlatColumn): NdArray | (string | null)[] | null {
    if (column.texts !== null) return column.texts;
    const { field } = column;
    const rows = field.perAtom ? this.totalAtoms : this.nAtoms.length;
    if (column.data === null) {
      // No molecule has it: its shape is what the schema says, as far as that can be believed.
      if (field.itemShape === null) return null;
      const bytes = rows * sizeOf(field.itemShape) * (DTYPES[field.tag.dtype!] as DTypeInfo).itemSize;
      if (!(bytes <= MAX_ABSENT_BYTES)) return null;
      this.allocate(column, field.itemShape);
    }
    return { dtype: field.tag.dtype!, shape: [rows, ...column.itemShape!], data: column.data! };
  }
}

/** A field's kind and key in one string, byte by byte. */
function nameOf(kind: number, keyBytes: Uint8Array): string {
  return String.fromCharCode(kind, ...keyBytes);
}

/** @throws {StowageError} ERR_ATP_LIMIT where the runtime has no array of that size, or no memory for it. */
function allocateField(key: string, dtype: DType, length: number, unset: boolean): NdArray["data"] {
  const { itemSize, ctor } = DTYPES[dtype] as DTypeInfo;
  const byteLength = length * itemSize;
  let cause: unknown;
  try {
    if (byteLength <= MAX_FIELD_BYTES)
      return unset ? new ctor(unsetBuffer(byteLength)) : allocate(dtype, length);
  } catch (error) {
    cause = error;
  }
  throw new StowageError(
    "ERR_ATP_LIMIT",
    `Cannot put "${key}" of these molecules into one array: there is no room for ${byteLength} bytes`,
    { what: key, limit: MAX_FIELD_BYTES, found: byteLength },
    { hint: "read fewer molecules at a time", cause },
  );
}

/** A field that the schema of the file lacks is damage; builtins of later releases are passed over. */
function checkUnknown(bytes: Uint8Array, at: number, keyLength: number, origin: RecordOrigin): void {
  const kind = bytes[at]!;
  const key = lenientDecoder.decode(bytes.subarray(at + 2, at + 2 + keyLength));
  if (kind > MOLECULE_SCOPE || (kind === BUILTIN && builtinOf(key) === undefined)) return;
  throw recordError(origin.path, origin.index, `"${key}" is not in the schema of the file`);
}

/** Sets a key that may be any text, `__proto__` too. */
function define<T>(target: Record<string, T>, key: string, value: T): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

function decodeText(bytes: Uint8Array, section: Section, origin: RecordOrigin): string {
  try {
    return decoder.decode(bytes.subarray(section.byteOffset, section.byteOffset + section.byteLength));
  } catch {
    throw recordError(origin.path, origin.index, `the text of "${section.key}" is not UTF-8`);
  }
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}

function ragged(column: FlatColumn, found: readonly number[], path: string): StowageError<"ERR_FLAT_RAGGED"> {
  const { key } = column.field;
  return new StowageError(
    "ERR_FLAT_RAGGED",
    `Cannot put "${key}" of ${path} into one array: its shape is (${column.itemShape!.join(", ")}) in one ` +
      `molecule and (${found.join(", ")}) in another`,
    { key },
    { hint: "leave the field out by the option fields, or read molecule by molecule with at() or getMany()" },
  );
}
