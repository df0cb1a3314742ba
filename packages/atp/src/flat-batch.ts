import {
  allocate,
  bytesOf,
  DTYPES,
  type DType,
  type DTypeInfo,
  type NdArray,
  StowageError,
  sizeOf,
} from "@stowage/core";
import { recordError } from "./errors.js";
import { fieldName } from "./field-name.js";
import { copyBytes, readUint32 } from "./little-endian.js";
import {
  checkSection,
  type RecordOrigin,
  type Section,
  sectionCount,
  sectionsOffset,
  shapeOf,
} from "./record.js";
import type { PositionsDType, Schema, SchemaEntry } from "./schema-block.js";
import { ATOM_SCOPE, BUILTIN, builtinOf, type Kind, MOLECULE_SCOPE, TAGS, type Tag } from "./tags.js";

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

/** One field while the records pass. */
interface FlatField {
  readonly kind: Kind;
  readonly key: string;
  readonly keyBytes: Uint8Array;
  readonly name: string;
  readonly perAtom: boolean;
  /** Which molecules have it. */
  readonly present: Uint8Array;
  tag: Tag | null;
  /** Shape of one molecule's (or one atom's) value. */
  itemShape: readonly number[];
  data: NdArray["data"] | null;
  texts: (string | null)[] | null;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder();
/** So many fields are compared one by one before a map is asked. */
const NEAR_FIELDS = 32;
/** The longest array of bytes that V8 allows. */
const MAX_FIELD_BYTES = 2 ** 32;
/** A crafted schema may claim any length for a field that no record has. */
const MAX_ABSENT_BYTES = 2 ** 28;

/**
 * Collects records into a flat batch, in any order of arrival.
 */
export class FlatCollector {
  readonly #nAtoms: Uint32Array;
  readonly #atomOffsets: Float64Array;
  readonly #positionsDType: PositionsDType;
  readonly #positions: Uint8Array;
  readonly #positionsData: NdArray["data"];
  readonly #atomicNumbers: Uint8Array;
  readonly #fields: FlatField[];
  /** For files of many fields only. */
  #byName: Map<string, number> | null = null;
  /** Whether all fields of the file are collected, so that a record can have no other. */
  readonly #complete: boolean;
  readonly #path: string;

  /**
   * @param nAtoms  As the index says, in the order of the batch.
   * @param wanted  Names of fields; `undefined` for all.
   */
  constructor(
    nAtoms: Uint32Array,
    positionsDType: PositionsDType,
    schema: Schema,
    wanted: readonly string[] | undefined,
    path: string,
  ) {
    this.#nAtoms = nAtoms;
    this.#path = path;
    this.#atomOffsets = new Float64Array(nAtoms.length + 1);
    for (let i = 0; i < nAtoms.length; i++) this.#atomOffsets[i + 1] = this.#atomOffsets[i]! + nAtoms[i]!;
    this.#positionsDType = positionsDType;
    this.#positionsData = allocateField("positions", positionsDType, 3 * this.#totalAtoms);
    this.#positions = bytesOf(this.#positionsData);
    this.#atomicNumbers = new Uint8Array(this.#totalAtoms);
    this.#complete = wanted === undefined;
    this.#fields = selectFields(schema, wanted, nAtoms.length, path);
  }

  get #totalAtoms(): number {
    return this.#atomOffsets[this.#nAtoms.length]!;
  }

