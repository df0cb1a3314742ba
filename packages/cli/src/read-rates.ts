import type { RowStore } from "@stowage/core";
import { breathe } from "./breathe.js";
import { atomCount } from "./copy-dataset.js";
import { rowBytes } from "./row-batches.js";
import { shuffledIndices } from "./shuffle.js";

export interface ReadRate {
  readonly way: string;
  readonly structuresPerSecond: number;
  readonly atomsPerSecond: number;
  /** Of values in memory, so that codecs compare. */
  readonly bytesPerSecond: number;
}

/** Batches of structures with everything concatenated, as `AtpFile.flat` of @stowage/atp gives them. */
export interface FlatReader {
  flat(indices: Uint32Array): { readonly atomicNumbers: { readonly length: number } };
}

/** What a batch held. */
interface Amount {
  readonly structures: number;
  readonly atoms: number;
  readonly bytes: number;
}

/** Reads some rows; what they amount to is counted afterwards, while the clock stands still. */
type Read = (indices: Uint32Array) => Promise<() => Amount>;

export interface RateOptions {
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Rounds over all ways of reading; the first third warms up and does not count. */
  readonly rounds?: number;
}

const BATCH = 512;
const SLICE_MS = 25;

/**
 * How fast a dataset reads in order, shuffled and in flat batches: from the page cache, each for a fixed time
 * whatever the size. The ways take turns, so that what else the machine does falls on all of them.
 */
export async function measureReads(
  store: RowStore,
  flat: FlatReader,
  { seed, signal, rounds = 15 }: RateOptions,
): Promise<ReadRate[]> {
  const inOrder = Uint32Array.from({ length: await store.count() }, (_, i) => i);
  if (inOrder.length === 0) return [];
  const shuffled = shuffledIndices(inOrder.length, seed);
  const meters = [
    new Meter("in order", inOrder, rowReader(store)),
    new Meter(`shuffled, seed ${seed}`, shuffled, rowReader(store)),
    new Meter(`flat batches of ${BATCH}`, inOrder, flatReader(flat)),
  ];
  for (let round = 0; round < rounds; round++) {
    for (const meter of meters) {
      await meter.run(SLICE_MS, round >= rounds / 3);
      await breathe();
      signal?.throwIfAborted();
    }
  }
  return meters.map((meter) => meter.rate());
}

function rowReader(store: RowStore): Read {
  return async (indices) => {
    const rows = await store.getMany(indices);
    return () => ({
      structures: rows.length,
      atoms: rows.reduce((sum, row) => sum + atomCount(row), 0),
      bytes: rows.reduce((sum, row) => sum + rowBytes(row), 0),
    });
  };
}

function flatReader(reader: FlatReader): Read {
  return async (indices) => {
    const batch = reader.flat(indices);
    return () => ({
      structures: indices.length,
      atoms: batch.atomicNumbers.length,
      bytes: arrayBytes(batch),
    });
  };
}

/** One way of reading: goes round and round through its order, a slice of time at a time. */
class Meter {
  readonly #way: string;
  readonly #order: Uint32Array;
  readonly #read: Read;
  #next = 0;
  #elapsedMs = 0;
  #structures = 0;
  #atoms = 0;
  #bytes = 0;

  constructor(way: string, order: Uint32Array, read: Read) {
    this.#way = way;
    this.#order = order;
    this.#read = read;
  }

  async run(sliceMs: number, counts: boolean): Promise<void> {
    for (let left = sliceMs; left > 0; ) {
      const batch = this.#order.subarray(this.#next, this.#next + BATCH);
      this.#next = this.#next + BATCH < this.#order.length ? this.#next + BATCH : 0;
      const began = performance.now();
      const amount = await this.#read(batch);
      const took = performance.now() - began;
      left -= took;
      if (counts) this.#count(took, amount());
    }
  }

  #count(elapsedMs: number, { structures, atoms, bytes }: Amount): void {
    this.#elapsedMs += elapsedMs;
    this.#structures += structures;
    this.#atoms += atoms;
    this.#bytes += bytes;
  }

  rate(): ReadRate {
    const perSecond = 1000 / this.#elapsedMs;
    return {
      way: this.#way,
      structuresPerSecond: this.#structures * perSecond,
      atomsPerSecond: this.#atoms * perSecond,
      bytesPerSecond: this.#bytes * perSecond,
    };
  }
}

/** Bytes of all arrays in an object, also nested ones. */
function arrayBytes(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, item) => sum + arrayBytes(item), 0);
}
