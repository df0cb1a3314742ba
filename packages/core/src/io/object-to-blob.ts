import type { Mode, RowStore } from "../backend.js";
import { blobValue } from "../blob-value.js";
import { decodedBlob } from "../decoded-blob.js";
import { encodeRowValue } from "../msgpack/row-value.js";
import { type Field, mapRow, type RowSchema, setKey, type Value } from "../row.js";
import { chain, type Maybe } from "./answer.js";
import { convertedStore, mapColumn } from "./converted-store.js";

const BYTES: Field = { dtype: "uint8", shape: [null], perAtom: false };

/**
 * A store as one of bytes: each value as the msgpack with the NumPy extension that asebytes would store for it. What is
 * written must be such bytes, and is decoded; pickles are refused, never run.
 *
 * @throws {StowageError} where rows are written: ERR_MSGPACK, ERR_PICKLE, ERR_UNSUPPORTED for bytes that are no value
 * of a row; ERR_ROW for what is no bytes.
 *
 * @example
 * ```ts
 * const blobs = objectToBlob(memoryStore([{ "info.steps": int64(5) }]));
 * blobBytes("info.steps", blobs.getMany([0])[0]["info.steps"]); // Uint8Array [5], as msgpack has Python's 5
 * ```
 */
export function objectToBlob<M extends Mode>(store: RowStore<M>): RowStore<M> {
  return convertedStore(store, {
    storedKey: (key) => key,
    read: (row) => mapRow(row, encoded),
    write: (row) => mapRow(row, (key, value) => decodedBlob(store.name, key, value)),
    column: (key, column) => mapColumn(key, column, (value) => encoded(key, value)),
    schema: () =>
      chain(store.schema() as Maybe<RowSchema>, (schema) => {
        const fields: RowSchema = {};
        for (const [key, { missing }] of Object.entries(schema)) setKey(fields, key, { ...BYTES, missing });
        return fields;
      }),
  });
}

function encoded(key: string, value: Value): Value {
  return blobValue(encodeRowValue(key, value));
}