  /**
   * Takes one record.
   *
   * @param slot   Its place in the batch.
   * @param index  Its place in the file, for messages.
   */
  add(slot: number, bytes: Uint8Array, index: number): void {
    const origin = { path: this.#path, index };
    const nAtoms = this.#nAtoms[slot]!;
    const sections = sectionsOffset(bytes, nAtoms, this.#positionsDType, origin);
    const firstAtom = this.#atomOffsets[slot]!;
    const positionBytes = this.#positionsDType === "float32" ? 12 : 24;
    copyBytes(bytes, 4, this.#positions, firstAtom * positionBytes, nAtoms * positionBytes);
    copyBytes(bytes, 4 + nAtoms * positionBytes, this.#atomicNumbers, firstAtom, nAtoms);
    if (this.#fields.length > 0 || this.#complete) this.#addSections(slot, bytes, sections, nAtoms, origin);
  }

  finish(): FlatBatch {
    const batch: FlatBatch = {
      nAtoms: this.#nAtoms,
      positions: { dtype: this.#positionsDType, shape: [this.#totalAtoms, 3], data: this.#positionsData },
      atomicNumbers: this.#atomicNumbers,
      properties: {},
      atomProperties: {},
      missing: {},
    };
    for (const field of this.#fields) {
      const value = this.#fieldValue(field);
      if (value === null) continue;
      if (field.kind === BUILTIN) Object.assign(batch, { [field.key]: value });
      else if (field.kind === ATOM_SCOPE) define(batch.atomProperties, field.key, value as NdArray);
      else define(batch.properties, field.key, value);
      if (field.present.includes(0))
        define(
          batch.missing,
          field.name,
          field.present.map((has) => 1 - has),
        );
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
      const found = this.#findField(bytes, at, keyLength, expected);
      if (found >= 0) {
        // Records of one file mostly have the same sections in the same order: try the next one first.
        expected = found + 1;
        const field = this.#fields[found]!;
        const section = {
          kind: field.kind,
          key: field.key,
          tag: bytes[head]!,
          byteOffset: head + 5,
          byteLength,
        };
        this.#take(field, slot, section, bytes, nAtoms, origin);
      } else if (this.#complete) {
        checkUnknown(bytes, at, keyLength, origin);
      }
      at = end;
    }
  }

  #findField(bytes: Uint8Array, at: number, keyLength: number, expected: number): number {
    const fields = this.#fields;
    const near = Math.min(fields.length, NEAR_FIELDS);
    for (let step = 0; step < near; step++) {
      const candidate = (expected + step) % fields.length;
      const { kind, keyBytes } = fields[candidate]!;
      if (kind !== bytes[at] || keyBytes.length !== keyLength) continue;
      let i = 0;
      while (i < keyLength && keyBytes[i] === bytes[at + 2 + i]) i++;
      if (i === keyLength) return candidate;
    }
    if (near === fields.length) return -1;
    this.#byName ??= new Map(fields.map(({ kind, keyBytes }, i) => [nameOf(kind, keyBytes), i]));
    return this.#byName.get(nameOf(bytes[at]!, bytes.subarray(at + 2, at + 2 + keyLength))) ?? -1;
  }

  #take(
    field: FlatField,
    slot: number,
    section: Section,
    bytes: Uint8Array,
    nAtoms: number,
    origin: RecordOrigin,
  ): void {
    if (field.present[slot] === 1)
      throw recordError(origin.path, origin.index, `"${field.key}" stands twice`);
    const tag = checkSection(section, nAtoms, bytes, origin);
    if (tag !== field.tag) {
      throw recordError(
        origin.path,
        origin.index,
        `"${field.key}" has type ${section.tag}, the schema says ${field.tag?.tag}`,
      );
    }
    field.present[slot] = 1;
    if (tag.layout === "none") return;
    if (tag.layout === "string") {
      field.texts![slot] = decodeText(bytes, section, origin);
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
    this.#place(field, slot, itemShape, section, bytes, tag, nAtoms);
  }

  #place(
    field: FlatField,
    slot: number,
    itemShape: readonly number[],
    section: Section,
    bytes: Uint8Array,
    tag: Tag,
    nAtoms: number,
  ): void {
    if (field.data === null) this.#allocate(field, itemShape);
    else if (!sameShape(itemShape, field.itemShape)) throw ragged(field, itemShape, this.#path);
    const items = field.perAtom ? nAtoms : 1;
    const first = field.perAtom ? this.#atomOffsets[slot]! : slot;
    const itemBytes = sizeOf(itemShape) * (DTYPES[tag.dtype!] as DTypeInfo).itemSize;
    const from = section.byteOffset + section.byteLength - items * itemBytes;
    const target = bytesOf(field.data!);
    copyBytes(bytes, from, target, first * itemBytes, items * itemBytes);
    if (tag.layout === "bool3")
      for (let i = 0; i < 3; i++) target[3 * slot + i] = bytes[from + i] === 0 ? 0 : 1;
  }

  #allocate(field: FlatField, itemShape: readonly number[]): void {
    const rows = field.perAtom ? this.#totalAtoms : this.#nAtoms.length;
    field.itemShape = itemShape;
    field.data = allocateField(field.key, field.tag!.dtype!, rows * sizeOf(itemShape));
  }

  /** The array or list of a field; `null` where no molecule of the batch tells its shape. */
  #fieldValue(field: FlatField): NdArray | (string | null)[] | null {
    if (field.texts !== null) return field.texts;
    if (field.data === null) {
      const itemShape = absentShape(field, this.#nAtoms.length, this.#totalAtoms);
      if (itemShape === null) return null;
      this.#allocate(field, itemShape);
    }
    const rows = field.perAtom ? this.#totalAtoms : this.#nAtoms.length;
    return { dtype: field.tag!.dtype!, shape: [rows, ...field.itemShape], data: field.data! };
  }
}

/** A field's kind and key in one string, byte by byte. */
function nameOf(kind: number, keyBytes: Uint8Array): string {
  return String.fromCharCode(kind, ...keyBytes);
}

/** @throws {StowageError} ERR_ATP_LIMIT where the runtime has no array of that size, or no memory for it. */
function allocateField(key: string, dtype: DType, length: number): NdArray["data"] {
  const byteLength = length * (DTYPES[dtype] as DTypeInfo).itemSize;
  let cause: unknown;
  try {
    if (byteLength <= MAX_FIELD_BYTES) return allocate(dtype, length);
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

function selectFields(
  schema: Schema,
  wanted: readonly string[] | undefined,
  count: number,
  path: string,
): FlatField[] {
  const fields: FlatField[] = [];
  const unknown = new Set(wanted);
  for (const builtIn of ["positions", "atomicNumbers", "nAtoms"]) unknown.delete(builtIn);
  for (const kind of [0, 1, 2] as const) {
    for (const entry of schema.entries(kind)) {
      const isBuiltinKey = builtinOf(entry.key) !== undefined;
      if (kind === BUILTIN && !isBuiltinKey) continue; // a field of a later release
      const name = fieldName(entry);
      // A bare key stands for a property too, unless it is the name of a builtin.
      const names = isBuiltinKey ? [name] : [name, entry.key];
      if (wanted !== undefined && !names.some((each) => wanted.includes(each))) continue;
      for (const each of names) unknown.delete(each);
      fields.push(newField(entry, name, count));
    }
  }
  const [first] = unknown;
  if (first === undefined) return fields;
  throw new StowageError(
    "ERR_OPTION",
    `Cannot read field "${first}" of ${path}: the file has no such field`,
    {
      option: "fields",
      value: first,
    },
    { hint: "db.schema lists the fields of the file" },
  );
}

function newField(entry: SchemaEntry, name: string, count: number): FlatField {
  const tag = TAGS[entry.tag]!;
  const text = tag.layout === "string" || tag.layout === "none";
  return {
    kind: entry.kind,
    key: entry.key,
    keyBytes: encoder.encode(entry.key),
    name,
    perAtom: entry.perAtom,
    present: new Uint8Array(count),
    tag,
    itemShape: entry.slotBytes > 0 && !entry.perAtom ? [entry.slotBytes / tag.elemBytes] : [],
    data: null,
    texts: text ? new Array<string | null>(count).fill(null) : null,
  };
}

/** The shape of a field that no molecule of the batch has, as far as the schema tells it. */
function absentShape(field: FlatField, count: number, totalAtoms: number): readonly number[] | null {
  const tag = field.tag!;
  switch (tag.layout) {
    case "matrix3":
      return [3, 3];
    case "bool3":
      return [3];
    case "scalar":
      return [];
    case "tensor":
      return null;
    default: {
      const tail = tag.layout === "vec3" ? [3] : [];
      if (field.perAtom) return totalAtoms * tag.elemBytes <= MAX_ABSENT_BYTES ? tail : null;
      const [extent = 0] = field.itemShape;
      const plausible = Number.isInteger(extent) && count * extent * tag.elemBytes <= MAX_ABSENT_BYTES;
      return plausible ? [extent, ...tail] : null;
    }
  }
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

function ragged(field: FlatField, found: readonly number[], path: string): StowageError<"ERR_FLAT_RAGGED"> {
  return new StowageError(
    "ERR_FLAT_RAGGED",
    `Cannot put "${field.key}" of ${path} into one array: its shape is (${field.itemShape.join(", ")}) in one ` +
      `molecule and (${found.join(", ")}) in another`,
    { key: field.key },
    { hint: "leave the field out by the option fields, or read molecule by molecule with at() or getMany()" },
  );
}
