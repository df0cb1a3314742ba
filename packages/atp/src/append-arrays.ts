import {
  bytesOf,
  DTYPES,
  type DTypeInfo,
  isNdArray,
  type NdArray,
  ndarray,
  StowageError,
  sizeOf,
  type TypedArray,
} from "@stowage/core";
import { copyBytes, writeUint32 } from "./little-endian.js";
import { isWellFormed, propertyError, reasonToRefuseKey } from "./property.js";
import { checkRecordLength, type RecordDraft, recordLength, writeRecordHead } from "./record-draft.js";
import { admit, admitPositions, type PositionsDType, type Schema } from "./schema-block.js";
import { sectionHead } from "./section-draft.js";
import {
  ATOM_SCOPE,
  BUILTIN,
  BUILTINS,
  type BuiltinKey,
  builtinOf,
  type Kind,
  type Layout,
  MOLECULE_SCOPE,
  TAG_STRING,
  TAGS,
  type Tag,
  tagOf,
} from "./tags.js";

type Stacked = NdArray | Float32Array | Float64Array;

/** Molecules of one size, stacked: the first extent of every array is the number of molecules. */
export interface StackedMolecules {
  /** (nMolecules, nAtoms, 3), float32 or float64, Å. */
  positions: NdArray;
  /** (nMolecules, nAtoms). */
  atomicNumbers: NdArray | Uint8Array;
  /** (nMolecules,), float32 or float64 as stored, eV. */
  energy?: Stacked;
  /** (nMolecules, nAtoms, 3), eV/Å. */
  forces?: Stacked;
  /** (nMolecules, nAtoms), e. */
  charges?: Stacked;
  /** (nMolecules, nAtoms, 3). */
  velocities?: Stacked;
  /** (nMolecules, 3, 3), Å. */
  cell?: Stacked;
  /** (nMolecules, 3, 3), eV/Å³. */
  stress?: Stacked;
  /** (nMolecules, 3), bool. */
  pbc?: NdArray | Uint8Array;
  name?: readonly string[];
  /** First extent nMolecules: one dimension gives scalars, two a vector each, more a tensor each; or texts. */
  properties?: Record<string, NdArray | TypedArray | readonly string[]>;
  /** First extents (nMolecules, nAtoms). */
  atomProperties?: Record<string, NdArray | TypedArray>;
}

/** One section in all molecules of the batch. */
interface StackedSection {
  /** Of every molecule; of text, with a length that each overwrites. */
  readonly head: Uint8Array;
  /** Values of all molecules, one after the other. */
  readonly bytes: Uint8Array;
  readonly itemBytes: number;
  /** Of text only: where each molecule's begins, and the end of the last. */
  readonly starts: Float64Array | null;
}

const PROPERTY_DTYPES = ["float32", "float64", "int32", "int64"];
const encoder = new TextEncoder();

/**
 * Drafts the records of stacked molecules, in the peer's order for arrays: builtins, then properties, then atom
 * properties, each in the order given. Checks everything before the first record.
 *
 * @throws {StowageError} ERR_SHAPE, ERR_DTYPE, ERR_ATP_SCHEMA, ERR_ATP_LIMIT, ERR_PROPERTY
 */
