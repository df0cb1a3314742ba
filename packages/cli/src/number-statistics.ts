import { DTYPES, type DTypeInfo, elementAt, type NdArray } from "@stowage/core";
import { Moments } from "./moments.js";
import { QuantileSketch } from "./quantile-sketch.js";
import { type Bin, StreamingHistogram } from "./streaming-histogram.js";

/** The quantiles that are told of every key. */
export const SHARES: readonly number[] = [0.05, 0.25, 0.5, 0.75, 0.95];

/** What is known of numbers. NaN and infinities are counted, and left out of all else. */
export interface NumberSummary {
  /** Finite numbers. */
  readonly count: number;
  readonly nan: number;
  readonly positiveInfinity: number;
  readonly negativeInfinity: number;
  /** Exact, also for 64-bit integers; `null`, as what follows, without finite numbers. */
  readonly min: number | bigint | null;
  readonly max: number | bigint | null;
  readonly mean: number | null;
  /** Of the values as they are (divided by n). */
  readonly std: number | null;
  readonly quantiles: readonly { readonly share: number; readonly value: number }[];
  /** Whether quantiles are exact, or those of a sketch. */
  readonly quantilesAreExact: boolean;
  readonly isWhole: boolean;
  readonly bins: readonly Bin[];
}

/** Gathers a {@link NumberSummary} in one pass, in bounded memory. */
export class NumberStatistics {
  #nan = 0;
  #positiveInfinity = 0;
  #negativeInfinity = 0;
  #min: number | bigint = Number.POSITIVE_INFINITY;
  #max: number | bigint = Number.NEGATIVE_INFINITY;
  #isWhole = true;
  readonly #moments = new Moments();
  readonly #quantiles = new QuantileSketch();
  readonly #histogram = new StreamingHistogram();

  /** @param value  64-bit integers count in full for the extremes, and rounded to 53 bits for all else. */
  add(value: number | bigint): void {
    const number = Number(value);
    if (Number.isFinite(number)) this.#addFinite(value, number);
    else if (Number.isNaN(number)) this.#nan++;
    else if (number > 0) this.#positiveInfinity++;
    else this.#negativeInfinity++;
  }

  #addFinite(value: number | bigint, number: number): void {
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    if (this.#isWhole && !Number.isInteger(number)) this.#isWhole = false;
    this.#moments.add(number);
    this.#quantiles.add(number);
    this.#histogram.add(number);
  }

  /** All elements from `start` to below `stop`, of a real dtype. */
  addElements(array: NdArray, start = 0, stop: number = array.data.length): void {
    const { data, dtype } = array;
    if (dtype === "float16") {
      for (let i = start; i < stop; i++) this.add(Number(elementAt(array, i)));
    } else {
      for (let i = start; i < stop; i++) this.add(data[i]!);
    }
  }

  finish(maxBins: number): NumberSummary {
    const count = this.#histogram.total;
    const values = this.#quantiles.quantiles(SHARES);
    return {
      count,
      nan: this.#nan,
      positiveInfinity: this.#positiveInfinity,
      negativeInfinity: this.#negativeInfinity,
      min: count > 0 ? this.#min : null,
      max: count > 0 ? this.#max : null,
      mean: count > 0 ? this.#moments.mean : null,
      std: count > 0 ? this.#moments.std : null,
      quantiles: count > 0 ? SHARES.map((share, i) => ({ share, value: values[i]! })) : [],
      quantilesAreExact: this.#quantiles.isExact,
      isWhole: this.#isWhole,
      bins: maxBins > 0 ? this.#histogram.bins(maxBins, { integers: this.#isWhole }) : [],
    };
  }
}

/** Whether an array holds numbers that have an order: complex ones have none. */
export function isReal(array: NdArray): boolean {
  return (DTYPES[array.dtype] as DTypeInfo).lanes === 1;
}
