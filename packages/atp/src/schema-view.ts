import type { DType } from "@stowage/core";
import { fieldName } from "./field-name.js";
import type { PositionsDType, Schema, SchemaEntry } from "./schema-block.js";
import { BUILTIN, builtinOf, KIND_NAMES, TAGS } from "./tags.js";

/** One field of an .atp file. */
export interface AtpField {
  /** As `flat` names it: `"forces"`, `"properties.gap"`, `"atomProperties.q"`. */
  readonly name: string;
  readonly key: string;
  readonly scope: "builtin" | "atom" | "molecule";
  readonly dtype: DType | "string" | "null";
  /** Shape of one molecule's value; `null` for the number of atoms and for extents that vary. `null` for tensors. */
  readonly shape: readonly (number | null)[] | null;
  readonly perAtom: boolean;
}

export interface AtpSchema {
  /** Element type of positions; `null` in a file without molecules. */
  readonly positions: PositionsDType | null;
  readonly fields: readonly AtpField[];
}

/** The schema of a file as its users see it. */
export function describeSchema(schema: Schema): AtpSchema {
  const fields: AtpField[] = [];
  for (const kind of [0, 1, 2] as const) {
    for (const entry of schema.entries(kind)) {
      // Fields of a later release have no place in the view.
      if (kind !== BUILTIN || builtinOf(entry.key) !== undefined) fields.push(describeField(entry));
    }
  }
  return { positions: schema.positionsDType, fields };
}

function describeField(entry: SchemaEntry): AtpField {
  const { layout, dtype } = TAGS[entry.tag]!;
  return {
    name: fieldName(entry),
    key: entry.key,
    scope: KIND_NAMES[entry.kind],
    dtype: dtype ?? (layout === "none" ? "null" : "string"),
    shape: shapeOfEntry(entry),
    perAtom: entry.perAtom,
  };
}

function shapeOfEntry(entry: SchemaEntry): (number | null)[] | null {
  const { layout, elemBytes } = TAGS[entry.tag]!;
  switch (layout) {
    case "tensor":
      return null;
    case "matrix3":
      return [3, 3];
    case "bool3":
      return [3];
    case "vector":
    case "vec3": {
      const extent = entry.perAtom ? null : entry.slotBytes / elemBytes;
      return layout === "vector" ? [extent] : [extent, 3];
    }
    default:
      return [];
  }
}
