import {
  appendRowValue,
  blobBytes,
  blobValue,
  decodeRowValue,
  keyFromBytes,
  keyToBytes,
  type Row,
  setKey,
  type Value,
  ValueEncoder,
} from "@stowage/core";
import { fromLatin1, latin1 } from "./names.js";
import type { BlobRow } from "./row-layout.js";

/** What the bytes of fields are in the rows that are shown. */
export interface FieldCodec {
  /** Has memory of its own: pages may be written over, and go with the file. */
  decode(bytes: Uint8Array): Value;
  /** Rows, or patches. @throws {StowageError} for what is no such value. */
  encode(rows: readonly Row[]): BlobRow[];
}

/** Values, as asebytes writes them: msgpack with the NumPy extension. */
export const VALUES: FieldCodec = {
  decode: (bytes) => decodeRowValue(bytes, { copy: true }),
  encode: (rows) => {
    const encoder = new ValueEncoder();
    const places = rows.map((row) =>
      Object.entries(row).map(([key, value]) => {
        const start = appendRowValue(encoder, key, value);
        return { name: nameOf(key), start, end: encoder.byteLength };
      }),
    );
    // Not before: the buffer grows.
    const bytes = encoder.bytes();
    return places.map(
      (fields) => new Map(fields.map(({ name, start, end }) => [name, bytes.subarray(start, end)])),
    );
  },
};

/** The bytes themselves. */
export const BLOBS: FieldCodec = {
  decode: blobValue,
  encode: (rows) =>
    rows.map(
      (row) => new Map(Object.entries(row).map(([key, value]) => [nameOf(key), blobBytes(key, value)])),
    ),
};

/** A row of an object; an empty slot has no keys. */
export function objectRow(blobs: BlobRow | null, { decode }: FieldCodec): Row {
  const row: Row = {};
  if (blobs !== null) for (const [name, bytes] of blobs) setKey(row, keyOf(name), decode(bytes));
  return row;
}

/** The key of a name whose bytes are characters. */
export function keyOf(name: string): string {
  return isAscii(name) ? name : keyFromBytes(latin1(name));
}

/** The other way round. @throws {StowageError} ERR_ROW for a key that is no text. */
export function nameOf(key: string): string {
  return isAscii(key) ? key : fromLatin1(keyToBytes(key));
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
