import { isStowageError, StowageError } from "@stowage/core";
import type { Molecule } from "./molecule.js";
import { checkSection, type RecordView, type Section } from "./record.js";
import { admit, type PositionsDType, Schema } from "./schema-block.js";
import { BUILTIN, builtinOf } from "./tags.js";

/**
 * The schema of a file that has none written, as those of atompack 0.2: gathered from all its records.
 *
 * @throws {StowageError} ERR_ATP_SCHEMA where a key has several types: 0.2 allowed that. ERR_ATP_RECORD for damage.
 */
export function scanSchema(molecules: Iterable<Molecule>, positions: PositionsDType | null): Schema {
  const schema = new Schema();
  schema.positionsDType = positions;
  for (const molecule of molecules) {
    const record = molecule.record!; // none has been changed
    for (const section of record.sections) {
      // Of a builtin of a later release nothing is known.
      if (section.kind !== BUILTIN || builtinOf(section.key) !== undefined) take(schema, section, record);
    }
  }
  return schema;
}

function take(schema: Schema, section: Section, record: RecordView): void {
  const { nAtoms, bytes, path, index } = record;
  checkSection(section, nAtoms, bytes, record);
  try {
    admit(schema, section.kind, section.key, section.tag, section.byteLength, path);
  } catch (error) {
    if (!isStowageError(error, "ERR_ATP_SCHEMA")) throw error;
    const { key, expected, found } = error.details;
    throw new StowageError(
      "ERR_ATP_SCHEMA",
      `Cannot tell the schema of ${path}: "${key}" is ${found} in molecule ${index}, ${expected} before it`,
      error.details,
      { hint: "read molecule by molecule, with at() or getMany(), and write them to a new file" },
    );
  }
}
