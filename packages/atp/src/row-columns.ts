import {
  type Column,
  columnFromValues,
  getKey,
  isNdArray,
  type NdArray,
  type RowSchema,
  sizeOf,
  type Value,
} from "@stowage/core";
import type { AtpFile } from "./atp-file.js";
import type { FlatBatch } from "./flat-batch.js";
import { moleculeToRow, ROW_KEYS_OF_FIELDS, rowKeyOf } from "./molecule-row.js";
import type { AtpField } from "./schema-view.js";
import type { BuiltinKey } from "./tags.js";

/** The fields of a file under their row keys; none as long as it has no rows. */
export function rowSchema(db: AtpFile): RowSchema {
  if (db.length === 0) return {};
  const { positions, fields } = db.schema;
  const builtins = new Set(fields.filter(({ scope }) => scope === "builtin").map(({ key }) => key));
  const schema: RowSchema = {
    cell: { dtype: "float64", shape: [3, 3], perAtom: false },
    pbc: { dtype: "bool", shape: [3], perAtom: false },
    "arrays.numbers": { dtype: "uint8", shape: [null], perAtom: true },
    "arrays.positions": { dtype: positions ?? "float32", shape: [null, 3], perAtom: true },
  };
  for (const { scope, key, dtype, shape, perAtom } of fields) {
    const rowKey = scope === "builtin" ? builtinRowKey(key) : rowKeyOf(scope, key, builtins);
    // The rank of a tensor is not in the schema; one unknown extent stands for it.
    schema[rowKey] = { dtype, shape: shape ?? [null], perAtom };
  }
  return schema;
}

/** One column: by a flat read of one field where that field alone is the column, else molecule by molecule. */
export function readColumn(db: AtpFile, key: string, indices: ArrayLike<number>): Column {
  const field = columnField(db.schema.fields, key);
  // No rows have no type, as no values have.
  if (field !== undefined && indices.length > 0) {
    const batch = db.flat(indices, { fields: [field.name] });
    const values = fieldValues(batch, field);
    const missing = batch.missing[field.name] ?? null;
    if (isNdArray(values) && field.perAtom) {
      return columnFromValues(key, splitByAtoms(values, batch.nAtoms, missing));
    }
    // Where no molecule has the field there is no type to report.
    if (values !== undefined && (missing === null || missing.includes(0))) return { key, values, missing };
  }
  const rows = db
    .getMany(indices)
    .map((molecule) => moleculeToRow(molecule, (candidate) => candidate === key));
  return columnFromValues(
    key,
    rows.map((row): Value | undefined => getKey(row, key)),
  );
}

/** The field whose values are the column in every molecule; `undefined` if it depends on the molecule. */
function columnField(fields: readonly AtpField[], key: string): AtpField | undefined {
  const candidates = fields.filter((field) => possibleRowKeys(field).includes(key));
  const [field] = candidates;
  // A cell or pbc that is absent reads as zeros in rows, and tensors may differ in shape.
  if (
    field === undefined ||
    candidates.length > 1 ||
    field.shape === null ||
    key === "cell" ||
    key === "pbc"
  ) {
    return undefined;
  }
  return possibleRowKeys(field).length === 1 ? field : undefined;
}

function possibleRowKeys({ scope, key }: AtpField): string[] {
  if (scope === "builtin") return [builtinRowKey(key)];
  const alone = rowKeyOf(scope, key, new Set());
  const besideBuiltin = rowKeyOf(scope, key, new Set([key]));
  return ROW_KEYS_OF_FIELDS.get(key as BuiltinKey) === alone ? [alone, besideBuiltin] : [alone];
}

/** cell and pbc have the same name in rows. */
function builtinRowKey(key: string): string {
  return ROW_KEYS_OF_FIELDS.get(key as BuiltinKey) ?? key;
}

function fieldValues(batch: FlatBatch, { scope, key }: AtpField): Column["values"] | undefined {
  if (scope === "atom") return batch.atomProperties[key];
  return scope === "molecule" ? batch.properties[key] : batch[key as BuiltinKey];
}

/** One array a molecule from an array joined over all atoms. */
function splitByAtoms(
  values: NdArray,
  nAtoms: Uint32Array,
  missing: Uint8Array | null,
): (NdArray | undefined)[] {
  const { dtype, data, shape } = values;
  const step = sizeOf(shape.slice(1));
  let first = 0;
  return Array.from(nAtoms, (count, i) => {
    const part = data.subarray(first * step, (first + count) * step);
    first += count;
    return missing?.[i] ? undefined : { dtype, shape: [count, ...shape.slice(1)], data: part };
  });
}
