import { columnOf, type RowStore } from "@stowage/core";
import { schemaOfCopy } from "./schema-of-copy.js";

/**
 * Some rows of a store, in an order of their own, as a store for reading. Nothing is copied, and where `indexAt`
 * computes its answer no list of indices is needed either.
 *
 * @param indexAt  The row of the source at a place from 0 to `length` - 1.
 */
export function pickedStore(source: RowStore, length: number, indexAt: (place: number) => number): RowStore {
  const rowsAt = (places: ArrayLike<number>): number[] => Array.from(places, indexAt);
  const { name, backend, warnings } = source;
  return {
    name,
    backend,
    capabilities: { create: false, append: false, perAtomExtras: true, nested: true },
    warnings,
    count: async () => length,
    getMany: (places, keys) => source.getMany(rowsAt(places), keys),
    schema: async () => schemaOfCopy(await source.schema(), [], false),
    column: (key, places) => columnOf(source, key, rowsAt(places)),
    // Whoever opened the source closes it.
    close: async () => {},
  };
}
