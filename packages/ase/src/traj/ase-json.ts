/**
 * Values that ASE's JSON writes as objects: `{"__ndarray__": [[2], "float64", [0.5, 1]]}` (complex numbers as pairs),
 * `{"__complex__": [1, 2]}`, `{"__datetime__": "2026-…"}`. Rows keep dates, and objects of ASE's own, as they are here.
 *
 * @see ase 3.29 `ase/io/jsonio.py`
 */

import {
  allocate,
  DTYPES,
  type DType,
  int64,
  isDType,
  type NdArray,
  ndarray,
  numberToFloat16,
  parseDTypeCode,
  quote,
  scalar,
  setKey,
  sizeOf,
  type Value,
} from "@stowage/core";
import { TextProblem } from "../errors.js";
import { fitsInt64, fromJson } from "../numpy-array.js";
import type { Json } from "../python-json.js";
import { parsePythonInt } from "../python-number.js";
import { parseShape } from "./ulm-array.js";
import { isObject, type JsonObject } from "./ulm-reader.js";

/** A value as rows hold it: whole numbers are int64, from 2^63 on uint64, others float64. @throws {TextProblem} */
export function rowValue(json: Json): Value {
  if (typeof json !== "bigint") return typeof json === "number" ? json : nestedValue(json);
  if (fitsInt64(json)) return int64(json);
  return BigInt.asUintN(64, json) === json ? scalar(json, "uint64") : json;
}

/** What `np.array` makes of a value. @throws {TextProblem} for what NumPy does not take for numbers. */
export function arrayValue(json: Json): Value {
  return isObject(json) ? nestedValue(json) : fromJson(json);
}

/** As in JSON, a whole number inside a list or an object is an integer; a float that is whole is marked as one. */
function nestedValue(json: Json): Value {
  if (typeof json === "bigint") {
    const number = Number(json);
    return Number.isSafeInteger(number) ? number : json;
  }
  if (typeof json === "number") {
    const ambiguous = Number.isInteger(json) && !Object.is(json, -0);
    return ambiguous ? ndarray(Float64Array.of(json), []) : json;
  }
  if (Array.isArray(json)) return json.map(nestedValue);
  return isObject(json) ? objectValue(json) : json;
}

function objectValue(json: JsonObject): Value {
  if (Object.hasOwn(json, "__complex__")) return complexValue(json.__complex__!);
  if (Object.hasOwn(json, "__ndarray__")) return encodedArray(json.__ndarray__!);
  if (Object.hasOwn(json, "__complex_ndarray__")) return oldComplexArray(json.__complex_ndarray__!);
  const value: { [key: string]: Value } = {};
  for (const [key, item] of Object.entries(json)) setKey(value, decodeKey(key), nestedValue(item));
  return value;
}

/** Keys that Python takes for integers become integers in ASE: `"007"` is 7. */
export function decodeKey(key: string): string {
  const integer = /\d/.test(key) ? parsePythonInt(key) : undefined;
  return integer === undefined ? key : String(integer);
}

function complexValue(json: Json): NdArray {
  const parts = Array.isArray(json) ? json : [];
  if (parts.length !== 2 || !parts.every(isNumber))
    throw new TextProblem("half a complex number", "two numbers");
  return ndarray(Float64Array.from(parts, Number), [], "complex128");
}

function encodedArray(json: Json): Value {
  const [extents, name, data] = Array.isArray(json) && json.length === 3 ? json : [];
  if (typeof name !== "string" || !Array.isArray(data))
    throw new TextProblem("an __ndarray__ that is not described", "shape, dtype and data");
  const shape = parseShape(extents ?? null);
  const dtype = isDType(name) ? name : parseDTypeCode(name)?.dtype;
  const length = sizeOf(shape) * (dtype === undefined ? 1 : DTYPES[dtype].lanes);
  if (data.length !== length)
    throw new TextProblem(`an __ndarray__ of ${data.length} elements`, `${length} for its shape`);
  if (dtype !== undefined) return { dtype, shape, data: elements(dtype, data) };
  if (!/^[<>|=]?U\d*$/.test(name) && name !== "object")
    throw new TextProblem(`an __ndarray__ of dtype ${quote(name)}`, "numbers or text");
  return nestedList(data.map(nestedValue), shape);
}

function elements(dtype: DType, json: readonly Json[]): NdArray["data"] {
  const { kind } = DTYPES[dtype];
  const target = allocate(dtype, json.length / DTYPES[dtype].lanes);
  json.forEach((item, i) => {
    const fits =
      kind === "b"
        ? typeof item === "boolean"
        : isNumber(item) && (kind === "f" || kind === "c" || typeof item === "bigint");
    if (!fits) throw new TextProblem(`${quote(item)} in an array of ${dtype}`, "elements of that type");
    if (target instanceof BigInt64Array || target instanceof BigUint64Array) target[i] = item as bigint;
    else target[i] = dtype === "float16" ? numberToFloat16(Number(item)) : Number(item);
    if ((kind === "i" || kind === "u") && BigInt(target[i]!) !== item)
      throw new TextProblem(`${quote(item)} in an array of ${dtype}`, "integers within its range");
  });
  return target;
}

function isNumber(json: Json): boolean {
  return typeof json === "number" || typeof json === "bigint";
}

/** Text as nested lists: rows have no arrays of text. */
function nestedList(values: Value[], shape: readonly number[]): Value {
  if (shape.length === 0) return values[0]!;
  const [extent, ...inner] = shape;
  if (inner.length === 0) return values;
  if (values.length === 0) return [];
  const step = values.length / extent!;
  return Array.from({ length: extent! }, (_, i) => nestedList(values.slice(i * step, (i + 1) * step), inner));
}

/** Real and imaginary parts one behind the other, as ASE wrote them before 2019. */
function oldComplexArray(json: Json): Value {
  const [real, imaginary] = (Array.isArray(json) && json.length === 2 ? json : []).map(realPart);
  if (real === undefined || imaginary === undefined || String(real.shape) !== String(imaginary.shape))
    throw new TextProblem("a __complex_ndarray__ without two equal parts", "real and imaginary parts");
  const data = new Float64Array(2 * real.data.length);
  for (let i = 0; i < real.data.length; i++) {
    data[2 * i] = Number(real.data[i]);
    data[2 * i + 1] = Number(imaginary.data[i]);
  }
  return { dtype: "complex128", shape: real.shape, data };
}

function realPart(json: Json): NdArray {
  const value = fromJson(json);
  if (typeof value === "number") return ndarray(Float64Array.of(value), []);
  if (typeof value === "object" && value !== null && "dtype" in value) return value as NdArray;
  throw new TextProblem("a complex array of something else", "numbers");
}
