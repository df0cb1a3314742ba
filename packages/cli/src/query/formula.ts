/**
 * How many atoms of each element a formula names: `Cu2O`, `Pt(CO)6`, `30Cu+2CO`; `null` for what is no formula.
 *
 * @see ase 3.29 `ase/formula.py` (`parse`): a number before a part multiplies all of it
 */
export function countFormula(text: string): Map<string, number> | null {
  const counts = new Map<string, number>();
  for (const part of text.split("+")) {
    const [, times = "", rest = ""] = /^(\d*)(.*)$/.exec(part)!;
    const units = new UnitReader(rest);
    if (!units.read(Number(times || 1), counts) || !units.isAtEnd) return null;
  }
  return counts;
}

/** Reads symbols and groups in brackets, each with an optional number behind it. */
class UnitReader {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#position === this.#text.length;
  }

  /** Adds everything up to a closing bracket, or the end; `false` where the text is no formula. */
  read(times: number, counts: Map<string, number>): boolean {
    while (!this.isAtEnd && this.#text[this.#position] !== ")") {
      const symbol = this.#take(/[A-Z][a-z]?/y);
      if (symbol !== "") add(counts, symbol, times * this.#number());
      else if (!this.#readGroup(times, counts)) return false;
    }
    return true;
  }

  #readGroup(times: number, counts: Map<string, number>): boolean {
    if (this.#take(/\(/y) === "") return false;
    const inside = new Map<string, number>();
    if (!this.read(times, inside) || this.#take(/\)/y) === "") return false;
    const number = this.#number();
    for (const [symbol, count] of inside) add(counts, symbol, count * number);
    return true;
  }

  #number(): number {
    return Number(this.#take(/\d+/y) || 1);
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#position;
    const [found = ""] = pattern.exec(this.#text) ?? [];
    this.#position += found.length;
    return found;
  }
}

function add(counts: Map<string, number>, symbol: string, count: number): void {
  counts.set(symbol, (counts.get(symbol) ?? 0) + count);
}
