import { InvalidArgumentError } from "commander";

/*
 * Parsers for options and arguments. They throw commander's own error, which names the option and ends with the exit
 * code for wrong use.
 */

/** A whole number; where a minimum is given, not below it. */
export function parseInteger(text: string, minimum: number = Number.NEGATIVE_INFINITY): number {
  const value = /^[-+]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= minimum) return value;
  const atLeast = Number.isFinite(minimum) ? `, ${minimum} or more` : "";
  throw new InvalidArgumentError(`Expected a whole number${atLeast}.`);
}

/** Whole numbers from 0 on. */
export function parseCount(text: string): number {
  return parseInteger(text, 0);
}

/** A finite number from 0 on. */
export function parseTolerance(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError("Expected a number, 0 or more, such as 1e-6.");
}

/** Numbers from 0 to 1, separated by commas. */
export function parseFractions(text: string): number[] {
  const fractions = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (fractions.every((fraction) => fraction >= 0 && fraction <= 1)) return fractions;
  throw new InvalidArgumentError("Expected numbers from 0 to 1 separated by commas, such as 0.8,0.1,0.1.");
}

/** Whole numbers from 0 on, separated by commas; `rest` stands for what they leave. */
export function parseCounts(text: string): (number | "rest")[] {
  return text.split(",").map((part) => (part.trim() === "rest" ? "rest" : parseCount(part.trim())));
}

/** Keys, separated by commas; given twice, both lists count. */
export function parseKeys(text: string, previous: readonly string[] = []): string[] {
  const keys = text.split(",").map((key) => key.trim());
  if (keys.every((key) => key !== "")) return [...previous, ...keys];
  throw new InvalidArgumentError("Expected keys separated by commas, such as calc.energy,calc.forces.");
}

export interface RowRange {
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** `a:b` as in Python: either side may be left out or count from the end. */
export function parseRange(text: string): RowRange {
  const match = /^(-?\d+)?:(-?\d+)?$/.exec(text);
  if (match === null) throw new InvalidArgumentError("Expected first:last, such as 0:1000, 500: or -100:.");
  const side = (digits: string | undefined): number | undefined =>
    digits === undefined ? undefined : Number(digits);
  return { from: side(match[1]), to: side(match[2]) };
}

/** The rows a range means in a dataset of so many: half-open, cut to what is there. */
export function resolveRange({ from = 0, to }: RowRange, length: number): { start: number; stop: number } {
  const place = (index: number): number => Math.min(length, Math.max(0, index < 0 ? index + length : index));
  const start = place(from);
  return { start, stop: Math.max(start, place(to ?? length)) };
}
