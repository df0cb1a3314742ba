/** Values of one level: 128 kB. */
const LEVEL_SIZE = 16_384;

/**
 * Quantiles of a stream: exact up to 16,384 values, beyond that within a known error and little memory.
 *
 * Levels hold values that stand for 1, 2, 4, … values each. A full level is sorted, and every second value of it goes
 * up; first and second ones take turns, so errors mostly cancel. Each such step moves the rank of a value by at most
 * one of the level's weight, so after n values no rank is off by more than n × log2(n / 16384) / 16384: 0.04 % for a
 * million values, 0.1 % for a billion. Memory is 128 kB for each doubling. The same values in the same order give the
 * same answer.
 *
 * @see Munro, Paterson, "Selection and sorting with limited storage", Theoretical Computer Science 12, 1980
 */
export class QuantileSketch {
  readonly #levels: Level[] = [];

  add(value: number): void {
    this.#push(0, value);
  }

  /** Whether every value is still held. */
  get isExact(): boolean {
    return this.#levels.length <= 1;
  }

  /**
   * Interpolated between neighbours as NumPy does; NaN without values.
   *
   * @param shares  0 to 1, ascending.
   */
  quantiles(shares: readonly number[]): number[] {
    const values = this.#levels.flatMap(({ values, size }, height) =>
      Array.from(values.subarray(0, size), (value) => ({ value, weight: 2 ** height })),
    );
    values.sort((a, b) => a.value - b.value);
    const total = values.reduce((sum, { weight }) => sum + weight, 0);
    let index = 0;
    let end = values[0]?.weight ?? 0;
    const valueAt = (rank: number): number => {
      while (rank >= end && index + 1 < values.length) end += values[++index]!.weight;
      return values[index]!.value;
    };
    return shares.map((share) => {
      if (total === 0) return Number.NaN;
      const place = share * (total - 1);
      const low = valueAt(Math.floor(place));
      const [keptIndex, keptEnd] = [index, end];
      const high = valueAt(Math.ceil(place));
      [index, end] = [keptIndex, keptEnd]; // the next share may lie between the same two
      return between(low, high, place % 1);
    });
  }

  #push(height: number, value: number): void {
    this.#levels[height] ??= { values: new Float64Array(LEVEL_SIZE), size: 0, startsSecond: false };
    const level = this.#levels[height];
    if (level.size === LEVEL_SIZE) this.#raise(height, level);
    level.values[level.size++] = value;
  }

  #raise(height: number, level: Level): void {
    level.values.sort();
    for (let i = level.startsSecond ? 1 : 0; i < LEVEL_SIZE; i += 2) this.#push(height + 1, level.values[i]!);
    level.startsSecond = !level.startsSecond;
    level.size = 0;
  }
}

/** From the nearer end, as NumPy does: the same digits, and exact at both ends. */
function between(low: number, high: number, share: number): number {
  if (low === high) return low;
  return share < 0.5 ? low + (high - low) * share : high - (high - low) * (1 - share);
}

interface Level {
  readonly values: Float64Array;
  size: number;
  /** Whether the next time the second of each pair goes up. */
  startsSecond: boolean;
}
