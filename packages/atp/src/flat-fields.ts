import { StowageError } from "@stowage/core";
import { fieldName } from "./field-name.js";
import type { Schema, SchemaEntry } from "./schema-block.js";
import { BUILTIN, builtinOf, type Kind, TAGS, type Tag } from "./tags.js";

/** A field that batches of a file are read for. */
export interface FlatField {
  readonly kind: Kind;
  readonly key: string;
  readonly keyBytes: Uint8Array;
  readonly name: string;
  readonly perAtom: boolean;
  readonly tag: Tag;
  /** Shape of one molecule's (or one atom's) value; `null` for tensors, whose records tell it, and for text. */
  readonly itemShape: readonly number[] | null;
}

/** What is read of a file. */
export interface FieldSelection {
  readonly fields: readonly FlatField[];
  /** Whether these are all that the file knows, so that a record can have no other. */
  readonly complete: boolean;
}

const encoder = new TextEncoder();

/**
 * The fields of a file that were asked for.
 *
 * @param wanted  Names of fields; `undefined` for all.
 * @throws {StowageError} ERR_OPTION for a name that the file does not know.
 */
export function selectFields(
  schema: Schema,
  wanted: readonly string[] | undefined,
  path: string,
): FieldSelection {
  const fields: FlatField[] = [];
  const unknown = new Set(wanted);
  for (const builtIn of ["positions", "atomicNumbers", "nAtoms"]) unknown.delete(builtIn);
  for (const kind of [0, 1, 2] as const) {
    for (const entry of schema.entries(kind)) {
      const isBuiltinKey = builtinOf(entry.key) !== undefined;
      if (kind === BUILTIN && !isBuiltinKey) continue; // a field of a later release
      const name = fieldName(entry);
      // A bare key stands for a property too, unless it is the name of a builtin.
      const names = isBuiltinKey ? [name] : [name, entry.key];
      if (wanted !== undefined && !names.some((each) => wanted.includes(each))) continue;
      for (const each of names) unknown.delete(each);
      fields.push(newField(entry, name));
    }
  }
  const [first] = unknown;
  if (first === undefined) return { fields, complete: wanted === undefined };
  throw new StowageError(
    "ERR_OPTION",
    `Cannot read field "${first}" of ${path}: the file has no such field`,
    { option: "fields", value: first },
    { hint: "db.schema lists the fields of the file" },
  );
}

function newField(entry: SchemaEntry, name: string): FlatField {
  const { kind, key, perAtom } = entry;
  const tag = TAGS[entry.tag]!;
  return { kind, key, keyBytes: encoder.encode(key), name, perAtom, tag, itemShape: itemShapeOf(entry, tag) };
}

function itemShapeOf({ perAtom, slotBytes }: SchemaEntry, tag: Tag): readonly number[] | null {
  switch (tag.layout) {
    case "matrix3":
      return [3, 3];
    case "bool3":
      return [3];
    case "scalar":
      return [];
    case "vector":
      return perAtom ? [] : [slotBytes / tag.elemBytes];
    case "vec3":
      return perAtom ? [3] : [slotBytes / tag.elemBytes, 3];
    default:
      return null;
  }
}
