/** Values from `from` on, to below `to`. */
export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Distinct values, later fine bins, that are kept: what bounds the memory. */
const CAPACITY = 4096;

/**
 * A histogram of a stream whose range is not known beforehand, in bounded memory and without rounding counts.
 *
 * Distinct values are kept as they are while they are few; after that in fine bins whose width climbs the ladder
 * 1, 2, 10, 20, 100, … (times any power of ten). Each rung is a whole multiple of the one below, so bins merge
 * exactly, and the round widths 1, 2 and 5 that people read are whole multiples of a fine bin.
 */
export class StreamingHistogram {
  #counts = new Map<number, number>();
  /** Rung of the ladder; `null` while values are kept exactly. */
  #rung: number | null = null;
  #total = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  get total(): number {
    return this.#total;
  }

  get min(): number {
    return this.#min;
  }

  get max(): number {
    return this.#max;
  }

  /** Counts a finite value. */
  add(value: number): void {
    this.#total++;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    const key = this.#rung === null ? value : binIndex(value, this.#rung);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    if (this.#counts.size > CAPACITY) this.#coarsen();
  }

  /** At most `maxBins` bins of one round width over the whole range, empty ones included; none without values. */
  bins(maxBins: number, options: { integers?: boolean } = {}): Bin[] {
    if (this.#total === 0) return [];
    let power = startPower(this.#span(), this.#max, maxBins);
    let step = 0;
    for (;;) {
      const digit = [1, 2, 5][step]!;
      const first = scaledFloor(this.#min, digit, power);
      const last = scaledFloor(this.#max, digit, power);
      const allowed = (!options.integers || power >= 0) && this.#fits(digit, power);
      if (allowed && last - first + 1 <= maxBins) return this.#collect(first, last, digit, power);
      step = (step + 1) % 3;
      if (step === 0) power++;
    }
  }

  #span(): number {
    return Math.min(this.#max - this.#min, Number.MAX_VALUE);
  }

  /** Whether a bin of this width is made of whole fine bins. */
  #fits(digit: number, power: number): boolean {
    if (this.#rung === null) return true;
    const fine = rungWidth(this.#rung);
    const ratio = (digit / fine.digit) * 10 ** (power - fine.power);
    return ratio >= 1 && Number.isInteger(ratio);
  }

  #collect(first: number, last: number, digit: number, power: number): Bin[] {
    const counts = new Array<number>(last - first + 1).fill(0);
    for (const [key, count] of this.#counts) {
      const index = this.#rung === null ? scaledFloor(key, digit, power) : this.#coarse(key, digit, power);
      // An edge may round to either side of itself on another scale.
      counts[Math.min(Math.max(index, first), last) - first]! += count;
    }
    return counts.map((count, i) => ({
      from: scaledValue(first + i, digit, power),
      to: scaledValue(first + i + 1, digit, power),
      count,
    }));
  }

  #coarse(fineIndex: number, digit: number, power: number): number {
    const fine = rungWidth(this.#rung!);
    return Math.floor(fineIndex / Math.round((digit / fine.digit) * 10 ** (power - fine.power)));
  }

  /** Climbs the ladder until at most a quarter of the capacity is taken, so that it is not climbed at each value. */
  #coarsen(): void {
    if (this.#rung === null) {
      const power = Math.max(
        Math.floor(Math.log10(this.#span() / CAPACITY)),
        smallestPower(this.#min, this.#max),
      );
      this.#rung = 2 * power;
      this.#rekey((value) => binIndex(value, this.#rung!));
    }
    while (this.#counts.size > CAPACITY / 4) {
      const ratio = this.#rung % 2 === 0 ? 2 : 5;
      this.#rung++;
      this.#rekey((index) => Math.floor(index / ratio));
    }
  }

  #rekey(rename: (key: number) => number): void {
    const merged = new Map<number, number>();
    for (const [key, count] of this.#counts) {
      const renamed = rename(key);
      merged.set(renamed, (merged.get(renamed) ?? 0) + count);
    }
    this.#counts = merged;
  }
}

/** Rung 2p is 1 × 10^p, rung 2p + 1 is 2 × 10^p. */
function rungWidth(rung: number): { digit: number; power: number } {
  return { digit: rung % 2 === 0 ? 1 : 2, power: Math.floor(rung / 2) };
}

function binIndex(value: number, rung: number): number {
  const { digit, power } = rungWidth(rung);
  return scaledFloor(value, digit, power);
}

/** `floor(value / (digit × 10^power))`; small widths multiply by their whole inverse, so that 0.06 / 0.02 is 3. */
function scaledFloor(value: number, digit: number, power: number): number {
  const scaled = power < 0 ? (value * 10 ** -power) / digit : value / (digit * 10 ** power);
  return Math.floor(scaled) + 0; // no -0
}

function scaledValue(index: number, digit: number, power: number): number {
  return power < 0 ? (index * digit) / 10 ** -power : index * digit * 10 ** power;
}

/** The power of ten from which on widths can be tried: anything finer needs too many bins, or exceeds precision. */
function startPower(span: number, max: number, maxBins: number): number {
  if (span === 0) return max === 0 ? 0 : Math.floor(Math.log10(Math.abs(max))) - 2;
  return Math.max(Math.floor(Math.log10(span / maxBins)) - 1, -300);
}

/** Bins narrower than the numbers' own spacing would only lose them. */
function smallestPower(min: number, max: number): number {
  return Math.max(Math.ceil(Math.log10(Math.max(Math.abs(min), Math.abs(max)))) - 15, -300);
}
