import { blobBytes } from "./blob-value.js";
import { PER_ATOM_RESULTS } from "./calculator.js";
import { isStowageError } from "./errors.js";
import { decodeRowValue } from "./msgpack/row-value.js";
import { type Field, fieldOf, mergeFields, type Row, type RowSchema, setKey, type Value } from "./row.js";

/**
 * The union of the fields of rows, with the number of rows that miss each. A key with two types in different rows is
 * `json`, which holds anything.
 */
export function schemaOfRows(rows: Iterable<Row>): RowSchema {
  const gathered = new GatheredSchema();
  for (const row of rows) gathered.add(row);
  return gathered.schema();
}

/**
 * The same of rows of bytes, by the values that they stand for. Bytes that are no value of a row, such as pickles, are
 * `json`: they are refused where they are read, and must not keep the types of all others from being known.
 */
export function schemaOfBlobs(rows: Iterable<Row>): RowSchema {
  const gathered = new GatheredSchema();
  for (const row of rows) gathered.addBlobs(row);
  return gathered.schema();
}

/** {@link schemaOfRows} for rows that come one after the other. */
export class GatheredSchema {
  readonly #fields = new Map<string, { field: Field; present: number }>();
  #count = 0;

  add(row: Row): void {
    this.#count++;
    for (const [key, value] of Object.entries(row)) this.#note(key, fieldOf(value, isPerAtomKey(key)));
  }

  /** A row of bytes; see {@link schemaOfBlobs}. */
  addBlobs(row: Row): void {
    this.#count++;
    for (const [key, value] of Object.entries(row)) this.#note(key, fieldOfBlob(key, value));
  }

  #note(key: string, field: Field): void {
    const known = this.#fields.get(key);
    if (known === undefined) this.#fields.set(key, { field, present: 1 });
    else {
      known.field = mergeFields(known.field, field) ?? { ...field, dtype: "json", shape: [] };
      known.present++;
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

function fieldOfBlob(key: string, value: Value): Field {
  try {
    return fieldOf(decodeRowValue(blobBytes(key, value)), isPerAtomKey(key));
  } catch (error) {
    if (isStowageError(error)) return { dtype: "json", shape: [], perAtom: isPerAtomKey(key) };
    throw error;
  }
}

/** Whether a row key holds one value an atom, as far as its name tells. */
export function isPerAtomKey(key: string): boolean {
  return key.startsWith("arrays.") || (key.startsWith("calc.") && PER_ATOM_RESULTS.has(key.slice(5)));
}
