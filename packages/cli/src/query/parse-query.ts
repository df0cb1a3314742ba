import { atomicNumberOf } from "@stowage/core";
import { usageError } from "../exit.js";
import { countFormula } from "./formula.js";

export type Operator = "<" | "<=" | "=" | ">=" | ">" | "!=";

/** One thing that a row must fulfil. */
export type Condition =
  /** It has the key, or has not. */
  | { readonly kind: "has"; readonly key: string; readonly negated: boolean }
  /** Its number of atoms of an element. */
  | {
      readonly kind: "atoms";
      readonly atomicNumber: number;
      readonly operator: Operator;
      readonly value: number;
    }
  /** The value under a key. Truth values are 1 and 0. */
  | {
      readonly kind: "compare";
      readonly key: string;
      readonly operator: Operator;
      readonly value: number | string;
    };

/** Longer ones first: `<=` is no `<`. The order is ASE's, and matters for odd input. */
const OPERATORS: readonly Operator[] = ["!=", "<=", ">=", "<", ">", "="];

/** What a database row of ASE has, and a row of a file has not. */
const ABSENT = new Set(["age", "ctime", "mtime", "user", "unique_id", "calculator"]);

/** Compare with numbers only. */
const NUMERIC = new Set(["id", "natoms", "energy", "fmax", "smax", "charge", "magmom", "mass", "volume"]);

/**
 * Parses a query in the grammar of `ase db`: conditions separated by commas, all of which must hold. A whole number by
 * itself is an id.
 *
 * @throws {StowageError} ERR_OPTION for what cannot be meant.
 * @see ase 3.29 `ase/db/core.py` (`parse_selection`)
 */
export function parseQuery(query: string): Condition[] {
  if (/^\s*\d+\s*$/.test(query)) return [{ kind: "compare", key: "id", operator: "=", value: Number(query) }];
  return query
    .split(",")
    .map((expression) => expression.trim())
    .filter((expression) => expression !== "")
    .flatMap(parseExpression);
}

function parseExpression(expression: string): Condition[] {
  const range = /^([^<]*)<(=?)(([^<]*)<[^<]*)$/.exec(expression);
  if (range !== null) {
    const [, low = "", equal, rest = "", key = ""] = range;
    return [...comparison(key, equal === "=" ? ">=" : ">", low, expression), ...parseExpression(rest)];
  }
  const operator = OPERATORS.find((candidate) => expression.includes(candidate));
  if (operator === undefined) return parseWord(expression);
  const sides = expression.split(operator);
  if (sides.length !== 2) throw wrong(expression, "it is no comparison of two sides");
  return comparison(sides[0]!, operator, sides[1]!, expression);
}

/** An element or a formula, which a row must contain, or a key. */
function parseWord(word: string): Condition[] {
  const counts = countFormula(word);
  const symbols = [...(counts ?? [])].map(([symbol, count]) => ({
    atomicNumber: atomicNumberOf(symbol),
    count,
  }));
  if (symbols.length === 0 || symbols.some(({ atomicNumber }) => atomicNumber === undefined)) {
    const negated = word.startsWith("-");
    return [{ kind: "has", key: negated ? word.slice(1).trim() : word, negated }];
  }
  return symbols.map(({ atomicNumber, count }) => ({
    kind: "atoms",
    atomicNumber: atomicNumber!,
    operator: ">=",
    value: count,
  }));
}

function comparison(left: string, operator: Operator, right: string, expression: string): Condition[] {
  const [key, text] = [left.trim(), right.trim()];
  if (key === "") throw wrong(expression, "it names no key");
  if (ABSENT.has(key)) throw wrong(expression, `rows of a file have no ${key}`);
  if (key === "formula") return exactFormula(operator, text, expression);
  const value = parseValue(text);
  const atomicNumber = atomicNumberOf(key);
  if (atomicNumber !== undefined) {
    if (typeof value === "number" && Number.isInteger(value))
      return [{ kind: "atoms", atomicNumber, operator, value }];
    throw wrong(expression, `"${text}" is no number of atoms`);
  }
  if (key === "pbc" && !(/^[TF]{3}$/.test(text) && (operator === "=" || operator === "!="))) {
    throw wrong(expression, "pbc is one of T and F for each axis", "for example pbc=TTF, or pbc!=FFF");
  }
  if (NUMERIC.has(key) && typeof value === "string") throw wrong(expression, `"${text}" is no number`);
  return [{ kind: "compare", key, operator, value }];
}

function exactFormula(operator: Operator, text: string, expression: string): Condition[] {
  if (operator !== "=") throw wrong(expression, "formulas are equal or not named", "write formula=Cu2O");
  const counts = countFormula(text);
  const atoms = [...(counts ?? [])].map(([symbol, value]) => ({
    atomicNumber: atomicNumberOf(symbol),
    value,
  }));
  if (counts === null || atoms.some(({ atomicNumber }) => atomicNumber === undefined)) {
    throw wrong(expression, `"${text}" is no chemical formula`);
  }
  const natoms = atoms.reduce((sum, { value }) => sum + value, 0);
  return [
    ...atoms.map(
      ({ atomicNumber, value }): Condition => ({
        kind: "atoms",
        atomicNumber: atomicNumber!,
        operator,
        value,
      }),
    ),
    { kind: "compare", key: "natoms", operator, value: natoms },
  ];
}

/** A number as Python reads it, a truth value as 1 or 0, or the text itself. */
function parseValue(text: string): number | string {
  if (text === "True" || text === "False") return text === "True" ? 1 : 0;
  if (/^[-+]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)(e[-+]?\d+(_\d+)*)?$/i.test(text)) {
    return Number(text.replaceAll("_", ""));
  }
  const word = /^([-+]?)(nan|inf|infinity)$/i.exec(text);
  if (word === null) return text;
  if (word[2]!.toLowerCase() === "nan") return Number.NaN;
  return word[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function wrong(expression: string, reason: string, hint?: string): Error {
  return usageError(
    `Cannot select by "${expression}": ${reason}`,
    "query",
    expression,
    hint ??
      "conditions are like natoms<50, Cu>=2, -1<energy<0, name=water or forces; see stowage select --help",
  );
}
