const encoder = new TextEncoder();

/** Order of UTF-8 bytes, which is that of code points, not of JavaScript's own string order. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

/** Keys in the order of their UTF-8 bytes, as the peer sorts them. */
export function sortKeys(keys: Iterable<string>): string[] {
  const list = [...keys];
  if (list.length < 2) return list;
  // ASCII keys, the usual case, sort by JavaScript's own order; only others need their bytes.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII
  if (list.every((key) => /^[\x00-\x7f]*$/.test(key))) return list.sort();
  return list
    .map((key) => ({ key, bytes: encoder.encode(key) }))
    .sort((a, b) => compareBytes(a.bytes, b.bytes))
    .map(({ key }) => key);
}
