import type { Answer, Mode, RowStore } from "../backend.js";
import { StowageError } from "../errors.js";
import { getKey, pickKeys, type Row, type RowSchema } from "../row.js";
import { columnFromValues } from "../row-column.js";
import { chain, type Maybe } from "./answer.js";

/** How often a cache had what was asked for. */
export interface CacheCounts {
  /** Rows that came from the cache. */
  hits: number;
  /** Rows that came from the source, and are in the cache from then on. */
  misses: number;
}

/**
 * A store that keeps the rows that were read in another one, at the same places: each is read from the source once.
 *
 * Rows are kept whole, whatever keys were asked for. A row without keys is a place in the cache that is not filled yet.
 * Where the cache cannot be written (any more), reading goes on from the source, and `warnings` says so. Closing closes
 * both.
 *
 * @throws {StowageError} ERR_UNSUPPORTED if rows of the cache cannot be set.
 */
export function cachedStore<M extends Mode>(
  source: RowStore<M>,
  cache: RowStore<M>,
): { store: RowStore<M>; counts: CacheCounts } {
  const { append, set } = cache;
  if (append === undefined || set === undefined) {
    throw new StowageError(
      "ERR_UNSUPPORTED",
      `Cannot keep rows in ${cache.name}: ${cache.backend} data cannot be changed in place`,
      { feature: "cacheTo" },
      { hint: "use a store whose rows can be set, such as memory://" },
    );
  }
  const counts: CacheCounts = { hits: 0, misses: 0 };
  const warnings: string[] = [];
  const answer = <T>(value: Maybe<T>): Answer<M, T> => value as Answer<M, T>;

  const both = (): Maybe<[kept: number, count: number]> =>
    chain(cache.count() as Maybe<number>, (kept) =>
      chain(source.count() as Maybe<number>, (count): [number, number] => [kept, count]),
    );

  /** Takes the places up to the length of the source. */
  const fill = (places: readonly number[], rows: readonly Row[]): Maybe<void> =>
    chain(both(), ([kept, count]) => {
      const lacking = new Array<Row>(Math.max(0, count - kept)).fill({});
      return chain(
        append.call(cache, lacking) as Maybe<void>,
        () => set.call(cache, places, rows) as Maybe<void>,
      );
    });
  /** One after the other: two at once would take the same places. */
  let last: Maybe<void>;
  const keep = (places: readonly number[], rows: readonly Row[]): Maybe<void> => {
    last = chain(last, () => keepNow(places, rows));
    return last;
  };
  const keepNow = (places: readonly number[], rows: readonly Row[]): Maybe<void> => {
    if (warnings.length > 0) return undefined;
    const giveUp = (error: unknown): void => {
      warnings.push(
        `rows are no longer kept in ${cache.name}: ${error instanceof Error ? error.message : error}`,
      );
    };
    try {
      const kept = fill(places, rows);
      return kept instanceof Promise ? kept.catch(giveUp) : kept;
    } catch (error) {
      return giveUp(error);
    }
  };
  /** What the cache has at these places. */
  const lookUp = (places: readonly number[]): Maybe<Map<number, Row>> =>
    chain(both(), ([kept, count]) => {
      if (kept > count) throw foreignCache(cache.name, kept, source.name, count);
      const known = places.filter((place) => place < kept);
      return chain(cache.getMany(known) as Maybe<Row[]>, (rows) => {
        const found = new Map<number, Row>();
        for (const [i, row] of rows.entries()) if (Object.keys(row).length > 0) found.set(known[i]!, row);
        return found;
      });
    });
  const getMany = (indices: ArrayLike<number>): Maybe<Row[]> => {
    const wanted = Array.from(indices);
    const places = [...new Set(wanted)].filter((index) => Number.isInteger(index) && index >= 0);
    return chain(lookUp(places), (found) => {
      // Those that are out of range, too: the source says so.
      const missed = [...new Set(wanted)].filter((index) => !found.has(index));
      return chain(missed.length > 0 ? (source.getMany(missed) as Maybe<Row[]>) : [], (rows) => {
        for (const [i, row] of rows.entries()) found.set(missed[i]!, row);
        counts.misses += missed.length;
        counts.hits += wanted.length - missed.length;
        return chain(missed.length > 0 ? keep(missed, rows) : undefined, () =>
          wanted.map((index) => found.get(index)!),
        );
      });
    });
  };
  const store: RowStore<M> = {
    name: source.name,
    backend: source.backend,
    capabilities: { ...source.capabilities, create: false, append: false, edit: false },
    get warnings() {
      return [...source.warnings, ...warnings];
    },
    count: () => source.count(),
    getMany: (indices, keys) =>
      answer(
        chain(getMany(indices), (rows) =>
          keys === undefined ? rows : rows.map((row) => pickKeys(row, keys)),
        ),
      ),
    column: (key, indices) =>
      answer(
        chain(getMany(indices), (rows) =>
          columnFromValues(
            key,
            rows.map((row) => getKey(row, key)),
          ),
        ),
      ),
    schema: () => source.schema() as Answer<M, RowSchema>,
    close: () => answer(chain(cache.close() as Maybe<void>, () => source.close() as Maybe<void>)),
  };
  return { store, counts };
}

function foreignCache(
  cache: string,
  kept: number,
  source: string,
  count: number,
): StowageError<"ERR_OPTION"> {
  return new StowageError(
    "ERR_OPTION",
    `Cannot keep rows of ${source} in ${cache}: it has ${kept} rows, of ${count} there`,
    { option: "cacheTo", value: cache },
    { hint: "it belongs to another dataset: name a new one" },
  );
}
