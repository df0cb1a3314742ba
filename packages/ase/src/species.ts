import { atomicNumberOf, CHEMICAL_SYMBOLS } from "@stowage/core";
import { capitalize } from "./python-text.js";

/** Atomic numbers by the one or two bytes of a symbol in any case (little-endian), -1 where there is none. */
const NUMBERS = new Int16Array(1 << 16).fill(-1);
CHEMICAL_SYMBOLS.forEach((symbol, number) => {
  const spellings = [symbol, symbol.toLowerCase(), symbol.toUpperCase(), swapCase(symbol)];
  for (const spelling of spellings)
    NUMBERS[spelling.charCodeAt(0) | ((spelling.charCodeAt(1) || 0) << 8)] = number;
});

function swapCase(symbol: string): string {
  return symbol.slice(0, 1).toLowerCase() + symbol.slice(1).toUpperCase();
}

/**
 * Reads the symbol that begins at `position`.
 *
 * @returns Its atomic number and its length as `number << 2 | length`; -1 if no symbol of one or two letters followed
 * by a blank or a line end stands there.
 */
export function readSymbol(bytes: Uint8Array, position: number): number {
  const first = bytes[position]!;
  const second = bytes[position + 1]!;
  if (second === 32 || second === 9 || second === 10 || second === 13) {
    const number = NUMBERS[first]!;
    return number < 0 ? -1 : (number << 2) | 1;
  }
  const third = bytes[position + 2]!;
  if (third !== 32 && third !== 9 && third !== 10 && third !== 13) return -1;
  const number = NUMBERS[first | (second << 8)]!;
  return number < 0 ? -1 : (number << 2) | 2;
}

/** The atomic number of a symbol as ASE reads it from a species column, `undefined` if there is none. */
export function numberOfSpecies(word: string): number | undefined {
  return atomicNumberOf(capitalize(word));
}
