import { describeValue, equalValues, type Row } from "@stowage/core";

/** Where rows differ first, in one line; `null` if they are the same to the last bit. */
export function difference(found: readonly Row[], expected: readonly Row[]): string | null {
  if (found.length !== expected.length) return `${found.length} rows, expected ${expected.length}`;
  for (const [i, row] of expected.entries()) {
    const keys = Object.keys(row).sort();
    const foundKeys = Object.keys(found[i]!).sort();
    if (keys.join("\n") !== foundKeys.join("\n"))
      return `row ${i} has the keys ${foundKeys}, expected ${keys}`;
    for (const key of keys) {
      const value = found[i]![key]!;
      if (!equalValues(value, row[key]!)) {
        return `${key} of row ${i} is ${describeValue(value)}, expected ${describeValue(row[key]!)}`;
      }
    }
  }
  return null;
}
