import { decodeValue, type Row, setKey, type Value } from "@stowage/core";
import type { BlobRow } from "./row-layout.js";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** A row of msgpack values; an empty slot has no keys. */
export function objectRow(blobs: BlobRow | null): Row {
  const row: Row = {};
  if (blobs !== null) for (const [name, bytes] of blobs) setKey(row, keyOf(name), objectValue(bytes));
  return row;
}

/** Has memory of its own: pages may be written over, and go with the file. */
export function objectValue(bytes: Uint8Array): Value {
  return decodeValue(bytes, { copy: true });
}

/** The text of a name whose bytes are characters; one that is no UTF-8 stays as it is. */
export function keyOf(name: string): string {
  if (isAscii(name)) return name;
  try {
    return utf8.decode(Uint8Array.from(name, (char) => char.charCodeAt(0)));
  } catch {
    return name;
  }
}

/** The other way round. */
export function nameOf(key: string): string {
  return isAscii(key) ? key : String.fromCharCode(...encoder.encode(key));
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
