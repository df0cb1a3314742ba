import { PER_ATOM_RESULTS } from "./calculator.js";
import { type Field, fieldOf, mergeFields, type Row, type RowSchema, setKey } from "./row.js";

/**
 * The union of the fields of rows, with the number of rows that miss each. A key with two types in different rows is
 * `json`, which holds anything.
 */
export function schemaOfRows(rows: Iterable<Row>): RowSchema {
  const gathered = new GatheredSchema();
  for (const row of rows) gathered.add(row);
  return gathered.schema();
}

/** {@link schemaOfRows} for rows that come one after the other. */
export class GatheredSchema {
  readonly #fields = new Map<string, { field: Field; present: number }>();
  #count = 0;

  add(row: Row): void {
    this.#count++;
    for (const [key, value] of Object.entries(row)) {
      const field = fieldOf(value, isPerAtomKey(key));
      const known = this.#fields.get(key);
      if (known === undefined) this.#fields.set(key, { field, present: 1 });
      else {
        known.field = mergeFields(known.field, field) ?? { ...field, dtype: "json", shape: [] };
        known.present++;
      }
    }
  }

  schema(): RowSchema {
    const schema: RowSchema = {};
    for (const [key, { field, present }] of this.#fields) {
      setKey(schema, key, { ...field, missing: this.#count - present });
    }
    return schema;
  }
}

/** Whether a row key holds one value an atom, as far as its name tells. */
export function isPerAtomKey(key: string): boolean {
  return key.startsWith("arrays.") || (key.startsWith("calc.") && PER_ATOM_RESULTS.has(key.slice(5)));
}
