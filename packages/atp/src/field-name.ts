import { ATOM_SCOPE, BUILTIN, type Kind } from "./tags.js";

/** How a field is named in `flat`'s options, in `missing` and in the schema. */
export function fieldName(entry: { kind: Kind; key: string }): string {
  if (entry.kind === BUILTIN) return entry.key;
  return `${entry.kind === ATOM_SCOPE ? "atomProperties" : "properties"}.${entry.key}`;
}
