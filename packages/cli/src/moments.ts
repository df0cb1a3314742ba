/**
 * Mean and standard deviation of a stream, by Welford's recurrence with compensated sums: spreads that are far smaller
 * than the values, such as 10⁹ ± 10⁻³, come out right.
 */
export class Moments {
  #count = 0;
  #mean = 0;
  /** What rounding took from the mean. */
  #meanRest = 0;
  /** Sum of squared distances from the mean. */
  #squares = 0;
  #squaresRest = 0;

  add(value: number): void {
    const count = ++this.#count;
    const delta = value - this.#mean - this.#meanRest;
    const step = delta / count;
    const addend = step + this.#meanRest;
    const mean = this.#mean + addend;
    this.#meanRest = lost(this.#mean, addend, mean);
    this.#mean = mean;
    const square = delta * (delta - step) + this.#squaresRest;
    const squares = this.#squares + square;
    this.#squaresRest = lost(this.#squares, square, squares);
    this.#squares = squares;
  }

  /** NaN without values. */
  get mean(): number {
    return this.#count === 0 ? Number.NaN : this.#mean;
  }

  /** Of the values as they are (divided by n, as `numpy.std`); NaN without values. */
  get std(): number {
    return Math.sqrt(this.#squares / this.#count);
  }
}

/** What `a + b` has beyond its rounded sum (Knuth's TwoSum). */
function lost(a: number, b: number, sum: number): number {
  const part = sum - a;
  return a - (sum - part) + (b - part);
}
