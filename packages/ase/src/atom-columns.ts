/** The columns of atom lines as row values: what ASE makes of each, by its role. */

import {
  atomicNumberOf,
  type DType,
  type Field,
  isPerAtomKey,
  type NdArray,
  quote,
  type Value,
} from "@stowage/core";
import type { ColumnData } from "./atom-lines.js";
import { type FramePlace, formatError } from "./errors.js";
import { JSON_FIELD } from "./key-table.js";
import type { PropertyColumn } from "./properties.js";
import { storePythonFloat } from "./python-number.js";

/** The type of a column's values in a frame of `nAtoms`. */
export function fieldOfColumn({ type, count, role, rowKey }: PropertyColumn, nAtoms: number): Field {
  const perAtom = isPerAtomKey(rowKey!);
  const shape = [perAtom ? null : nAtoms, ...extentsOf(count)];
  if (role === "floats" || type === "R") return { dtype: "float64", shape, perAtom };
  if (type !== "S") return { dtype: type === "I" ? "int32" : "bool", shape, perAtom };
  if (!perAtom) return JSON_FIELD;
  return { dtype: count > 1 ? "json" : "string", shape: [null], perAtom };
}

function extentsOf(count: number): number[] {
  return count > 1 ? [count] : [];
}

/**
 * The values of a column other than atomic numbers and constraints.
 *
 * @param widens  Whether integers become float64.
 */
export function columnValue(
  property: PropertyColumn,
  data: NonNullable<ColumnData>,
  nAtoms: number,
  widens: boolean,
  place: FramePlace,
): Value {
  const { role, type, count } = property;
  const floats = role === "floats" || role === "positions" || (widens && type === "I");
  if (Array.isArray(data)) return floats ? floatsOfText(property, data, nAtoms, place) : rowsOf(data, count);
  const shape = [nAtoms, ...extentsOf(count)];
  if (data instanceof Float64Array) return { dtype: "float64", shape, data };
  if (floats) return { dtype: "float64", shape, data: Float64Array.from(data) };
  const dtype: DType = type === "I" ? "int32" : "bool";
  return { dtype, shape, data } as NdArray;
}

function floatsOfText(property: PropertyColumn, words: string[], nAtoms: number, place: FramePlace): NdArray {
  const { count } = property;
  const data = new Float64Array(words.length);
  words.forEach((word, i) => {
    if (storePythonFloat(data, i, word)) return;
    throw formatError(place, 2 + Math.floor(i / count), { found: quote(word), expected: "a number" });
  });
  return { dtype: "float64", shape: [nAtoms, ...extentsOf(count)], data };
}

function rowsOf(words: string[], count: number): Value[] {
  if (count === 1) return words;
  return Array.from({ length: words.length / count }, (_, i) => words.slice(i * count, (i + 1) * count));
}

/** Atomic numbers of a column of symbols or of numbers. */
export function atomicNumbers(
  { role, type }: PropertyColumn,
  data: NonNullable<ColumnData>,
  place: FramePlace,
): Uint8Array {
  if (role === "symbols" && type === "S") return data as Uint8Array;
  const numbers = new Uint8Array(data.length);
  for (let atom = 0; atom < data.length; atom++) {
    const value = data[atom]!;
    const number = typeof value === "string" ? atomicNumberOf(value) : value;
    numbers[atom] = number ?? 0;
    if (numbers[atom] === number && role === "numbers") continue;
    throw formatError(place, 2 + atom, {
      found: `atomic number ${quote(value)}`,
      expected: "one from 0 to 255",
    });
  }
  return numbers;
}

/** The constraints that ASE makes of a `move_mask` of one or three columns: true where an atom may move. */
export function constraintsOf(count: number, data: NonNullable<ColumnData>): Value[] {
  const mask = Array.from<number | string, boolean>(data, (value) => value !== 0);
  if (count === 1) {
    const indices = mask.flatMap((moves, atom) => (moves ? [] : [atom]));
    return [{ name: "FixAtoms", kwargs: { indices } }];
  }
  return Array.from({ length: mask.length / 3 }, (_, atom) => {
    const fixed = mask.slice(3 * atom, 3 * atom + 3).map((moves) => !moves);
    return { name: "FixCartesian", kwargs: { a: [atom], mask: fixed } };
  });
}
