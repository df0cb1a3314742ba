import { quote, StowageError } from "./errors.js";
import { Permutation } from "./sampler-permutation.js";
import { resolveIndex } from "./task.js";

/**
 * What happens where the rows do not divide evenly among the ranks: the first rows of the order come again (`wrap`),
 * the last are left out (`drop`), or some ranks have one more (`uneven`).
 */
export type SamplerTail = "wrap" | "drop" | "uneven";

export interface SamplerOptions {
  /** Number of rows. */
  length: number;
  /** A new order in each epoch, or the rows as they are. Default: true. */
  shuffle?: boolean;
  /** A whole number; the same on every rank. Default: 0. */
  seed?: number;
  /** Default: 0. */
  epoch?: number;
  /** This process among those that share the rows, 0 to `worldSize` - 1. Default: 0. */
  rank?: number;
  /** Number of processes that share the rows. Default: 1. */
  worldSize?: number;
  /** Default: `"wrap"`. */
  tail?: SamplerTail;
  /** Indices a batch of {@link Sampler.batches}. */
  batchSize?: number;
  /** Leaves out a last batch that is not full. Default: false. */
  dropLast?: boolean;
}

/** Where a sampler stands, as plain JSON: its options, and how many indices of this rank and epoch it has given. */
export interface SamplerState {
  length: number;
  shuffle: boolean;
  seed: number;
  epoch: number;
  rank: number;
  worldSize: number;
  tail: SamplerTail;
  batchSize: number | null;
  dropLast: boolean;
  position: number;
}

/**
 * The order in which rows are visited: a function of seed and epoch that is computed, not stored, so that a billion
 * rows need no more memory than ten.
 *
 * Ranks take turns: rank r has the places r, r + worldSize, r + 2 worldSize, … of the common order.
 *
 * @example
 * ```ts
 * const sampler = new Sampler({ length: 1000, seed: 7, batchSize: 32 });
 * for (let epoch = 0; epoch < 3; epoch++) {
 *   sampler.setEpoch(epoch);
 *   for (const indices of sampler.batches()) console.log(indices.length);
 * }
 * ```
 */
export class Sampler implements Iterable<number> {
  readonly #options: Omit<SamplerState, "epoch" | "position">;
  #epoch: number;
  #position = 0;
  #permutation: Permutation | null;

  /** @throws {StowageError} ERR_OPTION */
  constructor(options: SamplerOptions) {
    const { length, shuffle = true, seed = 0, epoch = 0, rank = 0, worldSize = 1 } = options;
    const { tail = "wrap", batchSize, dropLast = false } = options;
    const { MAX_SAFE_INTEGER } = Number;
    checkWhole("worldSize", worldSize, 1, MAX_SAFE_INTEGER);
    // The wrapped order is longer than the rows; its places have to be exact, too.
    checkWhole("length", length, 0, MAX_SAFE_INTEGER - worldSize + 1);
    checkWhole("seed", seed, 0, MAX_SAFE_INTEGER);
    checkWhole("epoch", epoch, 0, MAX_SAFE_INTEGER);
    checkWhole("rank", rank, 0, worldSize - 1);
    if (batchSize !== undefined) checkWhole("batchSize", batchSize, 1, MAX_SAFE_INTEGER);
    if (tail !== "wrap" && tail !== "drop" && tail !== "uneven") {
      throw optionError("tail", tail, 'it must be "wrap", "drop" or "uneven"');
    }
    this.#options = { length, shuffle, seed, rank, worldSize, tail, batchSize: batchSize ?? null, dropLast };
    this.#epoch = epoch;
    this.#permutation = this.#shuffled(epoch);
  }

  /**
   * A sampler that goes on where another stood, with exactly the indices that would have followed.
   *
   * @param state  What `state` was, also after a way through JSON. Change its `rank` to use it for another.
   * @throws {StowageError} ERR_OPTION for a state that no sampler has had.
   */
  static resume(state: SamplerState): Sampler {
    const { position, batchSize, ...options } = state;
    const sampler = new Sampler(batchSize === null ? options : { ...options, batchSize });
    checkWhole("position", position, 0, sampler.length);
    sampler.#position = position;
    return sampler;
  }

  /** Number of indices that this rank has in an epoch. */
  get length(): number {
    const { length, worldSize, tail, rank } = this.#options;
    if (tail === "wrap") return Math.ceil(length / worldSize);
    if (tail === "drop") return Math.floor(length / worldSize);
    return Math.max(0, Math.ceil((length - rank) / worldSize));
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** How many indices of this epoch have been given. */
  get position(): number {
    return this.#position;
  }

  /**
   * Where the sampler stands now, for {@link Sampler.resume}.
   *
   * A loader that asks ahead has been given more than it has used: save the state with the `position` of what was used.
   */
  get state(): SamplerState {
    return { ...this.#options, epoch: this.#epoch, position: this.#position };
  }

  /**
   * Goes to the beginning of an epoch. In the epoch where the sampler already is, nothing happens: a resumed loop stays
   * where it was.
   *
   * @throws {StowageError} ERR_OPTION
   */
  setEpoch(epoch: number): void {
    checkWhole("epoch", epoch, 0, Number.MAX_SAFE_INTEGER);
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#position = 0;
    this.#permutation = this.#shuffled(epoch);
  }

  /**
   * The row at one place of this rank's order in this epoch. Nothing moves.
   *
   * @param place  0 to `length` - 1, or from the end where it is negative.
   * @throws {StowageError} ERR_INDEX_RANGE
   */
  at(place: number): number {
    return this.#rowAt(resolveIndex(place, this.length, "the sampler"));
  }

  /** The rest of this epoch, index by index. At its end the sampler stands at the beginning of the next epoch. */
  *[Symbol.iterator](): Generator<number, void, undefined> {
    const end = this.length;
    while (this.#position < end) yield this.#rowAt(this.#position++);
    this.setEpoch(this.#epoch + 1);
  }

  /**
   * The rest of this epoch, `batchSize` indices at a time. At its end the sampler stands at the beginning of the next.
   *
   * @throws {StowageError} ERR_OPTION if the sampler has no `batchSize`.
   */
  batches(): Generator<number[], void, undefined> {
    const { batchSize } = this.#options;
    if (batchSize === null) throw optionError("batchSize", undefined, "the sampler was made without one");
    return this.#batches(batchSize);
  }

  *#batches(batchSize: number): Generator<number[], void, undefined> {
    const end = this.length;
    while (this.#position < end) {
      const start = this.#position;
      const size = Math.min(batchSize, end - start);
      if (size < batchSize && this.#options.dropLast) break;
      this.#position = start + size;
      yield Array.from({ length: size }, (_, i) => this.#rowAt(start + i));
    }
    this.setEpoch(this.#epoch + 1);
  }

  #rowAt(place: number): number {
    const { length, rank, worldSize } = this.#options;
    let common = place * worldSize + rank;
    if (common >= length) common %= length;
    return this.#permutation === null ? common : this.#permutation.at(common);
  }

  #shuffled(epoch: number): Permutation | null {
    const { length, shuffle, seed } = this.#options;
    return shuffle ? new Permutation(length, seed, epoch) : null;
  }
}

function checkWhole(option: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw optionError(option, value, `it must be a whole number from ${least} to ${most}`);
}

function optionError(option: string, value: unknown, reason: string): StowageError<"ERR_OPTION"> {
  return new StowageError("ERR_OPTION", `Cannot sample with ${option} ${quote(value)}: ${reason}`, {
    option,
    value: String(value),
  });
}
