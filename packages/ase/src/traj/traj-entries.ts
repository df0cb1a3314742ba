/** The parts of a frame's text: constraints, results, information. */

import { describeValue, isNdArray, type NdArray, type Row, type Value } from "@stowage/core";
import { TextProblem } from "../errors.js";
import { type LossLog, Unwritable } from "../losses.js";
import { keyText, nestedText, numberText, OBJECT_MARKS, rowValueText } from "./ase-json-text.js";
import { convertArray, PLAIN_RESULTS, RESULTS } from "./traj-frame.js";
import type { UlmItemWriter } from "./ulm-writer.js";

/** What `dict2constraint` of ASE knows; a frame with another name could not be read. */
const CONSTRAINTS: ReadonlySet<string> = new Set([
  "FixCartesian",
  "FixBondLength",
  "FixedMode",
  "FixAtoms",
  "FixScaled",
  "FixCom",
  "FixSubsetCom",
  "FixedPlane",
  "FixConstraint",
  "FixedLine",
  "FixBondLengths",
  "FixLinearTriatomic",
  "FixInternals",
  "Hookean",
  "ExternalForce",
  "MirrorForce",
  "MirrorTorque",
  "FixParametricRelations",
  "FixScaledParametricRelations",
  "FixCartesianParametricRelations",
  "FixSymmetry",
]);

/** The constraints that are written, and their text; `undefined` for none. @throws {StowageError} ERR_LOSS */
export function constraintsOf(row: Row, losses: LossLog): { value: Value; text: string } | undefined {
  const value = row.constraints;
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return undefined;
  return losses.attempt("constraints", () => {
    if (!Array.isArray(value)) throw new Unwritable("constraints are a list of { name, kwargs }");
    for (const constraint of value) checkConstraint(constraint);
    return { value, text: nestedText(value, (reason) => losses.note("constraints", "widened", reason)) };
  });
}

function checkConstraint(constraint: Value): void {
  const { name, kwargs } =
    typeof constraint === "object" && constraint !== null ? (constraint as Record<string, Value>) : {};
  if (typeof name !== "string" || typeof kwargs !== "object" || kwargs === null)
    throw new Unwritable("a constraint is { name, kwargs }");
  if (!CONSTRAINTS.has(name)) throw new Unwritable(`ASE knows no constraint "${name}"`);
}

/** The entry for all results, if there are any. @throws {StowageError} ERR_LOSS */
export function calculatorEntry(row: Row, item: UlmItemWriter, losses: LossLog): string[] {
  const entries: string[] = [];
  for (const name of RESULTS) {
    const key = `calc.${name}`;
    const value = row[key];
    if (value === undefined) continue;
    const entry = losses.attempt(key, () => resultEntry(name, value, item, losses));
    if (entry !== undefined) entries.push(entry);
  }
  return entries.length === 0 ? [] : [`"calculator.": {"name": "unknown", ${entries.join(", ")}}`];
}

function resultEntry(name: string, value: Value, item: UlmItemWriter, losses: LossLog): string {
  const key = `calc.${name}`;
  if (typeof value === "number") return `"${name}": ${numberText(value)}`;
  if (!isNdArray(value)) throw new Unwritable(`${describeValue(value)} is no number`);
  if (PLAIN_RESULTS.has(name)) {
    if (value.shape.length > 0) return `"${name}.": ${item.array(value)}`;
    return `"${name}": ${nestedText(value, (reason) => losses.note(key, "widened", reason))}`;
  }
  const array = asTarget(key, value, "float64", losses);
  if (value.shape.length === 0) return `"${name}": ${numberText(Number(array.data[0]))}`;
  // As ASE writes them.
  if (name === "stress" || name === "dipole") return `"${name}": ${listText(array)}`;
  return `"${name}.": ${item.array(array)}`;
}

/** The entry for all of `info`, if there is any. @throws {StowageError} ERR_LOSS */
export function infoEntry(row: Row, losses: LossLog): string[] {
  const entries: string[] = [];
  for (const [key, value] of Object.entries(row)) {
    if (!key.startsWith("info.")) continue;
    const entry = losses.attempt(key, () => {
      const text = rowValueText(value, (reason) => losses.note(key, "widened", reason));
      const name = key.slice(5);
      if (OBJECT_MARKS.has(name))
        throw new Unwritable(`the key "${name}" would turn all info into something else`);
      return `${keyText(name)}: ${text}`;
    });
    if (entry !== undefined) entries.push(entry);
  }
  return entries.length === 0 ? [] : [`"info": {${entries.join(", ")}}`];
}

/** A matrix or vector of floats as nested lists. */
export function listText({ shape, data }: NdArray): string {
  const texts = Array.from(data as Float64Array, numberText);
  return nest(texts, shape);
}

function nest(texts: readonly string[], shape: readonly number[]): string {
  if (shape.length === 0) return texts[0]!;
  const [extent, ...inner] = shape;
  const step = texts.length / Math.max(extent!, 1);
  const parts = Array.from({ length: extent! }, (_, i) => nest(texts.slice(i * step, (i + 1) * step), inner));
  return `[${parts.join(", ")}]`;
}

/** @throws {Unwritable} where that would lose something */
export function asTarget(key: string, array: NdArray, target: "float64" | "int64", losses: LossLog): NdArray {
  const converted = attemptConvert(key, array, target);
  if (array.dtype !== target) losses.note(key, "widened", `${array.dtype} kept as ${target}`);
  return converted;
}

export function attemptConvert(key: string, array: NdArray, target: "float64" | "int64"): NdArray {
  const { data } = array;
  if (target === "float64" && (data instanceof BigInt64Array || data instanceof BigUint64Array)) {
    const inexact = data.find((value: bigint) => BigInt(Number(value)) !== value);
    if (inexact !== undefined) throw new Unwritable(`${inexact} is no float64`);
  }
  try {
    return convertArray(key, array, target);
  } catch (error) {
    if (error instanceof TextProblem) throw new Unwritable(`${error.found} cannot be ${target}`);
    throw error;
  }
}
