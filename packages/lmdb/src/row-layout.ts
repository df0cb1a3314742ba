import { resolveIndex } from "@stowage/core";
import { startsWith } from "./cursor.js";
import { fieldName, fromLatin1, join, rowPrefix } from "./names.js";
import { readValue, Scan } from "./range.js";
import { rowIndex, schemaNames } from "./row-index.js";
import type { Snapshot } from "./snapshot.js";
import { Steps, type Task } from "./task.js";

/** A row: field name to bytes. Names are bytes too: one character each (latin-1). */
export type BlobRow = Map<string, Uint8Array>;

/** The number of rows. */
export const countTask: Task<number> = (snapshot) => () => rowIndex(snapshot).count;

/** The names of all fields ever written, sorted by their bytes. */
export const fieldsTask: Task<string[]> = (snapshot) => () => schemaNames(snapshot);

/** Rows; `null` for an empty slot. */
export function rowsTask(
  rows: ArrayLike<number>,
  keys: readonly string[] | undefined,
): Task<(BlobRow | null)[]> {
  const names = keys && [...new Set(keys)].map((name) => [name, fieldName(name)] as const);
  return (snapshot) =>
    eachRow(snapshot, rows, (prefix) => {
      const scan = new Scan(snapshot, prefix, (key) => !startsWith(key, prefix));
      if (names === undefined) {
        return () => {
          const entries = scan.run();
          if (entries.length === 0) return null;
          return new Map(entries.map(([key, value]) => [fromLatin1(key.subarray(prefix.length)), value]));
        };
      }
      const first = new Scan(snapshot, prefix, (key) => !startsWith(key, prefix), { limit: 1 });
      const steps = new Steps(names.length);
      const values: (Uint8Array | undefined)[] = [];
      return () => {
        steps.run((i) => {
          values[i] = readValue(snapshot, join(prefix, names[i]![1]));
        });
        const row: BlobRow = new Map();
        for (const [i, [name]] of names.entries()) if (values[i] !== undefined) row.set(name, values[i]);
        return row.size === 0 && first.runKeys().length === 0 ? null : row;
      };
    });
}

/** The names of the fields of each row. */
export function rowKeysTask(rows: ArrayLike<number>): Task<string[][]> {
  return (snapshot) =>
    eachRow(snapshot, rows, (prefix) => {
      const scan = new Scan(snapshot, prefix, (key) => !startsWith(key, prefix));
      return () => scan.runKeys().map((key) => fromLatin1(key.subarray(prefix.length)));
    });
}

/** One field of rows (all without `rows`); `null` where a row lacks it. */
export function columnTask(key: string, rows?: ArrayLike<number>): Task<(Uint8Array | null)[]> {
  const name = fieldName(key);
  return (snapshot) => {
    let work: (() => (Uint8Array | null)[]) | undefined;
    return () => {
      const chosen = rows ?? Array.from({ length: rowIndex(snapshot).count }, (_, i) => i);
      work ??= eachRow(snapshot, chosen, (prefix) => () => readValue(snapshot, join(prefix, name)) ?? null);
      return work();
    };
  };
}

function eachRow<T>(
  snapshot: Snapshot,
  rows: ArrayLike<number>,
  begin: (prefix: Uint8Array) => () => T,
): () => T[] {
  const steps = new Steps(rows.length);
  const begun: (() => T)[] = [];
  const results: T[] = [];
  return () => {
    const index = rowIndex(snapshot);
    steps.run((i) => {
      begun[i] ??= begin(rowPrefix(index.sortKey(resolveIndex(rows[i]!, index.count, snapshot.path))));
      results[i] = begun[i]();
    });
    return results;
  };
}
