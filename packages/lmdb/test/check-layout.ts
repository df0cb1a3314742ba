import { expect } from "vitest";
import { LmdbReader } from "../src/index.js";

/** What a store's keys say, when they are as asebytes keeps them. */
export interface Layout {
  readonly blockSizes: number[];
  readonly sortKeys: number[];
  readonly nextSortKey: number;
  readonly fields: string[];
}

/** Checks every key of a group's data file: nothing is missing, left over, doubled or out of bounds. */
export function checkLayout(file: string): Layout {
  using reader = LmdbReader.open(file);
  const entries = new Map(
    reader.range().map(([key, value]) => [Buffer.from(key).toString("latin1"), Buffer.from(value)]),
  );
  const take = (key: string): Buffer | undefined => {
    const value = entries.get(key);
    entries.delete(key);
    return value;
  };
  const count = Number(take("__meta__count") ?? 0);
  const nextSortKey = Number(take("__meta__next_sort_key") ?? 0);
  const fields = (take("__schema__")?.toString("latin1") ?? "").split("\n").filter((name) => name !== "");
  expect(fields).toEqual([...new Set(fields)].sort());
  const nBlocks = take("__blk_count__")?.readUInt32LE() ?? 0;
  const sizes = take("__blk_sizes__");
  expect(sizes?.length ?? 0).toBe(4 * nBlocks);
  const blockSizes = Array.from({ length: nBlocks }, (_, i) => sizes!.readUInt32LE(4 * i));
  const sortKeys: number[] = [];
  for (const [i, size] of blockSizes.entries()) {
    const name = Buffer.from("__blk__\0\0\0\0", "latin1");
    name.writeUInt32LE(i, 7);
    const block = take(name.toString("latin1"));
    expect(size, "rows of a block").toBeGreaterThan(0);
    expect(size, "rows of a block").toBeLessThanOrEqual(1024);
    expect(block?.length, `bytes of block ${i}`).toBe(8 * size);
    for (let k = 0; k < size; k++) sortKeys.push(Number(block!.readBigUInt64LE(8 * k)));
  }
  expect(sortKeys).toHaveLength(count);
  expect(new Set(sortKeys).size, "distinct sort keys").toBe(count);
  for (const sortKey of sortKeys) if (sortKey >= nextSortKey) expect(sortKey).toBeLessThan(nextSortKey);
  const alive = new Set(sortKeys.map(String));
  const known = new Set(fields);
  for (const key of entries.keys()) {
    const dash = key.indexOf("-");
    if (!alive.has(key.slice(0, dash)) || !known.has(key.slice(dash + 1)))
      expect(key).toBe("a field of a row");
  }
  return { blockSizes, sortKeys, nextSortKey, fields };
}
