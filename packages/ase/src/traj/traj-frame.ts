import {
  allocate,
  DTYPES,
  float16ToNumber,
  isNdArray,
  type NdArray,
  ndarray,
  quote,
  sizeOf,
  type Value,
} from "@stowage/core";
import { TextProblem } from "../errors.js";
import { fitsInt64, toFloatArray } from "../numpy-array.js";
import { type Json, parsePythonJson } from "../python-json.js";
import { arrayValue, decodeKey, rowValue } from "./ase-json.js";
import type { UlmArray } from "./ulm-array.js";
import { isObject, type UlmItem, type UlmValue } from "./ulm-reader.js";

/** What ASE makes of an array: all but results of its calculators have one type. */
export type ArrayTarget = "float64" | "int64" | "as it is";

/** The value of a row key: known, or in an array of the file. */
export type FrameValue = { read(): Value } | { array: UlmArray; target: ArrayTarget };
export type Frame = ReadonlyMap<string, FrameValue>;

/** What frames without atomic numbers of their own take from the first frame. */
export interface FrameHeader {
  readonly pbc: FrameValue;
  readonly numbers: FrameValue;
  readonly masses: FrameValue | undefined;
  readonly constraints: FrameValue | undefined;
  readonly nAtoms: number;
}

/** ASE's results in the order in which it writes and reads them, with those that are kept as they are. */
export const RESULTS: readonly string[] = [
  "energy",
  "forces",
  "stress",
  "stresses",
  "dipole",
  "charges",
  "magmom",
  "magmoms",
  "free_energy",
  "energies",
  "dielectric_tensor",
  "born_effective_charges",
  "polarization",
];
export const PLAIN_RESULTS: ReadonlySet<string> = new Set(["energy", "magmom", "free_energy"]);

/** Arrays besides numbers and positions, in ASE's order, under the names that files have for them. */
export const EXTRA_ARRAYS: readonly {
  readonly name: string;
  readonly rowKey: string;
  readonly target: "int64" | "float64";
  /** Extents of one atom's value; `null` for any. */
  readonly inner: readonly number[] | null;
}[] = [
  { name: "tags", rowKey: "arrays.tags", target: "int64", inner: [] },
  { name: "masses", rowKey: "arrays.masses", target: "float64", inner: [] },
  { name: "magmoms", rowKey: "arrays.initial_magmoms", target: "float64", inner: null },
  { name: "charges", rowKey: "arrays.initial_charges", target: "float64", inner: [] },
  { name: "momenta", rowKey: "arrays.momenta", target: "float64", inner: [3] },
];

/** Whether an item says itself what its atoms are. */
export function hasHeader(item: UlmItem): boolean {
  return item.has("numbers");
}

/** @throws {TextProblem} */
export function parseHeader(item: UlmItem): FrameHeader {
  const numbers = arrayField(item, "numbers", "int64");
  const shape = shapeOf(numbers);
  if (shape.length !== 1) throw new TextProblem(`numbers of shape (${shape.join(", ")})`, "one an atom");
  const constraints = jsonOf(item, "constraints");
  return {
    pbc: { read: () => pbcValue(item) },
    numbers,
    masses: item.has("masses") ? arrayField(item, "masses", "float64") : undefined,
    constraints: constraints === undefined ? undefined : onceParsed(constraints),
    nAtoms: shape[0]!,
  };
}

/** Everything a frame holds, in the key order of rows. @throws {TextProblem} */
export function parseFrame(item: UlmItem, header: FrameHeader): Frame {
  const frame = new Map<string, FrameValue>();
  const { nAtoms } = header;
  frame.set("cell", { read: () => cellValue(item) });
  frame.set("pbc", header.pbc);
  frame.set("arrays.numbers", header.numbers);
  frame.set("arrays.positions", perAtom("positions", arrayField(item, "positions", "float64"), nAtoms, [3]));
  for (const { name, rowKey, target, inner } of EXTRA_ARRAYS) {
    const value = name === "masses" ? header.masses : item.has(name) ? arrayField(item, name, target) : null;
    if (value) frame.set(rowKey, perAtom(name, value, nAtoms, inner));
  }
  const info = jsonOf(item, "info") ?? null;
  if (info !== null) {
    if (!isObject(info)) throw new TextProblem("info that is no object", "keys and values");
    for (const [key, json] of Object.entries(info)) {
      frame.set(`info.${decodeKey(key)}`, { read: () => rowValue(json) });
    }
  }
  addResults(frame, item);
  if (header.constraints) frame.set("constraints", header.constraints);
  return frame;
}

function addResults(frame: Map<string, FrameValue>, item: UlmItem): void {
  const calculator = item.get("calculator");
  if (calculator === undefined) return;
  if (!("child" in calculator)) throw new TextProblem("a calculator that is no item", "names and values");
  for (const name of RESULTS) {
    const value = calculator.child.get(name);
    if (value === undefined || ("json" in value && value.json === null)) continue;
    frame.set(`calc.${name}`, resultValue(name, value));
  }
}

