import { blobBytes } from "./blob-value.js";
import { isStowageError, StowageError } from "./errors.js";
import { decodeRowValue } from "./msgpack/row-value.js";
import type { Value } from "./row.js";

/**
 * The value that a row's bytes stand for, with memory of its own.
 *
 * @param name  The dataset, for messages.
 * @throws {StowageError} as `decodeRowValue`; ERR_ROW for what is no bytes.
 */
export function decodedBlob(name: string, key: string, value: Value): Value {
  const bytes = blobBytes(key, value);
  try {
    return decodeRowValue(bytes, { copy: true });
  } catch (error) {
    if (!isStowageError(error)) throw error;
    const reason = error.message.replace(/^Cannot decode [^:]*: /, "");
    throw new StowageError(error.code, `Cannot decode "${key}" of ${name}: ${reason}`, error.details, {
      hint: error.hint ?? "BlobIO gives the bytes as they are",
      cause: error,
    });
  }
}
