import type { BlobRow } from "../src/index.js";

/** A row of texts. */
export function row(fields: Record<string, string>): BlobRow {
  return new Map(Object.entries(fields).map(([name, text]) => [name, new TextEncoder().encode(text)]));
}

/** Rows with their numbers in field `n`. */
export function numbered(from: number, to: number): BlobRow[] {
  return Array.from({ length: to - from }, (_, i) => row({ n: `${from + i}` }));
}

/** The texts of a row; `null` for an empty slot. */
export function texts(blobs: BlobRow | null): Record<string, string> | null {
  if (blobs === null) return null;
  return Object.fromEntries([...blobs].map(([name, bytes]) => [name, new TextDecoder().decode(bytes)]));
}