function resultValue(name: string, value: UlmValue): FrameValue {
  if ("array" in value)
    return { array: value.array, target: PLAIN_RESULTS.has(name) ? "as it is" : "float64" };
  if (!("json" in value)) throw new TextProblem(`a result ${quote(name)} with names`, "numbers");
  const { json } = value;
  if (PLAIN_RESULTS.has(name)) return { read: () => rowValue(json) };
  return { read: () => floatResult(name, arrayValue(json)) };
}

function floatResult(name: string, value: Value): Value {
  if (isNdArray(value) && value.shape.length > 0) return convertArray(name, value, "float64");
  return toFloatArray(value);
}

function arrayField(item: UlmItem, name: string, target: ArrayTarget): FrameValue {
  const value = item.get(name);
  if (value === undefined) throw new TextProblem(`no ${quote(name)}`, "an array of that name");
  if ("array" in value) return { array: value.array, target };
  if (!("json" in value)) throw new TextProblem(`${quote(name)} with names`, "an array");
  const array = numericArray(name, value.json);
  return { read: () => convertArray(name, array, target) };
}

function numericArray(name: string, json: Json): NdArray {
  const array = arrayValue(json);
  if (isNdArray(array)) return array;
  throw new TextProblem(`${quote(name)} that is no array`, "numbers in lists");
}

function perAtom(
  name: string,
  value: FrameValue,
  nAtoms: number,
  inner: readonly number[] | null,
): FrameValue {
  const shape = shapeOf(value);
  const fits =
    shape[0] === nAtoms && (inner === null ? shape.length > 0 : String(shape.slice(1)) === String(inner));
  if (fits) return value;
  throw new TextProblem(
    `${quote(name)} of shape (${shape.join(", ")})`,
    `one value for each of ${nAtoms} atoms`,
  );
}

function shapeOf(value: FrameValue): readonly number[] {
  if ("array" in value) return value.array.shape;
  const known = value.read();
  return isNdArray(known) ? known.shape : [];
}

function jsonOf(item: UlmItem, name: string): Json | undefined {
  const value = item.get(name);
  if (value === undefined) return undefined;
  if ("json" in value) return value.json;
  throw new TextProblem(`an array or names under ${quote(name)}`, "a plain value");
}

function cellValue(item: UlmItem): Value {
  const json = jsonOf(item, "cell");
  if (json === undefined) throw new TextProblem('no "cell"', "three vectors");
  const cell = convertArray("cell", numericArray("cell", json), "float64");
  if (String(cell.shape) === "3,3") return cell;
  if (String(cell.shape) !== "3")
    throw new TextProblem(`a cell of shape (${cell.shape.join(", ")})`, "(3, 3)");
  const [a, b, c] = cell.data as Float64Array;
  return ndarray(Float64Array.of(a!, 0, 0, 0, b!, 0, 0, 0, c!), [3, 3]);
}

function pbcValue(item: UlmItem): Value {
  const json = jsonOf(item, "pbc");
  const flags = Array.isArray(json) ? json : [json, json, json];
  if (flags.length !== 3 || !flags.every((flag) => typeof flag === "boolean"))
    throw new TextProblem("pbc of something else", "three booleans");
  return ndarray(Uint8Array.from(flags, Number), [3], "bool");
}

/** Many frames share one text of constraints: each gets a list of its own, with the same entries. */
function onceParsed(json: Json): FrameValue {
  let parsed: Value[] | null = null;
  return {
    read: () => {
      parsed ??= constraintsValue(json);
      return [...parsed];
    },
  };
}

function constraintsValue(json: Json): Value[] {
  const list = typeof json === "string" ? parsePythonJson(json) : json;
  if (!Array.isArray(list))
    throw new TextProblem("constraints that are no list", "a list of name and kwargs");
  return list.map(rowValue);
}

/** What `np.array(array, dtype)` gives. @throws {TextProblem} where that would lose something */
export function convertArray(name: string, array: NdArray, target: ArrayTarget): NdArray {
  const { dtype, shape, data } = array;
  if (target === "as it is" || dtype === target) return array;
  const { kind } = DTYPES[dtype];
  if (kind === "c" || (target === "int64" && kind === "f" && data.length > 0))
    throw new TextProblem(`${dtype} numbers for ${quote(name)}`, target);
  const converted = allocate(target, sizeOf(shape));
  for (let i = 0; i < data.length; i++) {
    const value = dtype === "float16" ? float16ToNumber(Number(data[i])) : data[i]!;
    if (!(converted instanceof BigInt64Array)) converted[i] = Number(value);
    else if (fitsInt64(BigInt(value))) converted[i] = BigInt(value);
    else throw new TextProblem(`${value} for ${quote(name)}`, "integers of int64");
  }
  return { dtype: target, shape, data: converted };
}
