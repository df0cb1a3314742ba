import { blobBytes, blobValue } from "./blob-value.js";
import { decodedBlob } from "./decoded-blob.js";
import { encodeRowValue } from "./msgpack/row-value.js";
import { getKey, mapRow, pickKeys, type Row, type RowSchema, setKey, type Value } from "./row.js";
import { GatheredSchema, schemaOfRows } from "./row-schema.js";

/** How rows in memory are seen: as values, or as bytes. Both see the same rows. */
export interface MemoryTier {
  /** @param keys  Default: all. */
  read(row: Row, keys?: readonly string[]): Row;
  /** One value; `undefined` if the row lacks it. */
  value(row: Row, key: string): Value | undefined;
  /** What is kept of a row that is written. */
  write(row: Row): Row;
  /** A row with other values, as it is kept: whoever was given the old one keeps it as it was. */
  patched(row: Row, patch: Row): Row;
  schema(rows: readonly Row[]): RowSchema;
}

/** Rows that were written as bytes: they stay what was given, which need not be what an encoder makes of the values. */
const keptAsBytes = new WeakSet<Row>();

/** Rows as values, given and returned as they are. */
export function objectTier(name: string): MemoryTier {
  return {
    read: (row, keys) => {
      const part = keys === undefined ? row : pickKeys(row, keys);
      return keptAsBytes.has(row) ? mapRow(part, (key, value) => decodedBlob(name, key, value)) : part;
    },
    value: (row, key) => {
      const value = getKey(row, key);
      return value !== undefined && keptAsBytes.has(row) ? decodedBlob(name, key, value) : value;
    },
    write: (row) => row,
    patched: (row, patch) =>
      keptAsBytes.has(row) ? kept(merged(row, encodedRow(patch))) : merged(row, patch),
    schema: (rows) => {
      const gathered = new GatheredSchema();
      for (const row of rows) {
        if (keptAsBytes.has(row)) gathered.addBlobs(row);
        else gathered.add(row);
      }
      return gathered.schema();
    },
  };
}

/** Rows as bytes. Each is an object of its own: the one that was given may be written as values, too. */
export const blobTier: MemoryTier = {
  read: (row, keys = Object.keys(row)) => {
    const part = pickKeys(row, keys);
    return keptAsBytes.has(row) ? part : encodedRow(part);
  },
  value: (row, key) => {
    const value = getKey(row, key);
    return value === undefined || keptAsBytes.has(row) ? value : blobValue(encodeRowValue(key, value));
  },
  write: (row) => kept(checkedRow(row)),
  patched: (row, patch) => kept(merged(blobTier.read(row), checkedRow(patch))),
  schema: (rows) => schemaOfRows(rows.map((row) => blobTier.read(row))),
};

/** A row without some of its keys. */
export function withoutKeys(row: Row, dropped: ReadonlySet<string>): Row {
  const rest = pickKeys(
    row,
    Object.keys(row).filter((key) => !dropped.has(key)),
  );
  return keptAsBytes.has(row) ? kept(rest) : rest;
}

function kept(row: Row): Row {
  keptAsBytes.add(row);
  return row;
}

function merged(row: Row, patch: Row): Row {
  const both = { ...row };
  for (const [key, value] of Object.entries(patch)) setKey(both, key, value);
  return both;
}

function encodedRow(row: Row): Row {
  return mapRow(row, (key, value) => blobValue(encodeRowValue(key, value)));
}

function checkedRow(row: Row): Row {
  return mapRow(row, (key, value) => blobValue(blobBytes(key, value)));
}
