/** Values as the JSON text that ASE, and this package, read back as the same values; see ase-json.ts. */

import { DTYPES, float16ToNumber, isNdArray, type NdArray, type Value } from "@stowage/core";
import { Unwritable } from "../losses.js";
import { floatText } from "../number-text.js";
import { fitsInt64 } from "../numpy-array.js";
import { decodeKey } from "./ase-json.js";

/** Keys that a reader would take for something else than a key. */
const RESERVED: ReadonlySet<string> = new Set(["__ndarray__", "__complex__", "__complex_ndarray__"]);

/** Keys of objects that stand for something else in ASE. Rows keep such objects as they are. */
export const OBJECT_MARKS: ReadonlySet<string> = new Set(["__datetime__", "__ase_objtype__"]);

/** Readers of JSON give up somewhere. */
const MAX_DEPTH = 100;

/** The only dates that ASE reads back. */
const DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{1,6}$/;

/** Says what becomes of a value whose type changes: `int32 kept as int64`. */
export type NoteChange = (reason: string) => void;

/** A value of a row: a plain number is a float64. @throws {Unwritable} */
export function rowValueText(value: Value, note: NoteChange): string {
  if (typeof value === "number") return numberText(value);
  // What int64 does not hold is read as uint64: it stays what it is.
  const isWide = isNdArray(value) && value.shape.length === 0 && value.dtype === "uint64";
  const wide = isWide ? BigInt(value.data[0]!) : 0n;
  return fitsInt64(wide) ? nestedText(value, note) : String(wide);
}

/** A float as Python's JSON has it. */
export function numberText(value: number): string {
  if (Number.isFinite(value)) return floatText(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

/** A value inside a list or an object, where a whole number is an integer. @throws {Unwritable} */
export function nestedText(value: Value, note: NoteChange, depth = 0): string {
  if (depth > MAX_DEPTH) throw new Unwritable(`it has more than ${MAX_DEPTH} levels of lists and objects`);
  if (isNdArray(value)) return value.shape.length === 0 ? scalarText(value, note) : arrayText(value);
  if (Array.isArray(value)) return `[${value.map((item) => nestedText(item, note, depth + 1)).join(", ")}]`;
  if (value === null) return "null";
  switch (typeof value) {
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : numberText(value);
    case "string":
      return JSON.stringify(value);
    case "object":
      return objectText(value, note, depth + 1);
    default:
      return String(value);
  }
}

function objectText(value: { [key: string]: Value }, note: NoteChange, depth: number): string {
  const entries = Object.entries(value);
  for (const [key, item] of entries) {
    if (key === "__datetime__" && !(typeof item === "string" && DATE.test(item)))
      throw new Unwritable("ASE takes the key __datetime__ for a date, with fractions of a second");
  }
  return `{${entries.map(([key, item]) => `${keyText(key)}: ${nestedText(item, note, depth)}`).join(", ")}}`;
}

/** A key that comes back as it is. @throws {Unwritable} */
export function keyText(key: string): string {
  if (RESERVED.has(key)) throw new Unwritable(`the key "${key}" marks an array or a complex number`);
  const back = decodeKey(key);
  if (back !== key) throw new Unwritable(`ASE takes the key "${key}" for the integer ${back}`);
  return JSON.stringify(key);
}

function scalarText(array: NdArray, note: NoteChange): string {
  const { kind } = DTYPES[array.dtype];
  const kept = KEPT[kind];
  if (array.dtype !== kept) note(`${array.dtype} kept as ${kept}`);
  const texts = elementTexts(array);
  return kind === "c" ? `{"__complex__": [${texts.join(", ")}]}` : texts[0]!;
}

const KEPT = { b: "bool", i: "int64", u: "int64", f: "float64", c: "complex128" } as const;

function arrayText(array: NdArray): string {
  const { dtype, shape } = array;
  return `{"__ndarray__": [[${shape.join(", ")}], "${dtype}", [${elementTexts(array).join(", ")}]]}`;
}

function elementTexts({ data, dtype }: NdArray): string[] {
  const { kind } = DTYPES[dtype];
  return Array.from<number | bigint, string>(data, (value) => {
    if (kind === "b") return value === 0 ? "false" : "true";
    if (kind === "i" || kind === "u") return String(value);
    return numberText(dtype === "float16" ? float16ToNumber(Number(value)) : Number(value));
  });
}
