import { nextSortKey, rowIndex, schemaNames } from "./row-index.js";
import type { Snapshot } from "./snapshot.js";

/** What an order of rows says by itself. */
interface Known {
  /** First row of each block, and the number of rows. */
  readonly starts: readonly number[];
  readonly nextSortKey: bigint;
  /** Names of all fields ever written, sorted by their bytes. */
  readonly names: readonly string[];
  /** Sort keys of blocks that are known; the others are read from the commit. */
  readonly blocks: ReadonlyMap<number, BigUint64Array>;
}

/**
 * The order of the rows of one commit, as a change finds it.
 *
 * It is kept from one change to the next, so that rows added one by one are not read again each time.
 */
export class RowOrder {
  readonly path: string;
  readonly #known: Known;
  readonly #newest: () => Snapshot;

  private constructor(path: string, known: Known, newest: () => Snapshot) {
    this.path = path;
    this.#known = known;
    this.#newest = newest;
  }

  /** @param newest  Reads the newest commit; must be the one that the order is of. */
  static of(newest: () => Snapshot): RowOrder {
    const snapshot = newest();
    const { starts } = rowIndex(snapshot);
    const blocks = new Map<number, BigUint64Array>();
    const known = { starts, nextSortKey: nextSortKey(snapshot), names: schemaNames(snapshot), blocks };
    return new RowOrder(snapshot.path, known, newest);
  }

  followedBy(known: Known): RowOrder {
    return new RowOrder(this.path, known, this.#newest);
  }

  get count(): number {
    return this.starts.at(-1)!;
  }

  get starts(): readonly number[] {
    return this.#known.starts;
  }

  get nextSortKey(): bigint {
    return this.#known.nextSortKey;
  }

  get names(): readonly string[] {
    return this.#known.names;
  }

  snapshot(): Snapshot {
    return this.#newest();
  }

  /** Sort keys of a block's rows. */
  block(number: number): BigUint64Array {
    return this.#known.blocks.get(number) ?? this.#readBlock(number);
  }

  knownBlock(number: number): BigUint64Array | undefined {
    return this.#known.blocks.get(number);
  }

  #readBlock(number: number): BigUint64Array {
    const { buffer, byteOffset, byteLength } = rowIndex(this.#newest()).block(number);
    return new BigUint64Array(buffer.slice(byteOffset, byteOffset + byteLength));
  }
}
