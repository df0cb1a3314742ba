/** What is kept of texts to tell them apart. */
const MAX_DISTINCT = 10_000;
const MAX_CHARACTERS = 4e6;

export interface TextSummary {
  readonly count: number;
  /** Different texts. */
  readonly distinct: number;
  /** Whether there are more than `distinct`: counting ends at 10,000 of them, or 4 million characters. */
  readonly hasMore: boolean;
}

/** Counts texts, and different ones up to a limit of memory. */
export class TextStatistics {
  #count = 0;
  #characters = 0;
  #hasMore = false;
  readonly #seen = new Set<string>();

  add(text: string): void {
    this.#count++;
    if (this.#hasMore || this.#seen.has(text)) return;
    this.#characters += text.length;
    this.#hasMore = this.#seen.size === MAX_DISTINCT || this.#characters > MAX_CHARACTERS;
    if (!this.#hasMore) this.#seen.add(text);
  }

  finish(): TextSummary {
    return { count: this.#count, distinct: this.#seen.size, hasMore: this.#hasMore };
  }
}
