import { isCalculatorResult } from "@stowage/core";
import { TextProblem } from "./errors.js";
import { parsePythonInt } from "./python-number.js";

/** Real, integer, text, logical. */
export type ColumnType = "R" | "I" | "S" | "L";

/** How the values of a column end up: a dtype, a list of text, chemical symbols, or constraints. */
export type ColumnRole = "positions" | "numbers" | "symbols" | "constraints" | "floats" | "raw";

/** One property of the `Properties` list: one or more neighbouring columns. */
export interface PropertyColumn {
  /** Its place in the list. */
  readonly index: number;
  readonly type: ColumnType;
  /** Columns in the file: one gives shape (nAtoms,), several give (nAtoms, count). */
  readonly count: number;
  readonly role: ColumnRole;
  /** Where the values go in a row; `null` if a later property of the same meaning replaces them. */
  readonly rowKey: string | null;
  /** The row key without `arrays.` or `calc.`. */
  readonly name: string;
  /** Whether the values go to `calc`. */
  readonly isResult: boolean;
}

/** The columns of a frame's atom lines. */
export interface Properties {
  readonly columns: readonly PropertyColumn[];
  /** Columns an atom line must have; further ones are ignored, as ASE does. */
  readonly nColumns: number;
  /** The columns that give row keys besides positions, numbers and constraints, in the order of ASE's dicts. */
  readonly extras: readonly PropertyColumn[];
  /** The columns of each meaning that is not an extra, `null` where there is none. */
  readonly numbers: PropertyColumn | null;
  readonly positions: PropertyColumn | null;
  readonly mask: PropertyColumn | null;
}

/** What the columns are where a comment does not say. */
export const DEFAULT_PROPERTIES = "species:S:1:pos:R:3";

const ASE_NAMES: ReadonlyMap<string, string> = new Map([
  ["pos", "positions"],
  ["Z", "numbers"],
  ["charge", "charges"],
  ["species", "symbols"],
]);

/** Results that ASE leaves as the file has them; it turns all others into float64. */
export const RAW_RESULTS: ReadonlySet<string> = new Set(["energy", "free_energy", "magmom"]);

const LIST = "Properties=name:type:count:…";

/** More columns than any line can have: a line is read into memory as a whole. */
const MAX_COLUMNS = 2 ** 24;

/**
 * Reads `name:type:count:…`. As in ASE, what follows the last complete triple is ignored.
 *
 * @throws {TextProblem} where ASE raises, and where its result would not be one value an atom.
 */
export function parseProperties(text: string): Properties {
  const fields = text.split(":");
  const listed: { name: string; type: ColumnType; count: number }[] = [];
  const names = new Set<string>();
  for (let i = 0; i + 2 < fields.length; i += 3) {
    const [name, type, count] = fields.slice(i, i + 3) as [string, string, string];
    if (name === "") throw new TextProblem("a property without a name", LIST);
    if (listed.some((other) => other.name === name))
      throw new TextProblem(`the property "${name}" twice`, LIST);
    if (!isColumnType(type)) throw new TextProblem(`the type "${type}", which is none of R, I, S, L`, LIST);
    const columns = Number(parsePythonInt(count) ?? 0);
    if (columns < 1 || columns > MAX_COLUMNS)
      throw new TextProblem(`"${name}" with ${count || "no"} columns`, LIST);
    names.add(name);
    listed.push({ name, type, count: columns });
  }
  // ASE collects the properties in a dict: of two with the same meaning the later one counts, at the first's place.
  const byMeaning = new Map<string, number>();
  listed.forEach(({ name }, i) => {
    byMeaning.set(ASE_NAMES.get(name) ?? name, i);
  });
  if (!["positions", "numbers", "symbols"].some((name) => byMeaning.has(name))) {
    throw new TextProblem("neither species, Z nor pos", LIST);
  }
  if (byMeaning.has("numbers")) byMeaning.delete("symbols");
  const columns = listed.map(({ name, type, count }, i): PropertyColumn => {
    const meaning = ASE_NAMES.get(name) ?? name;
    const role = roleOf(meaning);
    const isResult = isCalculatorResult(meaning);
    const column = { index: i, type, count, role, name: meaning, isResult };
    if (byMeaning.get(meaning) !== i) return { ...column, rowKey: null };
    if (!fitsRole(role, meaning, type, count)) throw new TextProblem(`"${name}" as ${type}:${count}`, LIST);
    return { ...column, rowKey: rowKeyOf(meaning) };
  });
  const used = [...byMeaning.values()].map((i) => columns[i]!);
  const find = (rowKey: string): PropertyColumn | null =>
    used.find((column) => column.rowKey === rowKey) ?? null;
  return {
    columns,
    nColumns: columns.reduce((sum, { count }) => sum + count, 0),
    extras: extrasOf(used),
    numbers: find("arrays.numbers"),
    positions: find("arrays.positions"),
    mask: find("constraints"),
  };
}

function isColumnType(type: string): type is ColumnType {
  return type.length === 1 && "RISL".includes(type);
}

function roleOf(meaning: string): ColumnRole {
  switch (meaning) {
    case "positions":
    case "numbers":
    case "symbols":
      return meaning;
    case "move_mask":
      return "constraints";
    case "initial_charges":
      return "floats";
    default:
      return isCalculatorResult(meaning) && !RAW_RESULTS.has(meaning) ? "floats" : "raw";
  }
}

function rowKeyOf(meaning: string): string {
  switch (meaning) {
    case "symbols":
      return "arrays.numbers";
    case "move_mask":
      return "constraints";
    default:
      return `${isCalculatorResult(meaning) ? "calc" : "arrays"}.${meaning}`;
  }
}

/** ASE's order: initial_charges is set when the atoms are made, the other arrays after that, then the results. */
function extrasOf(used: readonly PropertyColumn[]): PropertyColumn[] {
  const rank = ({ name, isResult }: PropertyColumn): number =>
    name === "initial_charges" ? 0 : isResult ? 2 : 1;
  return used.filter(({ role }) => role === "floats" || role === "raw").sort((a, b) => rank(a) - rank(b));
}

/** Refuses what ASE refuses too, and that of which it would make something else than the file says. */
function fitsRole(role: ColumnRole, meaning: string, type: ColumnType, count: number): boolean {
  switch (role) {
    case "positions":
      return count === 3 && type !== "L";
    case "numbers":
      return count === 1 && type !== "L";
    case "symbols":
      return count === 1; // ASE writes "species:R:1" where there are no atoms
    case "constraints":
      return (count === 1 || count === 3) && type !== "S";
    default:
      return meaning !== "initial_charges" || count === 1;
  }
}
