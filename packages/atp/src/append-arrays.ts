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
import { copyBytes } from "./little-endian.js";
import { isWellFormed, propertyError, reasonToRefuseKey } from "./property.js";
import { type RecordDraft, recordLength, writeRecordHead } from "./record-draft.js";
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
  readonly head: Uint8Array;
  readonly data: { readonly byteLength: number };
  readonly bytes: Uint8Array;
}

interface TextSection {
  readonly key: string;
  readonly kind: Kind;
  readonly texts: readonly Uint8Array[];
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

  const sections: (StackedSection | TextSection)[] = [];
  const add = (kind: Kind, key: string, tag: Tag, array: NdArray, itemShape: readonly number[]): void => {
    const itemBytes = sizeOf(itemShape) * (DTYPES[array.dtype] as DTypeInfo).itemSize;
    const head = sectionHead(kind, key, tag.tag, itemBytes, tag.layout === "tensor" ? itemShape : null);
    const tensorHead = tag.layout === "tensor" ? 1 + 4 * itemShape.length : 0;
    admit(schema, kind, key, tag.tag, tensorHead + itemBytes, path);
    sections.push({ head, data: { byteLength: itemBytes }, bytes: bytesOf(array.data) });
  };
  const addText = (kind: Kind, key: string, texts: readonly string[]): void => {
    if (texts.length !== count) throw wrongShape(key, `(${count},)`, `(${texts.length},)`);
    if (!texts.every((text) => typeof text === "string" && isWellFormed(text)))
      throw new TypeError(`Cannot append "${key}": each value must be text without half of a surrogate pair`);
    admit(schema, kind, key, TAG_STRING.tag, 0, path);
    sections.push({ kind, key, texts: texts.map((text) => encoder.encode(text)) });
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

function* drafts(
  count: number,
  nAtoms: number,
  positions: Uint8Array,
  numbers: Uint8Array,
  sections: readonly (StackedSection | TextSection)[],
): Generator<RecordDraft> {
  const positionsBytes = positions.length / count;
  for (let i = 0; i < count; i++) {
    const items = sections.map((section) => ("texts" in section ? textItem(section, i) : section));
    const from = i * positionsBytes;
    yield {
      nAtoms,
      byteLength: recordLength(nAtoms, positionsBytes, items),
      write: (target, at) => {
        const positionsItem = positions.subarray(from, from + positionsBytes);
        const numbersItem = numbers.subarray(i * nAtoms, (i + 1) * nAtoms);
        let end = writeRecordHead(target, at, nAtoms, positionsItem, numbersItem, items.length);
        for (const { head, data, bytes, itemOffset } of items as Item[]) {
          copyBytes(head, 0, target, end, head.length);
          end += head.length;
          copyBytes(bytes, itemOffset ?? i * data.byteLength, target, end, data.byteLength);
          end += data.byteLength;
        }
      },
    };
  }
}

/** A section of one molecule; `itemOffset` where its bytes are not the i-th of equal items. */
interface Item extends StackedSection {
  readonly itemOffset?: number;
}

function textItem({ kind, key, texts }: TextSection, index: number): Item {
  const bytes = texts[index]!;
  return { head: sectionHead(kind, key, TAG_STRING.tag, bytes.length), data: bytes, bytes, itemOffset: 0 };
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
