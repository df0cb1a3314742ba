/** Distances above this many of the present unit ask for another one. */
const LARGE = 2 ** 400;

/**
 * Mean and standard deviation of a stream, by Welford's recurrence with compensated sums: spreads that are far smaller
 * than the values, such as 10⁹ ± 10⁻³, come out right, and so do those whose squares are no doubles, such as 10²⁰⁰.
 * Values have to be less than 1.8 × 10³⁰⁸ apart.
 */
export class Moments {
  #count = 0;
  #mean = 0;
  /** What rounding took from the mean. */
  #meanRest = 0;
  /** Sum of squared distances from the mean, each distance times a power of two that keeps the squares in range. */
  #squares = 0;
  #squaresRest = 0;
  #scale = 0;

  add(value: number): void {
    const count = ++this.#count;
    const delta = value - this.#mean - this.#meanRest;
    const step = delta / count;
    const addend = step + this.#meanRest;
    const mean = this.#mean + addend;
    this.#meanRest = lost(this.#mean, addend, mean);
    this.#mean = mean;
    if (delta === 0) return;
    if (this.#scale === 0 || Math.abs(delta) * this.#scale > LARGE) this.#rescale(delta);
    const square = delta * this.#scale * ((delta - step) * this.#scale) + this.#squaresRest;
    const squares = this.#squares + square;
    this.#squaresRest = lost(this.#squares, square, squares);
    this.#squares = squares;
  }

  /** So that this distance is about 1. */
  #rescale(delta: number): void {
    const exponent = Math.min(1000, Math.max(-1000, -Math.floor(Math.log2(Math.abs(delta)))));
    const scale = 2 ** exponent;
    const ratio = this.#scale === 0 ? 1 : scale / this.#scale;
    this.#squares *= ratio;
    this.#squares *= ratio;
    this.#squaresRest *= ratio;
    this.#squaresRest *= ratio;
    this.#scale = scale;
  }

  /** NaN without values. */
  get mean(): number {
    return this.#count === 0 ? Number.NaN : this.#mean;
  }

  /** Of the values as they are (divided by n, as `numpy.std`); NaN without values. */
  get std(): number {
    if (this.#scale === 0) return this.#count === 0 ? Number.NaN : 0;
    return Math.sqrt(this.#squares / this.#count) / this.#scale;
  }
}

/** What `a + b` has beyond its rounded sum (Knuth's TwoSum). */
function lost(a: number, b: number, sum: number): number {
  const part = sum - a;
  return a - (sum - part) + (b - part);
}
