/** Values of comment lines as text that ASE, and this package, read back as the same values. */

import { equalValues, isNdArray, type LossNote, type NdArray, sizeOf, type Value } from "@stowage/core";
import { isTextKey, TRANSPOSED, typedValue } from "./comment.js";
import { TextProblem } from "./errors.js";
import { Unwritable } from "./losses.js";
import { floatText, floatWriter, integerTexts, textKind } from "./number-text.js";
import { fitsInt64, fromJson } from "./numpy-array.js";
import { parsePythonJson } from "./python-json.js";

/** The text of a value, without quotes. */
export interface ValueText {
  readonly text: string;
  /** What a reader finds instead; left out if the value reads back equal. */
  readonly change?: Omit<LossNote, "key">;
  /** For numbers: readers widen integers where the same key has floats in other frames. */
  readonly type?: "integer" | "float";
}

/**
 * `key=value`, with quotes and escapes where needed.
 *
 * @throws {Unwritable} for keys that no comment can have.
 */
export function entryText(key: string, text: string): string {
  if (key === "") throw new Unwritable("a comment cannot have an empty key");
  if (!fitsLine(key)) throw new Unwritable("a key cannot have line ends or lone surrogates");
  return `${quoted(key)}=${quoted(text)}`;
}

function quoted(text: string): string {
  if (/^[\w.+:/<>*()|^~!@#$%&;?-]+$/.test(text)) return text;
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** Whether a text can be a part of a line of UTF-8. */
export function fitsLine(text: string): boolean {
  return !/[\n\r]|\p{Surrogate}/u.test(text);
}

/**
 * A value of `info`, or a result that ASE leaves as it is.
 *
 * @throws {Unwritable}
 */
export function valueText(key: string, value: Value): ValueText {
  if (isTextKey(key) && typeof value !== "string") {
    throw new Unwritable('values of "uid" are always text', "choose another key");
  }
  if (value === null) return { text: "_JSON null" };
  if (isNdArray(value)) return arrayText(value);
  switch (typeof value) {
    case "boolean":
      return { text: value ? "T" : "F" };
    case "number":
      return { text: floatText(value), type: "float" };
    case "bigint":
      if (!fitsInt64(value)) throw new Unwritable(`${value} is beyond int64`);
      return { text: String(value), type: "integer" };
    case "string":
      return { text: stringText(key, value) };
    default:
      return nestedText(value);
  }
}

/** A text as it is where ASE would not take it for something else, else as JSON. */
function stringText(key: string, value: string): string {
  if (fitsLine(value) && value !== "" && readsAs(key, value, value)) return value;
  if (isTextKey(key)) throw new Unwritable('values of "uid" cannot be empty or have line ends');
  return `_JSON ${JSON.stringify(value)}`;
}

function readsAs(key: string, text: string, value: Value): boolean {
  try {
    return equalValues(typedValue(key, text), value);
  } catch (error) {
    if (error instanceof TextProblem) return false;
    throw error;
  }
}

function arrayText(array: NdArray): ValueText {
  const { dtype, shape } = array;
  const kind = textKind(array);
  if (kind === null) throw new Unwritable(`XYZ has no ${dtype} numbers`);
  const texts = elementTexts(array);
  const plain = kind !== "logical" && shape.length <= 1;
  const text =
    shape.length === 0
      ? texts[0]!
      : plain && texts.length > 1
        ? texts.join(" ")
        : plain && texts.length === 0 && kind === "integer"
          ? "," // nothing between separators: ASE makes it an empty integer array
          : `_JSON ${jsonArray(array, texts)}`;
  return { text, change: widening(array), type: kind === "logical" ? undefined : kind };
}

/** The elements as they stand between spaces, or for arrays of logicals in JSON. */
function elementTexts(array: NdArray): string[] {
  switch (textKind(array)) {
    case "logical":
      return Array.from(array.data as Uint8Array, (value) =>
        array.shape.length === 0 ? (value === 0 ? "F" : "T") : value === 0 ? "false" : "true",
      );
    case "integer":
      return integerTexts(array);
    default: {
      const write = floatWriter(array);
      return Array.from({ length: array.data.length }, (_, i) => write(i));
    }
  }
}

function widening({ dtype }: NdArray): ValueText["change"] {
  if (dtype === "bool" || dtype === "int64" || dtype === "float64") return undefined;
  const wide = dtype.startsWith("float") ? "float64" : "int64";
  return { kind: "widened", reason: `${dtype} kept as ${wide}` };
}

/** Nested lists. An array without elements keeps its shape only where the last extent alone is zero. */
function jsonArray({ dtype, shape }: NdArray, texts: readonly string[]): string {
  const empty = shape.indexOf(0);
  if (empty >= 0 && (dtype !== "float64" || empty < shape.length - 1)) {
    throw new Unwritable(`an empty ${dtype} array of shape (${shape.join(", ")}) has no text of its own`);
  }
  if (shape.length > 32) throw new Unwritable("it has more than 32 dimensions");
  let next = 0;
  const list = (axis: number): string => {
    if (axis === shape.length) return jsonNumber(texts[next++]!);
    return `[${Array.from({ length: shape[axis]! }, () => list(axis + 1)).join(", ")}]`;
  };
  return list(0);
}

function jsonNumber(text: string): string {
  switch (text) {
    case "nan":
    case "-nan":
      return "NaN";
    case "inf":
      return "Infinity";
    case "-inf":
      return "-Infinity";
    default:
      return text;
  }
}

/** Lists and objects. What NumPy makes an array of comes back as one; what it refuses cannot be written. */
function nestedText(value: Value): ValueText {
  if (Array.isArray(value) && value.length > 1 && value.every((item) => typeof item === "boolean")) {
    return { text: value.map((item) => (item ? "T" : "F")).join(" ") };
  }
  const json = jsonText(value);
  let back: Value;
  try {
    back = fromJson(parsePythonJson(json));
  } catch (error) {
    if (error instanceof TextProblem) throw new Unwritable(`ASE could not read it back: ${error.message}`);
    throw error;
  }
  const text = `_JSON ${json}`;
  if (equalValues(back, value)) return { text };
  const reason = isNdArray(back)
    ? `a list kept as ${back.dtype} array`
    : "integers in lists and objects lose their dtype";
  return { text, change: { kind: "changed", reason } };
}

/** As in JSON, a whole plain number is an integer here; a float that is whole is a 0-d float64 array. */
function jsonText(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(jsonText).join(", ")}]`;
  if (isNdArray(value)) {
    if (value.shape.length > 0)
      throw new Unwritable("an array inside a list or object would come back as a list");
    if (textKind(value) === null) throw new Unwritable(`XYZ has no ${value.dtype} numbers`);
    return value.dtype === "bool" ? String(value.data[0] !== 0) : jsonNumber(elementTexts(value)[0]!);
  }
  switch (typeof value) {
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0)
        ? String(value)
        : jsonNumber(floatText(value));
    case "string":
      return JSON.stringify(value);
    case "object": {
      if (value === null) return "null";
      const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${jsonText(item)}`);
      return `{${entries.join(", ")}}`;
    }
    default:
      return String(value);
  }
}

