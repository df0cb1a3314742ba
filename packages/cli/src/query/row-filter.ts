import { Buffer } from "node:buffer";
import { type Field, getKey, plainValue, type Row, type RowSchema } from "@stowage/core";
import { checkKeys } from "../dataset.js";
import { usageError } from "../exit.js";
import { formatType } from "../render/value.js";
import type { Condition, Operator } from "./parse-query.js";
import { QUANTITIES, type Quantity } from "./quantities.js";

/** Which rows are meant, and what has to be read of a row to tell. */
export interface RowFilter {
  readonly keys: readonly string[];
  matches(row: Row, index: number): boolean;
}

/** One condition as a filter. */
type Check = RowFilter;

/** Where a bare name is looked for. */
const PREFIXES = ["", "info.", "calc.", "arrays."];

/**
 * Conditions as a filter for the rows of a dataset.
 *
 * Names stand for what they mean in `ase db` ({@link QUANTITIES}), else for a key of the rows: as it is written, or
 * under `info.`, `calc.` or `arrays.`.
 *
 * @throws {StowageError} ERR_OPTION for a key that no row has, or that holds arrays and cannot be compared.
 */
export function rowFilter(conditions: readonly Condition[], schema: RowSchema, path: string): RowFilter {
  const checks = conditions.map((condition) => checkOf(condition, schema, path));
  return {
    keys: [...new Set(checks.flatMap(({ keys }) => keys))],
    matches: (row, index) => checks.every((check) => check.matches(row, index)),
  };
}

function checkOf(condition: Condition, schema: RowSchema, path: string): Check {
  if (condition.kind === "atoms") return atomCheck(condition);
  const quantity = QUANTITIES.get(condition.key);
  const key = quantity === undefined ? resolveKey(condition.key, schema, path) : null;
  if (condition.kind === "has") {
    const { negated } = condition;
    if (quantity !== undefined) return hasQuantity(quantity, negated);
    return { keys: [key!], matches: (row) => Object.hasOwn(row, key!) !== negated };
  }
  const { operator, value } = condition;
  if (quantity !== undefined) {
    return { keys: quantity.keys, matches: (row, index) => holds(quantity.of(row, index), operator, value) };
  }
  checkScalar(condition.key, key!, getKey(schema, key!));
  return { keys: [key!], matches: (row) => holds(comparable(row, key!), operator, value) };
}

function hasQuantity(quantity: Quantity, negated: boolean): Check {
  const isThere = (value: number | string | undefined): boolean =>
    value !== undefined && !(typeof value === "number" && Number.isNaN(value));
  return { keys: quantity.keys, matches: (row, index) => isThere(quantity.of(row, index)) !== negated };
}

function atomCheck({ atomicNumber, operator, value }: Extract<Condition, { kind: "atoms" }>): Check {
  return {
    keys: ["arrays.numbers"],
    matches: (row) => {
      const numbers = getKey(row, "arrays.numbers");
      const data = typeof numbers === "object" && numbers !== null && "data" in numbers ? numbers.data : [];
      let count = 0;
      for (const number of data as Iterable<number | bigint>) if (Number(number) === atomicNumber) count++;
      return holds(count, operator, value);
    },
  };
}

/** A scalar of a row, as a number or a text. */
function comparable(row: Row, key: string): number | string | undefined {
  const value = plainValue(getKey(row, key) ?? null);
  if (typeof value === "string") return value;
  return typeof value === "object" ? undefined : Number(value);
}

/** Numbers compare with numbers and texts with texts; all else, and NaN, compares with nothing. */
function holds(found: number | string | undefined, operator: Operator, value: number | string): boolean {
  if (typeof found !== typeof value || Number.isNaN(found) || Number.isNaN(value)) return false;
  const order =
    typeof found === "string"
      ? compareTexts(found, value as string)
      : compareNumbers(found as number, value as number);
  switch (operator) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case "=":
      return order === 0;
    case ">=":
      return order >= 0;
    case ">":
      return order > 0;
    case "!=":
      return order !== 0;
  }
}

function compareNumbers(a: number, b: number): number {
  if (a === b) return 0; // infinities, too
  return a < b ? -1 : 1;
}

/** By code points, as SQLite orders texts: JavaScript's own order is that of UTF-16 units. */
function compareTexts(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function resolveKey(name: string, schema: RowSchema, path: string): string {
  const prefix = PREFIXES.find((candidate) => Object.hasOwn(schema, candidate + name));
  if (prefix === undefined) checkKeys([name], Object.keys(schema), path);
  return prefix + name;
}

function checkScalar(name: string, key: string, field: Field | undefined): void {
  if (field === undefined || field.shape.length === 0) return;
  throw usageError(
    `Cannot compare "${name}": ${key} holds arrays, ${formatType(field.dtype, field.shape, field.perAtom)}`,
    "query",
    name,
    `"${name}" alone selects the rows that have it; fmax and smax are the largest force and stress`,
  );
}
