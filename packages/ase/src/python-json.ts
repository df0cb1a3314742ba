import { TextProblem } from "./errors.js";

/** What `json.loads` returns: integers of any size as bigint, so that `1` and `1.0` stay apart. */
export type Json = null | boolean | bigint | number | string | Json[] | { [key: string]: Json };

/** Lists and objects inside each other; Python gives up at about a thousand. */
const MAX_DEPTH = 200;

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const WHITE = /[ \t\n\r]*/y;
const CONSTANTS: [string, Json][] = [
  ["null", null],
  ["true", true],
  ["false", false],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
];

/**
 * `json.loads(text)`: JSON with `NaN`, `Infinity` and `-Infinity`.
 *
 * @throws {TextProblem} for anything that Python refuses, and for values nested deeper than 200 levels.
 */
export function parsePythonJson(text: string): Json {
  const reader = new JsonReader(text);
  const value = reader.readValue(0);
  reader.skipWhite();
  if (reader.position < text.length) throw reader.problem("extra data");
  return value;
}

class JsonReader {
  position = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  problem(what: string): TextProblem {
    return new TextProblem(`${what} at character ${this.position} of a JSON value`, "valid JSON");
  }

  skipWhite(): void {
    WHITE.lastIndex = this.position;
    WHITE.exec(this.#text);
    this.position = WHITE.lastIndex;
  }

  readValue(depth: number): Json {
    if (depth > MAX_DEPTH) throw this.problem(`more than ${MAX_DEPTH} levels of lists and objects`);
    this.skipWhite();
    switch (this.#text[this.position]) {
      case '"':
        return this.#readString();
      case "[":
        return this.#readList(depth);
      case "{":
        return this.#readObject(depth);
      default:
        return this.#readNumber();
    }
  }

  #take(char: string): boolean {
    this.skipWhite();
    if (this.#text[this.position] !== char) return false;
    this.position++;
    return true;
  }

  #readNumber(): Json {
    NUMBER.lastIndex = this.position;
    const match = NUMBER.exec(this.#text);
    if (match !== null) {
      this.position = NUMBER.lastIndex;
      const [digits, fraction, exponent] = match;
      if (fraction !== undefined || exponent !== undefined) return Number(digits);
      if (digits.length > 4300) throw this.problem("an integer of more than 4300 digits");
      return BigInt(digits);
    }
    for (const [word, value] of CONSTANTS) {
      if (!this.#text.startsWith(word, this.position)) continue;
      this.position += word.length;
      return value;
    }
    throw this.problem("no value");
  }

  #readString(): string {
    const start = this.position;
    let end = start + 1;
    for (; this.#text[end] !== '"'; end++) {
      if (end >= this.#text.length) throw this.problem("an unterminated string");
      if (this.#text[end] === "\\") end++;
    }
    this.position = end + 1;
    try {
      // Same escapes in both languages, and both refuse bare control characters.
      return JSON.parse(this.#text.slice(start, end + 1)) as string;
    } catch {
      this.position = start;
      throw this.problem("a malformed string");
    }
  }

  #readList(depth: number): Json[] {
    const list: Json[] = [];
    this.position++;
    if (this.#take("]")) return list;
    do list.push(this.readValue(depth + 1));
    while (this.#take(","));
    if (!this.#take("]")) throw this.problem("no comma or end of the list");
    return list;
  }

  #readObject(depth: number): { [key: string]: Json } {
    const object: { [key: string]: Json } = {};
    this.position++;
    if (this.#take("}")) return object;
    do {
      this.skipWhite();
      if (this.#text[this.position] !== '"') throw this.problem("no quoted key");
      const key = this.#readString();
      if (!this.#take(":")) throw this.problem("no colon after a key");
      // Not an assignment: "__proto__" is a key like any other here.
      Object.defineProperty(object, key, {
        value: this.readValue(depth + 1),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    } while (this.#take(","));
    if (!this.#take("}")) throw this.problem("no comma or end of the object");
    return object;
  }
}
