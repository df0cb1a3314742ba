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
import type { RowMaker } from "./packed-rows.js";
import type { BlobRow } from "./row-layout.js";

/** What the bytes of fields are in the rows that are shown. */
export interface FieldCodec {
  /** The value has memory of its own: the bytes are used again. */
  decode(bytes: Uint8Array): Value;
  /** Rows, or patches; valid until the next call. @throws {StowageError} for what is no such value. */
  encode(rows: readonly Row[]): BlobRow[];
}

/** Its buffer is used again: rows are written before others are encoded. */
let spare: ValueEncoder | null = null;
/** A spare buffer larger than this is let go. */
const MAX_SPARE_BYTES = 1 << 24;

/** Values, as asebytes writes them: msgpack with the NumPy extension. */
export const VALUES: FieldCodec = {
  decode: (bytes) => decodeRowValue(bytes, { copy: true }),
  encode: (rows) => {
    const encoder = spare ?? new ValueEncoder();
    // A getter that writes something must not find the same one.
    spare = null;
    encoder.clear();
    const places = rows.map((row) =>
      Object.entries(row).map(([key, value]) => {
        const start = appendRowValue(encoder, key, value);
        return { name: nameOf(key), start, end: encoder.byteLength };
      }),
    );
    // Not before: the buffer grows.
    const bytes = encoder.bytes();
    if (encoder.capacity <= MAX_SPARE_BYTES) spare = encoder;
    return places.map(
      (fields) => new Map(fields.map(({ name, start, end }) => [name, bytes.subarray(start, end)])),
    );
  },
};

/** The bytes themselves. */
export const BLOBS: FieldCodec = {
  decode: (bytes) => blobValue(bytes.slice()),
  encode: (rows) =>
    rows.map(
      (row) => new Map(Object.entries(row).map(([key, value]) => [nameOf(key), blobBytes(key, value)])),
    ),
};

/** Makes rows of values; an empty slot has no keys. */
export function rowMaker({ decode }: FieldCodec): RowMaker<Row> {
  let known: readonly string[] = [];
  let keys: readonly string[] = [];
  return {
    make: (names, values) => {
      if (names !== known) {
        known = names;
        keys = names.map(keyOf);
      }
      const row: Row = {};
      for (let i = 0; i < keys.length; i++) if (values[i] !== null) setKey(row, keys[i]!, decode(values[i]!));
      return row;
    },
    empty: () => ({}),
  };
}

/** Makes the values of one field. */
export function valueMaker({ decode }: FieldCodec): RowMaker<Value | undefined> {
  return {
    make: (_, [bytes]) => (bytes ? decode(bytes) : undefined),
    empty: () => undefined,
  };
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
