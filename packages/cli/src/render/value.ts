import {
  hillFormula,
  isNdArray,
  type NdArray,
  type Row,
  sizeOf,
  toAtomicNumbers,
  type Value,
} from "@stowage/core";
import { formatElement, formatFloat, formatPlural } from "./number.js";
import { cutText, displayWidth, printable } from "./width.js";

/** What kind of value this is: `float64 (5, 3)`, `int64`, `string`, `list`. */
export function kindOf(value: Value): string {
  if (isNdArray(value)) return formatType(value.dtype, value.shape);
  if (value === null) return "null";
  if (Array.isArray(value)) return `list (${value.length})`;
  switch (typeof value) {
    case "number":
      return "float64";
    case "boolean":
      return "bool";
    case "bigint":
      return "int64";
    case "string":
      return "string";
    default:
      return "object";
  }
}

/** A dtype with its extents; `null` extents are those that differ, the first one of a per-atom field is n. */
export function formatType(dtype: string, shape: readonly (number | null)[], perAtom = false): string {
  return shape.length === 0 ? dtype : `${dtype} ${formatShape(shape, perAtom)}`;
}

/** `(n, 3)` per atom, `(?)` where rows differ, nothing for a scalar. */
export function formatShape(shape: readonly (number | null)[], perAtom = false): string {
  if (shape.length === 0) return "";
  return `(${shape.map((extent, i) => (extent === null ? (perAtom && i === 0 ? "n" : "?") : String(extent))).join(", ")})`;
}

/** A value in at most so many columns: scalars in full digits, arrays by their first elements. */
export function renderValue(value: Value, columns: number): string {
  if (isNdArray(value)) {
    if (value.shape.length === 0) return cutText(formatElement(value, 0, false), columns);
    return fitTokens(arrayTokens(value), columns);
  }
  if (typeof value === "number") return formatFloat(value, "float64");
  if (typeof value === "string") return renderText(value, columns);
  if (value === null || typeof value !== "object") return cutText(String(value), columns);
  return cutText(printable(jsonLike(value, columns)), columns);
}

function renderText(text: string, columns: number): string {
  // Escaping a text of megabytes for its first columns would be waste: no column needs more than a few characters.
  const start = text.slice(0, columns * 16);
  return cutText(`"${printable(start)}"`, columns);
}

/** Nested values in the manner of JSON, with arrays by their kind; stops soon after it is long enough. */
function jsonLike(value: Value, enough: number): string {
  if (isNdArray(value)) return value.shape.length === 0 ? formatElement(value, 0, false) : kindOf(value);
  if (typeof value === "string") return `"${value.slice(0, enough * 16)}"`;
  if (value === null || typeof value !== "object") return String(value);
  const isList = Array.isArray(value);
  const parts: string[] = [];
  let length = 0;
  for (const [key, item] of Object.entries(value)) {
    const text = (isList ? "" : `${key}: `) + jsonLike(item, enough - length);
    parts.push(text);
    length += text.length + 2;
    if (length > enough) break;
  }
  return isList ? `[${parts.join(", ")}]` : `{ ${parts.join(", ")} }`;
}

/** Elements with the brackets that belong to them: `[[0`, `0`, `1]`, … */
function* arrayTokens(array: NdArray): Generator<string, void, undefined> {
  const { shape } = array;
  const size = sizeOf(shape);
  if (size === 0) {
    yield "[]";
    return;
  }
  const strides = shape.map((_, depth) => sizeOf(shape.slice(depth)));
  for (let i = 0; i < size; i++) {
    const opening = strides.filter((stride) => i % stride === 0).length;
    const closing = strides.filter((stride) => (i + 1) % stride === 0).length;
    yield "[".repeat(opening) + formatElement(array, i, true) + "]".repeat(closing);
  }
}

/** Joins whole tokens while they fit; an ellipsis stands for the rest, so no number is ever cut in two. */
function fitTokens(tokens: Iterable<string>, columns: number): string {
  let text = "";
  for (const token of tokens) {
    const longer = text === "" ? token : `${text} ${token}`;
    if (displayWidth(longer) > columns) return cutText(trimToRoom(text, columns), columns);
    text = longer;
  }
  return text;
}

function trimToRoom(text: string, columns: number): string {
  let kept = text;
  while (displayWidth(kept) > columns - 2 && kept.includes(" ")) kept = kept.slice(0, kept.lastIndexOf(" "));
  return kept === "" || displayWidth(kept) > columns - 2 ? "…" : `${kept} …`;
}

/** What a row is about: `C2H6O, 9 atoms`; nothing where it has no atomic numbers. */
export function describeRow(row: Row): string {
  const numbers = row["arrays.numbers"];
  if (numbers === undefined || !isNdArray(numbers) || numbers.shape.length !== 1) return "";
  try {
    const atomicNumbers = toAtomicNumbers(numbers.data);
    const formula = cutText(hillFormula(atomicNumbers), 40);
    return `${formula === "" ? "" : `${formula}, `}${formatPlural(atomicNumbers.length, "atom")}`;
  } catch {
    return formatPlural(numbers.shape[0]!, "atom"); // numbers that are no elements are still worth a look
  }
}
