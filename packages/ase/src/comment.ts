/**
 * The comment line of an extended XYZ frame, read exactly as ASE's `key_val_str_to_dict` reads it.
 *
 * Any text is some list of entries, so this grammar has no syntax errors but one (a line that begins with `=`):
 *
 * | text | entry |
 * |---|---|
 * | `key=value`, `key = value` | value up to the next whitespace |
 * | `key="a b"`, `'a b'`, `{a b}`, `[a b]` | value between the delimiters; they do not nest, and may enclose a part only |
 * | `\x` | the character `x` itself, everywhere |
 * | `key` | the boolean true |
 * | `key=a=b` | the text `a=b` |
 * | `key="" next=5`, `key= next=5` | `key` is the text `next=5`: an empty value takes what follows |
 *
 * @see ase 3.29 `ase/io/extxyz.py`
 */

import { isNdArray, type NdArray, quote, type Value } from "@stowage/core";
import { TextProblem } from "./errors.js";
import { fitsInt64, fromJson } from "./numpy-array.js";
import { parsePythonJson } from "./python-json.js";
import { parsePythonInt, storePythonFloat } from "./python-number.js";
import { isPythonSpace, splitValues, strip } from "./python-text.js";

export interface CommentEntry {
  readonly key: string;
  /** The value as text, without delimiters and escapes; `"T"` for a bare key. */
  readonly text: string;
  /** Whether an empty value took the next `key=value` as its own. */
  readonly swallowed: boolean;
}

const CLOSING: Readonly<Record<string, string>> = { '"': '"', "'": "'", "{": "}", "[": "]" };

/**
 * Splits a comment into entries, in order, with repeated keys.
 *
 * @throws {TextProblem} if the comment begins with `=`, where ASE fails too.
 */
export function splitComment(comment: string): CommentEntry[] {
  const entries: Entry[] = [{ parts: [""], gap: false, swallowed: false }];
  let entry = entries[0]!;
  let closing: string | undefined;
  let escaped = false;
  const append = (char: string): void => {
    entry.parts[entry.parts.length - 1] += char;
  };
  for (const char of strip(comment)) {
    if (escaped) {
      append(char);
      escaped = false;
    } else if (char === "\\") {
      escaped = true;
    } else if (closing !== undefined) {
      if (char === closing) closing = undefined;
      else append(char);
    } else if (Object.hasOwn(CLOSING, char)) {
      closing = CLOSING[char];
    } else if (isPythonSpace(char.charCodeAt(0))) {
      if (entry.parts.at(-1) === "") {
        if (entry.parts.length > 1) entry.gap = true;
      } else {
        entry = { parts: [""], gap: false, swallowed: false };
        entries.push(entry);
      }
    } else if (char === "=") {
      if (entry.parts.length === 1 && entry.parts[0] === "") {
        // `key = value`: the space has begun a new entry already.
        entries.pop();
        const previous = entries.at(-1);
        if (previous === undefined) throw new TextProblem('"=" without a key', "key=value");
        entry = previous;
      }
      if (entry.gap) entry.swallowed = true;
      entry.parts.push("");
    } else {
      append(char);
    }
  }
  return entries.map(({ parts: [key = "", ...values], swallowed }) => ({
    key,
    text: values.length === 0 ? "T" : values.join("="),
    swallowed,
  }));
}

interface Entry {
  /** The key, then the pieces of the value between `=` signs. */
  parts: string[];
  /** Whitespace was passed over while the value was still empty. */
  gap: boolean;
  swallowed: boolean;
}

/**
 * Reads a whole comment. Repeated keys: the last value counts, at the first place.
 *
 * @throws {TextProblem} where ASE raises: a bad `_JSON` value, a `Lattice` that is not nine numbers.
 */
export function parseComment(comment: string): Map<string, Value> {
  const values = new Map<string, Value>();
  if (strip(comment) === "") return values;
  for (const { key, text } of splitComment(comment)) {
    const value = typedValue(key, text);
    values.set(key, MATRIX_KEYS.has(key) ? toMatrix(value as NumberList) : value);
  }
  return values;
}

/** Keys whose values stay text, in any case. */
export function isTextKey(key: string): boolean {
  return key.toLowerCase() === "uid";
}

/** Keys that must hold nine numbers: a 3×3 matrix, column by column. */
export const MATRIX_KEYS: ReadonlySet<string> = new Set(["Lattice", "virial", "stress"]);

const BOOLEANS: Readonly<Record<string, boolean>> = {
  T: true,
  True: true,
  true: true,
  TRUE: true,
  F: false,
  False: false,
  false: false,
  FALSE: false,
};

export type NumberList = NdArray<"int64"> | NdArray<"float64">;

/**
 * The value that ASE makes of a text: integers, else floats, else booleans (several give a list), else `_JSON`, else
 * the text itself. Matrices come as the nine numbers they are listed as.
 *
 * @throws {TextProblem} where ASE raises.
 */
export function typedValue(key: string, text: string): Value {
  if (isTextKey(key)) return text;
  const words = splitValues(text);
  const numbers = parseIntegers(words) ?? parseFloats(words);
  if (MATRIX_KEYS.has(key) && numbers?.data.length !== 9)
    throw new TextProblem(`${key}=${quote(text)}`, "nine numbers, a 3×3 matrix");
  if (numbers !== undefined) return words.length === 1 ? toScalar(numbers) : numbers;
  if (words.every((word) => Object.hasOwn(BOOLEANS, word))) {
    const flags = words.map((word) => BOOLEANS[word]!);
    return flags.length === 1 ? flags[0]! : flags;
  }
  if (text.startsWith("_JSON ")) return fromJson(parsePythonJson(text.slice("_JSON ".length)));
  return text;
}

function parseIntegers(words: readonly string[]): NdArray<"int64"> | undefined {
  const data = new BigInt64Array(words.length);
  for (let i = 0; i < words.length; i++) {
    const integer = parsePythonInt(words[i]!);
    if (integer === undefined || !fitsInt64(integer)) return undefined;
    data[i] = integer;
  }
  return { dtype: "int64", shape: [words.length], data };
}

function parseFloats(words: readonly string[]): NdArray<"float64"> | undefined {
  const data = new Float64Array(words.length);
  for (let i = 0; i < words.length; i++) {
    if (!storePythonFloat(data, i, words[i]!)) return undefined;
  }
  return { dtype: "float64", shape: [words.length], data };
}

function toScalar(numbers: NumberList): Value {
  return numbers.dtype === "float64" ? numbers.data[0]! : { ...numbers, shape: [] };
}

/** Nine numbers listed column by column, as a matrix. */
export function toMatrix(listed: NumberList): NdArray {
  const rows = TRANSPOSED.map((i) => listed.data[i]!);
  return listed.dtype === "int64"
    ? { dtype: "int64", shape: [3, 3], data: BigInt64Array.from(rows as bigint[]) }
    : { dtype: "float64", shape: [3, 3], data: Float64Array.from(rows as number[]) };
}

/** Where each element of a row-major matrix stands in a list of its columns; its own inverse. */
export const TRANSPOSED: readonly number[] = [0, 3, 6, 1, 4, 7, 2, 5, 8];

/** Whether a value holds no integers that float64 would change. */
export function isExact(value: Value): boolean {
  if (!isNdArray(value) || value.dtype !== "int64") return true;
  return (value as NdArray<"int64">).data.every((integer) => BigInt(Number(integer)) === integer);
}
