import { DTYPES, type DTypeInfo, type NdArray, sizeOf, slabAllocateUnset } from "@stowage/core";
import { blockView } from "./block-view.js";
import { recordError } from "./errors.js";
import { copyBytes, readUint16, readUint32 } from "./little-endian.js";
import { type LayoutSection, RecordLayout } from "./record-layout.js";
import { decodeText } from "./record-text.js";
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

/** Where elements lie. */
interface Place {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
}

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

/**
 * One record, decoded where it is looked at.
 *
 * Arrays are views of the record's bytes where those are aligned, else copies into shared memory; each is made once.
 */
export class RecordView implements RecordOrigin {
  readonly bytes: Uint8Array;
  readonly nAtoms: number;
  readonly positionsDType: PositionsDType;
  readonly path: string;
  readonly index: number;
  /** Where the bytes begin in their buffer: asking a typed array for either costs a call each time. */
  readonly byteOffset: number;
  readonly #buffer: ArrayBufferLike;
  /** Where the sections begin, from the beginning of the record. */
  readonly sectionsOffset: number;
  #positions: NdArray | null = null;
  #atomicNumbers: Uint8Array | null = null;
  #layout: RecordLayout | null = null;
  /** What was decoded, by the ordinal of the section. */
  #values: (StoredValue | undefined)[] | null = null;

  /**
   * @param nAtoms  As the index of the file says; the record must agree.
   * @param path    Of the file, and `index` the record's place in it: for messages.
   * @throws {StowageError} ERR_ATP_RECORD if the head does not fit the bytes.
   */
  constructor(
    bytes: Uint8Array,
    nAtoms: number,
    positionsDType: PositionsDType,
    path: string,
    index: number,
  ) {
    this.bytes = bytes;
    this.nAtoms = nAtoms;
    this.positionsDType = positionsDType;
    this.path = path;
    this.index = index;
    this.#buffer = bytes.buffer;
    this.byteOffset = bytes.byteOffset;
    this.sectionsOffset = sectionsOffset(bytes, nAtoms, positionsDType, this);
  }

  /** Of all bytes of the buffer that the record lies in. */
  get view(): DataView {
    return blockView(this.#buffer);
  }

  /** Shape (nAtoms, 3), Å. */
  get positions(): NdArray {
    this.#positions ??= {
      dtype: this.positionsDType,
      shape: [this.nAtoms, 3],
      data: this.#elements(this.positionsDType, HEAD_BYTES, 3 * this.nAtoms),
    };
    return this.#positions;
  }

  /** Shape (nAtoms,): a view. */
  get atomicNumbers(): Uint8Array {
    const end = this.sectionsOffset - 2;
    const start = this.byteOffset + end - this.nAtoms;
    this.#atomicNumbers ??= new Uint8Array(this.#buffer, start, this.nAtoms);
    return this.#atomicNumbers;
  }

  /**
   * All sections, in the order of the file.
   *
   * @throws {StowageError} ERR_ATP_RECORD where one is cut, or two have one name.
   */
  get sections(): readonly LayoutSection[] {
    return this.#findLayout().sections;
  }

  /** The value under a key, `undefined` if there is none. */
  get(kind: Kind, key: string): StoredValue | undefined {
    const section = this.find(kind, key);
    if (section === undefined) return undefined;
    this.#values ??= new Array<StoredValue | undefined>(this.sections.length);
    let value = this.#values[section.ordinal];
    if (value === undefined) {
      value = this.decode(section);
      this.#values[section.ordinal] = value;
    }
    return value;
  }

  /** A floating-point scalar as a plain number, without an array for it; `undefined` if there is none. */
  number(kind: Kind, key: string): number | undefined {
    const section = this.find(kind, key);
    if (section === undefined) return undefined;
    const { layout, dtype } = section.checked ?? this.#check(section);
    if (layout !== "scalar") return undefined;
    const at = this.byteOffset + section.byteOffset;
    if (dtype === "float64") return this.view.getFloat64(at, true);
    return dtype === "float32" ? this.view.getFloat32(at, true) : undefined;
  }

  find(kind: Kind, key: string): LayoutSection | undefined {
    return this.#findLayout().find(kind, key);
  }

  /** The value of a section. */
  decode(section: LayoutSection): StoredValue {
    const type = section.checked ?? this.#check(section);
    const { byteOffset, byteLength } = section;
    if (type.layout === "none") return null;
    if (type.layout === "string") return decodeText(this.bytes, byteOffset, byteLength, section.key, this);
    const shape = shapeOf(type, section, this.bytes);
    const rank = type.layout === "tensor" ? 1 + 4 * shape.length : 0;
    const dtype = type.dtype!;
    const data = this.#elements(dtype, byteOffset + rank, sizeOf(shape));
    if (type.layout === "bool3") for (let i = 0; i < 3; i++) if (data[i] !== 0) data[i] = 1;
    if (section.kind === ATOM_SCOPE && shape[0] !== this.nAtoms) throw notPerAtom(section, this.nAtoms, this);
    return { dtype, shape, data };
  }

  #check(section: LayoutSection): Tag {
    const type = checkSection(section, this.nAtoms, this.bytes, this);
    // Of a tensor also the payload was looked at, which another record of this layout may have otherwise.
    if (type.layout !== "tensor") section.checked = type;
    return type;
  }

  /** A view where the address is aligned, else a copy; bool3 is always a copy, since it is normalised. */
  #elements(dtype: NdArray["dtype"], byteOffset: number, length: number): NdArray["data"] {
    // The common types by their own constructors: one that is looked up in a table takes twice as long.
    if (dtype === "float32") {
      const place = this.#aligned(byteOffset, 4 * length, 4);
      return new Float32Array(place.buffer, place.byteOffset, length);
    }
    if (dtype === "float64") {
      const place = this.#aligned(byteOffset, 8 * length, 8);
      return new Float64Array(place.buffer, place.byteOffset, length);
    }
    const { ctor, itemSize } = DTYPES[dtype] as DTypeInfo;
    const place =
      dtype === "bool"
        ? this.#copied(byteOffset, length)
        : this.#aligned(byteOffset, itemSize * length, itemSize);
    return new ctor(place.buffer, place.byteOffset, length);
  }

  #aligned(byteOffset: number, byteLength: number, alignment: number): Place {
    const start = this.byteOffset + byteOffset;
    if (start % alignment !== 0) return this.#copied(byteOffset, byteLength);
    return { buffer: this.#buffer, byteOffset: start };
  }

  #copied(byteOffset: number, byteLength: number): Place {
    const { buffer, block, byteOffset: target } = slabAllocateUnset(byteLength);
    const start = this.byteOffset + byteOffset;
    // The record mostly lies in the same block: moving bytes inside of it takes no view of them.
    if (buffer === this.#buffer) block.copyWithin(target, start, start + byteLength);
    else copyBytes(this.bytes, byteOffset, block, target, byteLength);
    return { buffer, byteOffset: target };
  }

  #findLayout(): RecordLayout {
    this.#layout ??= RecordLayout.of(this);
    return this.#layout;
  }
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
