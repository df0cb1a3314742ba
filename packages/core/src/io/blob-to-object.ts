import type { Mode, RowStore } from "../backend.js";
import { blobValue } from "../blob-value.js";
import { decodedBlob } from "../decoded-blob.js";
import { encodeRowValue } from "../msgpack/row-value.js";
import { mapRow, type Row, type RowSchema } from "../row.js";
import { GatheredSchema } from "../row-schema.js";
import { chain, type Maybe } from "./answer.js";
import { convertedStore, mapColumn } from "./converted-store.js";
import { BATCH_ROWS } from "./view-checks.js";

/**
 * A store of bytes as one of values, which every facade opens: each value is msgpack with the NumPy extension, as
 * asebytes writes it. So a backend may keep bytes alone; `blobs()` gives the store of bytes itself.
 *
 * @param store  Every value is a uint8 array of shape [n].
 * @throws {StowageError} where rows are read: ERR_MSGPACK, ERR_PICKLE, ERR_UNSUPPORTED for bytes that are no value of a
 * row; ERR_ROW for what is no bytes.
 *
 * @example
 * ```ts
 * const rows = blobToObject(memoryStore([{ "info.steps": blobValue(Uint8Array.of(5)) }]));
 * rows.getMany([0])[0]["info.steps"]; // int64(5)
 * ```
 */
export function blobToObject<M extends Mode>(store: RowStore<M>): RowStore<M> {
  const rows = convertedStore(store, {
    storedKey: (key) => key,
    read: (row) => mapRow(row, (key, value) => decodedBlob(store.name, key, value)),
    write: (row) => mapRow(row, (key, value) => blobValue(encodeRowValue(key, value))),
    column: (key, column) => mapColumn(key, column, (value) => decodedBlob(store.name, key, value)),
    schema: () => gatheredSchema(store),
  });
  return Object.assign(rows, { blobs: () => store });
}

/** Bytes tell their types only when they are looked at: all rows are, in batches. */
function gatheredSchema<M extends Mode>(store: RowStore<M>): Maybe<RowSchema> {
  const gathered = new GatheredSchema();
  const batch = (start: number, count: number): Maybe<void> => {
    const indices = Array.from({ length: Math.min(BATCH_ROWS, count - start) }, (_, i) => start + i);
    return chain(store.getMany(indices) as Maybe<Row[]>, (rows) => {
      for (const row of rows) gathered.addBlobs(row);
    });
  };
  return chain(store.count() as Maybe<number>, (count) => {
    const rest = async (from: number, before: Promise<void>): Promise<RowSchema> => {
      await before;
      for (let start = from; start < count; start += BATCH_ROWS) await batch(start, count);
      return gathered.schema();
    };
    for (let start = 0; start < count; start += BATCH_ROWS) {
      const done = batch(start, count);
      if (done instanceof Promise) return rest(start + BATCH_ROWS, done);
    }
    return gathered.schema();
  });
}