export function draftArrays(
  input: StackedMolecules,
  schema: Schema,
  tensors: ReadonlySet<string>,
  path: string,
): Iterable<RecordDraft> {
  const { positions } = input;
  if (!isNdArray(positions)) throw new TypeError("Cannot append arrays: positions must be an NdArray");
  const [count, nAtoms] = positions.shape as [number, number];
  check(positions, "positions", ["float32", "float64"], [count, nAtoms, 3]);
  const numbers = check(input.atomicNumbers, "atomicNumbers", ["uint8"], [count, nAtoms]);
  if (count === 0) return [];
  admitPositions(schema, positions.dtype as PositionsDType, path);

  const sections: StackedSection[] = [];
  const add = (kind: Kind, key: string, tag: Tag, array: NdArray, itemShape: readonly number[]): void => {
    const itemBytes = sizeOf(itemShape) * (DTYPES[array.dtype] as DTypeInfo).itemSize;
    const head = sectionHead(kind, key, tag.tag, itemBytes, tag.layout === "tensor" ? itemShape : null);
    const tensorHead = tag.layout === "tensor" ? 1 + 4 * itemShape.length : 0;
    admit(schema, kind, key, tag.tag, tensorHead + itemBytes, path);
    sections.push({ head, itemBytes, bytes: bytesOf(array.data), starts: null });
  };
  const addText = (kind: Kind, key: string, texts: readonly string[]): void => {
    if (texts.length !== count) throw wrongShape(key, `(${count},)`, `(${texts.length},)`);
    const encoded = encodeTexts(texts);
    if (encoded === null)
      throw new TypeError(`Cannot append "${key}": each value must be text without half of a surrogate pair`);
    admit(schema, kind, key, TAG_STRING.tag, 0, path);
    sections.push({ head: sectionHead(kind, key, TAG_STRING.tag, 0), itemBytes: 0, ...encoded });
  };

  for (const { key } of BUILTINS) {
    const value = input[key];
    if (value === undefined) continue;
    if (key === "name") addText(BUILTIN, key, value as readonly string[]);
    else addBuiltin(key, value as Stacked, count, nAtoms, add);
  }
  for (const [key, value] of Object.entries(input.properties ?? {})) {
    checkKey(key, input);
    const known = schema.get(MOLECULE_SCOPE, key);
    const asTensor = known === undefined ? tensors.has(key) : TAGS[known.tag]!.layout === "tensor";
    if (isTexts(value)) addText(MOLECULE_SCOPE, key, value);
    else addProperty(MOLECULE_SCOPE, key, value, [count], asTensor, add);
  }
  for (const [key, value] of Object.entries(input.atomProperties ?? {})) {
    checkKey(key, input);
    addProperty(ATOM_SCOPE, key, value, [count, nAtoms], false, add);
  }
  return drafts(count, nAtoms, bytesOf(positions.data), numbers.data as Uint8Array, sections);
}

type AddSection = (kind: Kind, key: string, tag: Tag, array: NdArray, itemShape: readonly number[]) => void;

function addBuiltin(key: BuiltinKey, value: Stacked, count: number, nAtoms: number, add: AddSection): void {
  const { perAtom, tags } = builtinOf(key)!;
  const { layout } = TAGS[tags[0]!]!;
  const tail = layout === "matrix3" ? [3, 3] : layout === "scalar" || layout === "vector" ? [] : [3];
  const itemShape = perAtom ? [nAtoms, ...tail] : tail;
  const dtypes = tags.map((tag) => TAGS[tag]!.dtype!);
  // Bytes are taken for booleans: a Uint8Array is how JavaScript holds them.
  const boolean = key === "pbc" && value instanceof Uint8Array ? ndarray(value, [count, 3], "bool") : value;
  const array = check(boolean, key, dtypes, [count, ...itemShape]);
  if (key === "pbc" && array.data.some((byte) => Number(byte) > 1)) {
    throw wrongShape("pbc", "bytes of 0 or 1", "other bytes");
  }
  add(BUILTIN, key, tagOf(layout, array.dtype)!, array, itemShape);
}

function addProperty(
  kind: Kind,
  key: string,
  value: NdArray | TypedArray,
  lead: readonly number[],
  asTensor: boolean,
  add: AddSection,
): void {
  const array = isNdArray(value) ? value : ndarray(value, lead);
  const shape = array.shape.slice(0, lead.length);
  if (String(shape) !== String(lead))
    throw wrongShape(key, `(${lead.join(", ")}, …)`, `(${array.shape.join(", ")})`);
  if (!PROPERTY_DTYPES.includes(array.dtype)) throw wrongDType(key, PROPERTY_DTYPES, array.dtype);
  const itemShape = array.shape.slice(1);
  // A column of numbers is stored as float64 or int64 scalars whatever its width, as the peer does.
  if (itemShape.length === 0) add(kind, key, scalarTag(array), widenScalars(array), itemShape);
  else {
    const layout = asTensor ? "tensor" : stackedLayout(array, itemShape);
    add(kind, key, tagOf(layout, array.dtype)!, array, itemShape);
  }
}

function scalarTag(array: NdArray): Tag {
  return tagOf("scalar", array.dtype.startsWith("float") ? "float64" : "int64")!;
}

function widenScalars(array: NdArray): NdArray {
  if (array.dtype === "float32") return ndarray(Float64Array.from(array.data as Float32Array), array.shape);
  if (array.dtype === "int32")
    return ndarray(BigInt64Array.from(array.data as Int32Array, BigInt), array.shape);
  return array;
}

