import type { Answer, Mode, RowStore } from "../backend.js";
import { StowageError } from "../errors.js";
import { type Field, mergeFields, type Row, type RowSchema, setKey } from "../row.js";
import { columnFromValues } from "../row-column.js";
import { chain, type Maybe } from "./answer.js";
import { columnPresent } from "./column-values.js";
import { readColumn } from "./read-column.js";

/**
 * Stores one after the other, as one store for reading. Which store has a row is found by halving.
 *
 * @throws {StowageError} ERR_OPTION without any store.
 */
export function concatStores<M extends Mode>(stores: readonly RowStore<M>[]): RowStore<M> {
  if (stores.length === 0) {
    throw new StowageError(
      "ERR_OPTION",
      "Cannot put no datasets one after the other",
      { option: "datasets", value: "[]" },
      { hint: "give one at least" },
    );
  }
  const name = stores.map((store) => store.name).join(" + ");
  const counts = (): Maybe<number[]> => all(stores.map((store) => store.count() as Maybe<number>));
  /** Which rows of which store, and where they stand in the answer. */
  const parts = (indices: ArrayLike<number>): Maybe<Part[]> =>
    chain(counts(), (lengths) => locate(indices, lengths, name));
  const answer = <T>(value: Maybe<T>): Answer<M, T> => value as Answer<M, T>;
  return {
    name,
    backend: "concat",
    capabilities: { create: false, append: false, perAtomExtras: true, nested: true },
    warnings: stores.flatMap((store) => store.warnings),
    count: () => answer(chain(counts(), (lengths) => lengths.reduce((sum, length) => sum + length, 0))),
    getMany: (indices, keys) =>
      answer(
        chain(parts(indices), (found) =>
          chain(
            all(found.map(({ store, rows }) => stores[store]!.getMany(rows, keys) as Maybe<Row[]>)),
            (lists) => inOrder(found, lists, indices.length),
          ),
        ),
      ),
    column: (key, indices) =>
      answer(
        chain(parts(indices), (found) =>
          chain(all(found.map(({ store, rows }) => readColumn(stores[store]!, key, rows))), (columns) =>
            columnFromValues(key, inOrder(found, columns.map(columnPresent), indices.length)),
          ),
        ),
      ),
    schema: () =>
      answer(
        chain(all(stores.map((store) => store.schema() as Maybe<RowSchema>)), (schemas) =>
          chain(counts(), (lengths) => mergeSchemas(schemas, lengths)),
        ),
      ),
    // Whoever opened the stores closes them.
    close: () => answer<void>(undefined),
  };
}

interface Part {
  readonly store: number;
  readonly rows: number[];
  /** For each row its place in the answer. */
  readonly places: number[];
}

function locate(indices: ArrayLike<number>, lengths: readonly number[], name: string): Part[] {
  const ends: number[] = [];
  let total = 0;
  for (const length of lengths) {
    total += length;
    ends.push(total);
  }
  const parts = new Map<number, Part>();
  for (let place = 0; place < indices.length; place++) {
    const index = indices[place]!;
    if (!(Number.isInteger(index) && index >= 0 && index < total)) {
      throw new StowageError("ERR_INDEX_RANGE", `Cannot read row ${index} of ${name}: it has ${total} rows`, {
        index,
        length: total,
      });
    }
    const store = firstAbove(ends, index);
    let part = parts.get(store);
    if (part === undefined) {
      part = { store, rows: [], places: [] };
      parts.set(store, part);
    }
    part.rows.push(index - (store === 0 ? 0 : ends[store - 1]!));
    part.places.push(place);
  }
  return [...parts.values()];
}

/** The first of ascending numbers that is above a value. */
function firstAbove(ends: readonly number[], value: number): number {
  let low = 0;
  let high = ends.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

function inOrder<T>(parts: readonly Part[], lists: readonly (readonly T[])[], count: number): T[] {
  const ordered = new Array<T>(count);
  for (const [i, { places }] of parts.entries()) {
    for (const [j, place] of places.entries()) ordered[place] = lists[i]![j]!;
  }
  return ordered;
}

/** The union, in the order in which keys are first met. A key with two types is `json`, which holds anything. */
function mergeSchemas(schemas: readonly RowSchema[], lengths: readonly number[]): RowSchema {
  const merged = new Map<string, Field>();
  let before = 0;
  for (const [i, schema] of schemas.entries()) {
    for (const [key, field] of Object.entries(schema)) {
      const known = merged.get(key);
      const missing = field.missing === undefined ? undefined : field.missing + (known ? 0 : before);
      const union =
        known === undefined ? field : (mergeFields(known, field) ?? { ...field, dtype: "json", shape: [] });
      merged.set(key, {
        ...union,
        missing: known === undefined ? missing : sum(known.missing, field.missing),
      });
    }
    for (const [key, field] of merged) {
      if (!Object.hasOwn(schema, key))
        merged.set(key, { ...field, missing: sum(field.missing, lengths[i]!) });
    }
    before += lengths[i]!;
  }
  const schema: RowSchema = {};
  for (const [key, field] of merged) setKey(schema, key, field);
  return schema;
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}

function all<T>(values: readonly Maybe<T>[]): Maybe<T[]> {
  return values.some((value) => value instanceof Promise) ? Promise.all(values) : (values as T[]);
}
