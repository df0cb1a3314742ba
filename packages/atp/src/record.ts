import { DTYPES, type DTypeInfo, type NdArray, sizeOf, slabAllocate, viewElements } from "@stowage/core";
import { recordError } from "./errors.js";
import { copyBytes, readUint16, readUint32 } from "./little-endian.js";
import type { PositionsDType } from "./schema-block.js";
import { ATOM_SCOPE, isAllowedTag, isPerAtom, type Kind, TAGS, type Tag } from "./tags.js";

/*
 * Record, after decompression:
 *
 *   u32 n atoms | positions n·12 or n·24, xyz | atomic numbers n | u16 number of sections | sections
 *   section: u8 kind, u8 key length, key (UTF-8), u8 tag, u32 payload length, payload
 *   tensor payload: u8 rank, u32 extent × rank, elements in C order
 */
const HEAD_BYTES = 4;

/** A stored value: text, None, or an array (a scalar has shape []). */
export type StoredValue = NdArray | string | null;

/** Where a section is in its record. */
export interface Section {
  readonly kind: Kind;
  readonly key: string;
  readonly tag: number;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Which record a reader is looking at: for messages. */
export interface RecordOrigin {
  readonly path: string;
  readonly index: number;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Keys repeat in every record: their text is decoded once. */
const keyCache = new Map<string, string>();
const KEY_CACHE_SIZE = 4096;
/** From here on, looking sections up by a map beats comparing their keys one by one. */
const MANY_SECTIONS = 32;

/**
 * One record, decoded where it is looked at.
 *
 * Arrays are views of the record's bytes where those are aligned, else copies into shared memory; either way they
 * are valid as long as they are referenced, unless the bytes belong to a mapped file, which ends with its closing.
 */
export class RecordView {
  readonly nAtoms: number;
  readonly bytes: Uint8Array;
  readonly positionsDType: PositionsDType;
  readonly origin: RecordOrigin;
  readonly #sectionsOffset: number;
  #sections: Section[] | null = null;
  /** For records of many sections only. */
  #byName: Map<string, Section> | null = null;

  /**
   * @param nAtoms  As the index says; the record must agree.
   * @throws {StowageError} ERR_ATP_RECORD if the head does not fit the bytes.
   */
  constructor(bytes: Uint8Array, nAtoms: number, positionsDType: PositionsDType, origin: RecordOrigin) {
    this.bytes = bytes;
    this.nAtoms = nAtoms;
    this.positionsDType = positionsDType;
    this.origin = origin;
    this.#sectionsOffset = sectionsOffset(bytes, nAtoms, positionsDType, origin);
  }

  /** Shape (nAtoms, 3), Å. */
  positions(): NdArray<PositionsDType> {
    const { nAtoms, positionsDType } = this;
    return {
      dtype: positionsDType,
      shape: [nAtoms, 3],
      data: elements(positionsDType, this.bytes, HEAD_BYTES, 3 * nAtoms) as NdArray<PositionsDType>["data"],
    };
  }

  /** Shape (nAtoms,): a view. */
  atomicNumbers(): Uint8Array {
    const end = this.#sectionsOffset - 2;
    return this.bytes.subarray(end - this.nAtoms, end);
  }