function stackedLayout(array: NdArray, itemShape: readonly number[]): Layout {
  if (itemShape.length === 1) return "vector";
  return itemShape.length === 2 && itemShape[1] === 3 && array.dtype.startsWith("float") ? "vec3" : "tensor";
}

/** Gives one draft after the other in the same object: each is to be written before the next is asked for. */
function* drafts(
  count: number,
  nAtoms: number,
  positions: Uint8Array,
  numbers: Uint8Array,
  sections: readonly StackedSection[],
): Generator<RecordDraft> {
  const positionsBytes = positions.length / count;
  const texts = sections.flatMap(({ starts }) => starts ?? []);
  const fixed = sections.map(({ head, itemBytes }) => ({ head, data: { byteLength: itemBytes } }));
  const fixedLength = recordLength(nAtoms, positionsBytes, fixed);
  let i = 0;
  const draft = {
    nAtoms,
    byteLength: fixedLength,
    write: (target: Uint8Array, at: number) => {
      let end = writeRecordHead(target, at, nAtoms, positions, numbers, i, sections.length);
      for (const section of sections) end = writeItem(section, i, target, end);
    },
  };
  for (; i < count; i++) {
    if (texts.length > 0) {
      draft.byteLength = fixedLength;
      for (const starts of texts) draft.byteLength += starts[i + 1]! - starts[i]!;
      checkRecordLength(draft.byteLength);
    }
    yield draft;
  }
}

function writeItem(
  { head, bytes, itemBytes, starts }: StackedSection,
  i: number,
  target: Uint8Array,
  at: number,
) {
  const from = starts === null ? i * itemBytes : starts[i]!;
  const length = starts === null ? itemBytes : starts[i + 1]! - from;
  const dataAt = at + head.length;
  copyBytes(head, 0, target, at, head.length);
  if (starts !== null) writeUint32(target, dataAt - 4, length);
  copyBytes(bytes, from, target, dataAt, length);
  return dataAt + length;
}

/** UTF-8 of all texts in one block; `null` if one is no text, or half of a surrogate pair. */
function encodeTexts(texts: readonly string[]): { bytes: Uint8Array; starts: Float64Array } | null {
  if (!texts.every((text) => typeof text === "string")) return null;
  const starts = new Float64Array(texts.length + 1);
  const joined = texts.join("");
  const bytes = encoder.encode(joined);
  // As many bytes as characters: all is ASCII, and lengths are what they seem.
  const ascii = bytes.length === joined.length;
  if (!ascii && !texts.every(isWellFormed)) return null;
  for (const [i, text] of texts.entries()) {
    starts[i + 1] = starts[i]! + (ascii ? text.length : encoder.encode(text).length);
  }
  return { bytes, starts };
}

function isTexts(value: NdArray | TypedArray | readonly string[]): value is readonly string[] {
  return Array.isArray(value);
}

function checkKey(key: string, input: StackedMolecules): void {
  const twice = Object.hasOwn(input.properties ?? {}, key) && Object.hasOwn(input.atomProperties ?? {}, key);
  const reason = twice ? "it stands in both scopes" : reasonToRefuseKey(key);
  if (reason !== null) throw propertyError("append", key, reason);
}

function check(
  value: NdArray | TypedArray,
  name: string,
  dtypes: readonly string[],
  shape: readonly number[],
): NdArray {
  if (!isNdArray(value) && value.length !== sizeOf(shape)) {
    throw wrongShape(name, `(${shape.join(", ")})`, `${value.length} elements`);
  }
  const array = isNdArray(value) ? value : ndarray(value, shape);
  if (!dtypes.includes(array.dtype)) throw wrongDType(name, dtypes, array.dtype);
  if (String(array.shape) !== String(shape))
    throw wrongShape(name, `(${shape.join(", ")})`, `(${array.shape.join(", ")})`);
  return array;
}

function wrongShape(name: string, expected: string, found: string): StowageError<"ERR_SHAPE"> {
  return new StowageError("ERR_SHAPE", `Cannot append arrays: ${name} must be ${expected}, found ${found}`, {
    expected,
    found,
  });
}

function wrongDType(name: string, dtypes: readonly string[], found: string): StowageError<"ERR_DTYPE"> {
  const expected = dtypes.join(" or ");
  return new StowageError("ERR_DTYPE", `Cannot append arrays: ${name} must be ${expected}, found ${found}`, {
    expected,
    found,
  });
}
