import { recordError } from "./errors.js";
import type { RecordOrigin } from "./record.js";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Text in a record.
 *
 * @param key  Of the section whose payload it is; `null` for the text of a key.
 * @throws {StowageError} ERR_ATP_RECORD
 */
export function decodeText(
  bytes: Uint8Array,
  at: number,
  length: number,
  key: string | null,
  origin: RecordOrigin,
): string {
  try {
    return decoder.decode(bytes.subarray(at, at + length));
  } catch {
    const what = key === null ? "a key" : `the text of "${key}"`;
    throw recordError(origin.path, origin.index, `${what} is not UTF-8`);
  }
}
