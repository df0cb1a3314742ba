import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { encodeRowValue, type Row } from "@stowage/core";
import { writeLmdb } from "../../lmdb/test/write-lmdb.js";

/** An asebytes store in LMDB, made without LMDB: for what reads it where the native addon is absent. */
export function prepareLmdb(store: string, rows: readonly Row[], group = "default"): void {
  const u32 = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
  const sortKeys = new BigUint64Array(rows.map((_, i) => BigInt(i)));
  const names = new Set(rows.flatMap((row) => Object.keys(row)));
  const entries: [string, Uint8Array | string][] = [
    ["__meta__count", String(rows.length)],
    ["__meta__next_sort_key", String(rows.length)],
    ["__schema__", [...names].sort().join("\n")],
    ["__blk_count__", u32(rows.length === 0 ? 0 : 1)],
  ];
  if (rows.length > 0) {
    entries.push(["__blk_sizes__", u32(rows.length)], ["__blk__\0\0\0\0", new Uint8Array(sortKeys.buffer)]);
  }
  for (const [i, row] of rows.entries()) {
    for (const [key, value] of Object.entries(row)) entries.push([`${i}-${key}`, encodeRowValue(key, value)]);
  }
  const folder = path.join(store, group);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "data.mdb"), writeLmdb(entries));
}