/**
 * A result that ASE turns into floats: a dipole, a polarization, a dielectric tensor.
 *
 * @throws {Unwritable}
 */
export function floatResultText(value: Value): ValueText {
  if (typeof value === "number") return { text: floatText(value), type: "float" };
  if (!isNdArray(value) || textKind(value) === null || textKind(value) === "logical") {
    throw new Unwritable("ASE keeps this result as float64 numbers only");
  }
  const floats = toFloat64(value);
  const { text } = arrayText(floats);
  return { text, type: "float", change: value.dtype === "float64" ? undefined : asFloat64(value) };
}

function asFloat64({ dtype }: NdArray): ValueText["change"] {
  return { kind: "widened", reason: `${dtype} kept as float64` };
}

/** @throws {Unwritable} for integers that float64 does not hold. */
export function toFloat64(array: NdArray): NdArray<"float64"> {
  if (array.dtype === "float64") return array as NdArray<"float64">;
  const text = textKind(array) === "integer" ? integerTexts(array) : elementTexts(array);
  const data = Float64Array.from(text, Number);
  if (textKind(array) === "integer" && text.some((digits, i) => BigInt(digits) !== BigInt(data[i]!))) {
    throw new Unwritable("it has integers that float64 does not hold");
  }
  return { dtype: "float64", shape: array.shape, data };
}

/** Stress, which files hold as a matrix and ASE as a Voigt vector. @throws {Unwritable} */
export function stressText(value: Value): ValueText {
  const shape = isNdArray(value) ? value.shape.join() : "";
  if (
    !isNdArray(value) ||
    (textKind(value) !== "float" && textKind(value) !== "integer") ||
    (shape !== "6" && shape !== "3,3")
  ) {
    throw new Unwritable("stress is six numbers (xx, yy, zz, yz, xz, xy) or a 3×3 matrix");
  }
  const floats = toFloat64(value);
  const widened = value.dtype === "float64" ? undefined : asFloat64(value);
  if (shape === "6") return { text: matrixText(floats, VOIGT_PLACES), type: "float", change: widened };
  const symmetric = TRANSPOSED.every((other, i) => Object.is(floats.data[i], floats.data[other]));
  if (!symmetric) throw new Unwritable("this stress matrix is not symmetric: ASE keeps six of its numbers");
  const change = { kind: "changed", reason: "a 3×3 matrix kept as Voigt vector" } as const;
  return { text: matrixText(floats, TRANSPOSED), type: "float", change };
}

/** Where each element of a symmetric matrix stands in a Voigt vector. */
const VOIGT_PLACES = [0, 5, 4, 5, 1, 3, 4, 3, 2];

/** A 3×3 matrix, listed column by column. @throws {Unwritable} */
export function matrixValueText(value: Value): ValueText {
  const isMatrix = isNdArray(value) && value.shape.join() === "3,3" && sizeOf(value.shape) === 9;
  const kind = isMatrix ? textKind(value) : null;
  if (!isMatrix || (kind !== "float" && kind !== "integer")) {
    throw new Unwritable('ASE reads "virial" as a 3×3 matrix of numbers', "choose another key");
  }
  return { text: matrixText(value, TRANSPOSED), change: widening(value), type: kind };
}

/** The cell's nine numbers, row by row. */
export function cellText(cell: NdArray): string {
  return elementTexts(cell).join(" ");
}

function matrixText(array: NdArray, places: readonly number[]): string {
  const texts = elementTexts(array);
  return places.map((place) => texts[place]!).join(" ");
}
