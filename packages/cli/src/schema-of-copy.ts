import type { RowSchema } from "@stowage/core";

/**
 * What is known of the rows that will be copied: all fields, or those that are kept. Counts of missing rows hold for
 * the whole source only, so a part of it goes without them.
 */
export function schemaOfCopy(schema: RowSchema, dropped: readonly string[], whole: boolean): RowSchema {
  const kept = Object.entries(schema).filter(([key]) => !dropped.includes(key));
  return Object.fromEntries(
    kept.map(([key, field]) => [key, whole ? field : { ...field, missing: undefined }]),
  );
}