  /**
   * All sections, in the order of the file.
   *
   * @throws {StowageError} ERR_ATP_RECORD where one is cut, or two have one name.
   */
  sections(): readonly Section[] {
    if (this.#sections === null) {
      const sections = parseSections(this.bytes, this.#sectionsOffset, this.origin);
      if (sections.length < MANY_SECTIONS) checkNames(sections, this.origin);
      else this.#byName = mapNames(sections, this.origin);
      this.#sections = sections;
    }
    return this.#sections;
  }

  /** The value under a key, `undefined` if there is none. */
  get(kind: Kind, key: string): StoredValue | undefined {
    const section = this.find(kind, key);
    return section && this.decode(section);
  }

  find(kind: Kind, key: string): Section | undefined {
    const sections = this.sections();
    if (this.#byName !== null) return this.#byName.get(`${kind}${key}`);
    return sections.find((section) => section.key === key && section.kind === kind);
  }

  decode(section: Section): StoredValue {
    const { key, kind, tag, byteOffset, byteLength } = section;
    const type = checkSection(section, this.nAtoms, this.bytes, this.origin);
    if (type.layout === "none") return null;
    if (type.layout === "string") return decodeText(this.bytes, byteOffset, byteLength, key, this.origin);
    const shape = shapeOf(type, section, this.bytes);
    const rank = type.layout === "tensor" ? 1 + 4 * shape.length : 0;
    const array: NdArray = {
      dtype: type.dtype!,
      shape,
      data: elements(type.dtype!, this.bytes, byteOffset + rank, sizeOf(shape)),
    };
    if (tag === 9) for (let i = 0; i < 3; i++) if (array.data[i] !== 0) array.data[i] = 1;
    if (kind === ATOM_SCOPE && shape[0] !== this.nAtoms) throw notPerAtom(section, this.nAtoms, this.origin);
    return array;
  }
}

/** A view where the address is aligned, else a copy in slab memory; bool3 is always a copy, since it is normalised. */
function elements(
  dtype: NdArray["dtype"],
  bytes: Uint8Array,
  byteOffset: number,
  length: number,
): NdArray["data"] {
  const { ctor, itemSize } = DTYPES[dtype] as DTypeInfo;
  if (dtype !== "bool" && (bytes.byteOffset + byteOffset) % itemSize === 0) {
    return viewElements(dtype, bytes, byteOffset, length);
  }
  const memory = slabAllocate(length * itemSize);
  const copy = new Uint8Array(memory.buffer, memory.byteOffset, length * itemSize);
  copyBytes(bytes, byteOffset, copy, 0, length * itemSize);
  return new ctor(memory.buffer, memory.byteOffset, length);
}

/** Where the sections begin (after their count). Checks that the head agrees with the index and the bytes. */
export function sectionsOffset(
  bytes: Uint8Array,
  nAtoms: number,
  positionsDType: PositionsDType,
  origin: RecordOrigin,
): number {
  const found = readUint32(bytes, 0);
  if (found !== nAtoms) {
    throw recordError(origin.path, origin.index, `it holds ${found} atoms, the index says ${nAtoms}`);
  }
  const offset = HEAD_BYTES + nAtoms * (positionsDType === "float32" ? 13 : 25) + 2;
  if (offset > bytes.length) {
    throw recordError(
      origin.path,
      origin.index,
      `its ${bytes.length} bytes cannot hold ${nAtoms} atoms with ${positionsDType} positions`,
    );
  }
  return offset;
}

/** Number of sections, which stands just before them. */
export function sectionCount(bytes: Uint8Array, offset: number): number {
  return readUint16(bytes, offset - 2);
}

function parseSections(bytes: Uint8Array, start: number, origin: RecordOrigin): Section[] {
  const count = sectionCount(bytes, start);
  const sections: Section[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    const keyLength = bytes[at + 1] ?? 0; // past the end: what follows is cut, too
    const head = at + 2 + keyLength;
    if (head + 5 > bytes.length)
      throw recordError(origin.path, origin.index, `section ${i} of ${count} is cut`);
    const kind = bytes[at]!;
    const byteLength = readUint32(bytes, head + 1);
    const byteOffset = head + 5;
    at = byteOffset + byteLength;
    if (at > bytes.length) {
      throw recordError(
        origin.path,
        origin.index,
        `section ${i} runs ${at - bytes.length} bytes past the record`,
      );
    }
    if (kind > 2) continue; // a kind of a later release: skipped, as the peer does
    const key = decodeKey(bytes, head - keyLength, keyLength, origin);
    sections.push({ kind: kind as Kind, key, tag: bytes[head]!, byteOffset, byteLength });
  }
  return sections;
}

function checkNames(sections: readonly Section[], origin: RecordOrigin): void {
  for (let i = 1; i < sections.length; i++) {
    const { kind, key } = sections[i]!;
    for (let j = 0; j < i; j++) {
      if (sections[j]!.key === key && sections[j]!.kind === kind) throw twice(key, origin);
    }
  }
}

function mapNames(sections: readonly Section[], origin: RecordOrigin): Map<string, Section> {
  const byName = new Map<string, Section>();
  for (const section of sections) {
    const name = `${section.kind}${section.key}`;
    if (byName.has(name)) throw twice(section.key, origin);
    byName.set(name, section);
  }
  return byName;
}

function twice(key: string, origin: RecordOrigin): Error {
  return recordError(origin.path, origin.index, `"${key}" stands twice`);
}

function decodeKey(bytes: Uint8Array, at: number, length: number, origin: RecordOrigin): string {
  let latin1 = "";
  for (let i = 0; i < length; i++) latin1 += String.fromCharCode(bytes[at + i]!);
  const known = keyCache.get(latin1);
  if (known !== undefined) return known;
  const key = decodeText(bytes, at, length, null, origin);
  if (keyCache.size < KEY_CACHE_SIZE) keyCache.set(latin1, key);
  return key;
}

function decodeText(
  bytes: Uint8Array,
  at: number,
  length: number,
  key: string | null,
  origin: RecordOrigin,
): string {
  try {
    return decoder.decode(bytes.subarray(at, at + length));
  } catch {
    const what = key === null ? "a key" : `the text of "${key}"`;
    throw recordError(origin.path, origin.index, `${what} is not UTF-8`);
  }
}

/**
 * Checks that a section's tag is known, allowed where it stands, and fits its payload.
 *
 * @throws {StowageError} ERR_ATP_RECORD
 */
export function checkSection(section: Section, nAtoms: number, bytes: Uint8Array, origin: RecordOrigin): Tag {
  const { kind, key, tag, byteLength } = section;
  const type = TAGS[tag];
  if (type === undefined) {
    throw recordError(origin.path, origin.index, `"${key}" has type ${tag}, known are 0 to 17`);
  }
  if (!isAllowedTag(kind, key, tag)) {
    throw recordError(origin.path, origin.index, `"${key}" has type ${tag}, which it cannot have`);
  }
  if (!fits(type, section, bytes)) {
    throw recordError(
      origin.path,
      origin.index,
      `"${key}" (${type.dtype ?? type.layout} ${type.layout}) has a payload of ${byteLength} bytes`,
    );
  }
  if (type.layout !== "tensor" && isPerAtom(kind, key) && byteLength !== nAtoms * type.elemBytes) {
    throw notPerAtom(section, nAtoms, origin);
  }
  return type;
}

function fits(type: Tag, section: Section, bytes: Uint8Array): boolean {
  const { byteLength } = section;
  switch (type.layout) {
    case "string":
      return true;
    case "none":
      return byteLength === 0;
    case "vector":
    case "vec3":
      return byteLength % type.elemBytes === 0;
    case "tensor":
      return tensorFits(type, section, bytes);
    default:
      return byteLength === type.elemBytes;
  }
}

function tensorFits(type: Tag, { byteOffset, byteLength }: Section, bytes: Uint8Array): boolean {
  if (byteLength < 1) return false;
  const head = 1 + 4 * bytes[byteOffset]!;
  if (head > byteLength) return false;
  // Extents are below 2^32 and the product is compared as a double: it cannot wrap, only lose digits when huge.
  return (
    tensorShape(bytes, byteOffset).reduce((size, extent) => size * extent, type.elemBytes) ===
    byteLength - head
  );
}

function tensorShape(bytes: Uint8Array, byteOffset: number): number[] {
  return Array.from({ length: bytes[byteOffset]! }, (_, axis) =>
    readUint32(bytes, byteOffset + 1 + 4 * axis),
  );
}

/** The shape of a section that passed {@link checkSection}. */
export function shapeOf(type: Tag, section: Section, bytes: Uint8Array): number[] {
  switch (type.layout) {
    case "vector":
      return [section.byteLength / type.elemBytes];
    case "vec3":
      return [section.byteLength / type.elemBytes, 3];
    case "bool3":
      return [3];
    case "matrix3":
      return [3, 3];
    case "tensor":
      return tensorShape(bytes, section.byteOffset);
    default:
      return [];
  }
}

function notPerAtom(section: Section, nAtoms: number, origin: RecordOrigin): Error {
  return recordError(
    origin.path,
    origin.index,
    `"${section.key}" does not hold one value for each of its ${nAtoms} atoms (${section.byteLength} bytes)`,
  );
}
