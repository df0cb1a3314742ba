import type { Value } from "../row.js";
import { MAX_DIMENSIONS, msgpackError } from "./msgpack-error.js";

/** Nested lists may be empty and then stand in no relation to the bytes: this many are made at most. */
const MAX_EMPTY_LISTS = 4096;

/** Fixed-width text, NumPy's `<Un` (code points of 4 bytes) or `|Sn` (bytes, read as Latin-1), padded with zeros. */
export interface TextType {
  readonly wide: boolean;
  readonly bigEndian: boolean;
  /** Characters an element. */
  readonly width: number;
}

/** Reads a NumPy type code of text, `null` for every other code. */
export function parseTextType(code: string): TextType | null {
  const match = /^([<>|=]?)([US])(\d{1,9})$/.exec(code);
  if (match === null) return null;
  return { wide: match[2] === "U", bigEndian: match[1] === ">", width: Number(match[3]) };
}

/**
 * Text elements as lists nested by the shape; one string for the shape `[]`.
 *
 * @param bytes  Exactly what the shape needs.
 */
export function decodeTextArray(
  type: TextType,
  shape: readonly number[],
  bytes: Uint8Array,
  byteOffset: number,
): Value {
  const stride = type.width * (type.wide ? 4 : 1);
  let elements = 1;
  let entries = 0;
  for (const extent of shape) {
    elements *= extent;
    entries += elements;
  }
  if (elements * stride === 0 && entries > MAX_EMPTY_LISTS) {
    throw msgpackError(byteOffset, `bytes for text of shape (${shape.join(", ")})`, "none");
  }
  let at = 0;
  const nest = (axis: number): Value => {
    if (axis === shape.length) {
      const text = decodeText(type, bytes.subarray(at, at + stride), byteOffset);
      at += stride;
      return text;
    }
    return Array.from({ length: shape[axis]! }, () => nest(axis + 1));
  };
  return nest(0);
}

function decodeText(type: TextType, bytes: Uint8Array, byteOffset: number): string {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  if (!type.wide) return fromCodePoints(bytes.subarray(0, end));
  // Of the last code point, trailing zero bytes may be part.
  const points = new Uint32Array(Math.ceil(end / 4));
  for (let i = 0; i < points.length; i++) points[i] = codePointAt(type, bytes, 4 * i);
  const bad = points.find((point) => point > 0x10ffff || (point >= 0xd800 && point < 0xe000));
  if (bad !== undefined) throw msgpackError(byteOffset, "Unicode text", `the code point ${bad}`);
  return fromCodePoints(points);
}

function fromCodePoints(points: Uint8Array | Uint32Array): string {
  // As arguments of one call, very many would exceed the stack.
  let text = "";
  for (let at = 0; at < points.length; at += 4096) {
    text += String.fromCodePoint(...points.subarray(at, at + 4096));
  }
  return text;
}

function codePointAt({ bigEndian }: TextType, bytes: Uint8Array, at: number): number {
  let point = 0;
  for (let i = 0; i < 4; i++) point = point * 256 + bytes[bigEndian ? at + i : at + 3 - i]!;
  return point;
}

/**
 * Text lists as NumPy's `<Un`: type code, shape and bytes.
 *
 * @returns `null` for what is no rectangular list of at least one string, and where a string ends in the zeros that
 *   NumPy pads with.
 */
export function encodeTextArray(list: Value[]): { code: string; shape: number[]; data: Uint8Array } | null {
  const shape: number[] = [];
  for (let item: Value | undefined = list; Array.isArray(item); item = item[0]) {
    shape.push(item.length);
    if (shape.length > MAX_DIMENSIONS) return null;
  }
  const texts: number[][] = [];
  let width = 1;
  const collect = (value: Value, axis: number): boolean => {
    if (axis < shape.length) {
      if (!Array.isArray(value) || value.length !== shape[axis]) return false;
      return value.every((item) => collect(item, axis + 1));
    }
    if (typeof value !== "string" || value.endsWith("\0") || /\p{Surrogate}/u.test(value)) return false;
    const points = Array.from(value, (character) => character.codePointAt(0)!);
    width = Math.max(width, points.length);
    return texts.push(points) > 0;
  };
  if (!collect(list, 0) || texts.length === 0) return null;
  const elements = new Uint32Array(texts.length * width);
  for (const [i, points] of texts.entries()) elements.set(points, i * width);
  return { code: `<U${width}`, shape, data: new Uint8Array(elements.buffer) };
}
