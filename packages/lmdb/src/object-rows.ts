import { decodeRowValue, keyFromBytes, keyToBytes, type Row, setKey, type Value } from "@stowage/core";
import type { BlobRow } from "./row-layout.js";

/** A row of msgpack values; an empty slot has no keys. */
export function objectRow(blobs: BlobRow | null): Row {
  const row: Row = {};
  if (blobs !== null) for (const [name, bytes] of blobs) setKey(row, keyOf(name), objectValue(bytes));
  return row;
}

/** Has memory of its own: pages may be written over, and go with the file. */
export function objectValue(bytes: Uint8Array): Value {
  return decodeRowValue(bytes, { copy: true });
}

/** The text of a name whose bytes are characters. */
export function keyOf(name: string): string {
  return isAscii(name) ? name : keyFromBytes(Uint8Array.from(name, (char) => char.charCodeAt(0)));
}

/** The other way round. @throws {StowageError} ERR_ROW for text that stands for no bytes. */
export function nameOf(key: string): string {
  return isAscii(key) ? key : String.fromCharCode(...keyToBytes(key));
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
