import { isNdArray, plainValue, type Row, symbolOf, type Value } from "@stowage/core";
import { type Bin, StreamingHistogram } from "./streaming-histogram.js";

/** The keys whose values a summary reads. */
export const SUMMARY_KEYS: readonly string[] = ["arrays.numbers", "pbc", "calc.energy"];

export interface SpeciesShare {
  readonly symbol: string;
  readonly count: number;
  /** Of all atoms, 0 to 1. */
  readonly share: number;
}

export interface Distribution {
  readonly quantity: "energy per atom" | "atoms per structure";
  readonly unit: "eV" | "";
  readonly min: number;
  readonly max: number;
  /** Values counted; structures without the value are not. */
  readonly count: number;
  readonly bins: readonly Bin[];
}

/** What one pass over the rows tells. */
export interface Summary {
  readonly structures: number;
  /** `null` where no row has atomic numbers. */
  readonly atoms: { readonly total: number; readonly min: number; readonly max: number } | null;
  /** Most frequent first. */
  readonly species: readonly SpeciesShare[];
  /** Rows by their periodic axes as ASE writes them, most frequent first: `"T T F"`. */
  readonly pbc: readonly { readonly axes: string; readonly structures: number }[];
  /** In how many of the rows each key was, as far as it was read. */
  readonly present: ReadonlyMap<string, number>;
  /** `null` where there is nothing to draw. */
  readonly distribution: Distribution | null;
}

/** Gathers a {@link Summary} in one pass, in memory that does not grow with the rows. */
export class SummaryBuilder {
  #structures = 0;
  #totalAtoms = 0;
  readonly #atomCounts = new StreamingHistogram();
  readonly #energies = new StreamingHistogram();
  readonly #species = new SpeciesCounter();
  readonly #pbc = new Map<string, number>();
  readonly #present = new Map<string, number>();

  add(row: Row): void {
    this.#structures++;
    for (const key of Object.keys(row)) increase(this.#present, key);
    if (row.pbc !== undefined) increase(this.#pbc, axesOf(row.pbc));
    const nAtoms = this.#addAtoms(row["arrays.numbers"]);
    const energy = row["calc.energy"] === undefined ? undefined : plainValue(row["calc.energy"]);
    if (typeof energy === "number" && nAtoms > 0 && Number.isFinite(energy)) {
      this.#energies.add(energy / nAtoms);
    }
  }

  #addAtoms(numbers: Value | undefined): number {
    if (!isNdArray(numbers) || numbers.shape.length !== 1) return 0;
    const { data } = numbers;
    this.#atomCounts.add(data.length);
    this.#totalAtoms += data.length;
    this.#species.add(data);
    return data.length;
  }

  finish(options: { maxBins?: number } = {}): Summary {
    const { maxBins = 10 } = options;
    const counts = this.#atomCounts;
    return {
      structures: this.#structures,
      atoms: counts.total > 0 ? { total: this.#totalAtoms, min: counts.min, max: counts.max } : null,
      species: ranked(this.#species.counts()).map(([number, count]) => ({
        symbol: symbolOf(number),
        count,
        share: count / this.#totalAtoms,
      })),
      pbc: ranked(this.#pbc).map(([axes, structures]) => ({ axes, structures })),
      present: this.#present,
      distribution:
        distributionOf(this.#energies, "energy per atom", maxBins) ??
        distributionOf(counts, "atoms per structure", maxBins),
    };
  }
}

/** Atoms by number. Atoms are many and elements are few: a table takes them, a map only what is no element. */
class SpeciesCounter {
  readonly #elements = new Float64Array(256);
  readonly #others = new Map<number, number>();

  add(numbers: ArrayLike<number | bigint>): void {
    for (let i = 0; i < numbers.length; i++) {
      const number = Number(numbers[i]);
      if (number >= 0 && number < 256) this.#elements[number]!++;
      else increase(this.#others, number);
    }
  }

  counts(): Map<number, number> {
    const counts = new Map(this.#others);
    this.#elements.forEach((count, number) => {
      if (count > 0) counts.set(number, count);
    });
    return counts;
  }
}

function increase<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function ranked<K>(counts: Map<K, number>): [K, number][] {
  return [...counts].sort(([, a], [, b]) => b - a);
}

function distributionOf(
  values: StreamingHistogram,
  quantity: Distribution["quantity"],
  maxBins: number,
): Distribution | null {
  if (values.total === 0) return null;
  const integers = quantity === "atoms per structure";
  return {
    quantity,
    unit: integers ? "" : "eV",
    min: values.min,
    max: values.max,
    count: values.total,
    bins: values.bins(maxBins, { integers }),
  };
}

/** Periodic along each lattice vector, as ASE writes it: `T T F`. */
function axesOf(pbc: Value): string {
  const flags = isNdArray(pbc) ? Array.from(pbc.data, Boolean) : Array.isArray(pbc) ? pbc.map(Boolean) : [];
  return [0, 1, 2].map((axis) => (flags[axis] ? "T" : "F")).join(" ");
}
