import { isNdArray, type NdArray, scalar } from "@stowage/core";
import { limitError } from "./errors.js";
import { copyBytes, writeUint32 } from "./little-endian.js";
import type { Molecule } from "./molecule.js";
import { type PropertyValue, payloadOf } from "./property.js";
import type { Schema } from "./schema-block.js";
import {
  BUILTIN,
  builtinOf,
  type Kind,
  type Layout,
  MOLECULE_SCOPE,
  TAG_NONE,
  TAG_STRING,
  TAGS,
  type Tag,
  tagOf,
} from "./tags.js";

/** A section ready to be written. */
export interface SectionDraft {
  readonly kind: Kind;
  readonly key: string;
  readonly tag: number;
  /** Kind, key length, key, tag, payload length, and for tensors rank and extents. */
  readonly head: Uint8Array;
  readonly data: Uint8Array;
}

const MAX_KEY_BYTES = 255;
const MAX_UINT32 = 0xffff_ffff;
const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();

/** What a draft has to fit: the file's schema, and the molecules that are written together with it. */
export interface DraftContext {
  readonly schema: Schema;
  readonly batch: readonly Molecule[];
  /** Molecule-scope keys that are stored as tensors from the first one on. */
  readonly tensors: ReadonlySet<string>;
}

/**
 * Drafts one section: picks the tag its value calls for.
 *
 * The file's schema decides where a value leaves a choice (a plain number, a vector that was begun as a tensor);
 * for a new key, all molecules of the batch do.
 */
export function draftSection(
  kind: Kind,
  key: string,
  value: PropertyValue,
  context: DraftContext,
): SectionDraft {
  if (typeof value === "number") {
    const dtype = numberDType(kind, key, value, context);
    return draftArray(kind, key, scalar(value, dtype), context);
  }
  if (value === null)
    return { kind, key, tag: TAG_NONE.tag, head: sectionHead(kind, key, TAG_NONE.tag, 0), data: EMPTY };
  if (typeof value === "string") {
    const data = encoder.encode(value);
    return {
      kind,
      key,
      tag: TAG_STRING.tag,
      head: sectionHead(kind, key, TAG_STRING.tag, data.length),
      data,
    };
  }
  return draftArray(kind, key, value, context);
}

function draftArray(kind: Kind, key: string, array: NdArray, context: DraftContext): SectionDraft {
  const tag = arrayTag(kind, key, array, context);
  const data = payloadOf(array);
  const shape = tag.layout === "tensor" ? array.shape : null;
  return { kind, key, tag: tag.tag, head: sectionHead(kind, key, tag.tag, data.length, shape), data };
}

function numberDType(
  kind: Kind,
  key: string,
  value: number,
  { schema, batch }: DraftContext,
): "float64" | "int64" {
  if (!isWhole(value)) return "float64";
  const known = schema.get(kind, key);
  if (known !== undefined) return known.tag === 1 ? "int64" : "float64";
  for (const molecule of batch) {
    const other = molecule.storedProperty(key, "molecule");
    if (typeof other === "number" ? !isWhole(other) : isNdArray(other) && other.dtype === "float64")
      return "float64";
  }
  return "int64";
}

function isWhole(value: number): boolean {
  return Number.isInteger(value) && !Object.is(value, -0) && Math.abs(value) < 2 ** 63;
}

function arrayTag(kind: Kind, key: string, array: NdArray, context: DraftContext): Tag {
  const layout = kind === BUILTIN ? TAGS[builtinOf(key)!.tags[0]!]!.layout : customLayout(array);
  const tag = tagOf(layout, array.dtype);
  if (tag === undefined) throw new TypeError(`Cannot store "${key}" of ${array.dtype}`);
  if (kind !== MOLECULE_SCOPE || (layout !== "vector" && layout !== "vec3")) return tag;
  // Vectors of the molecule keep one length over the whole file; tensors are free.
  const known = context.schema.get(kind, key);
  const ragged =
    known === undefined
      ? context.tensors.has(key) || isRagged(key, array, context.batch)
      : TAGS[known.tag]!.layout === "tensor";
  return ragged ? tagOf("tensor", array.dtype)! : tag;
}

/** @see formats: how the peer picks the tag of a NumPy array */
export function customLayout(array: { dtype: string; shape: readonly number[] }): Layout {
  const { shape, dtype } = array;
  if (shape.length === 0) return "scalar";
  if (shape.length === 1) return "vector";
  return shape.length === 2 && shape[1] === 3 && dtype.startsWith("float") ? "vec3" : "tensor";
}

function isRagged(key: string, array: NdArray, batch: readonly Molecule[]): boolean {
  return batch.some((molecule) => {
    const other = molecule.storedProperty(key, "molecule");
    return isNdArray(other) && other.dtype === array.dtype && String(other.shape) !== String(array.shape);
  });
}

/** The bytes before the elements. */
export function sectionHead(
  kind: Kind,
  key: string,
  tag: number,
  dataLength: number,
  tensorShape: readonly number[] | null = null,
): Uint8Array {
  const keyBytes = encodeKey(key);
  const rank = tensorShape?.length ?? 0;
  if (rank > 255) throw limitError(`"${key}" (its rank)`, 255, rank);
  const tensorHead = tensorShape === null ? 0 : 1 + 4 * rank;
  const payloadLength = tensorHead + dataLength;
  if (payloadLength > MAX_UINT32) throw limitError(`"${key}" (its bytes)`, MAX_UINT32, payloadLength);
  const head = new Uint8Array(2 + keyBytes.length + 5 + tensorHead);
  head[0] = kind;
  head[1] = keyBytes.length;
  head.set(keyBytes, 2);
  let at = 2 + keyBytes.length;
  head[at] = tag;
  writeUint32(head, at + 1, payloadLength);
  at += 5;
  if (tensorShape !== null) {
    head[at++] = rank;
    for (const extent of tensorShape) {
      writeUint32(head, at, extent);
      at += 4;
    }
  }
  return head;
}

const keyBytesCache = new Map<string, Uint8Array>();

/** A key as UTF-8: its length has one byte, and a longer key would make the record unreadable. */
function encodeKey(key: string): Uint8Array {
  const known = keyBytesCache.get(key);
  if (known !== undefined) return known;
  const bytes = encoder.encode(key);
  if (bytes.length > MAX_KEY_BYTES)
    throw limitError(`key "${key.slice(0, 20)}…"`, MAX_KEY_BYTES, bytes.length);
  if (keyBytesCache.size < 4096) keyBytesCache.set(key, bytes);
  return bytes;
}

/** Length of the payload that the schema compares: rank and extents count too. */
export function payloadLength(draft: SectionDraft): number {
  return draft.head.length + draft.data.length - 2 - draft.head[1]! - 5;
}

export function writeSection(draft: SectionDraft, target: Uint8Array, at: number): number {
  copyBytes(draft.head, 0, target, at, draft.head.length);
  copyBytes(draft.data, 0, target, at + draft.head.length, draft.data.length);
  return at + draft.head.length + draft.data.length;
}
