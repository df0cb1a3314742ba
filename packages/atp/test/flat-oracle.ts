import { allocate, bytesOf, DTYPES, type DType, type NdArray, sizeOf } from "@stowage/core";
import type { AtpField, FlatBatch } from "../src/index.js";
import type { MoleculeSpec } from "./arbitrary-file.js";
import { bits } from "./equal-bits.js";

/** As in flat-batch.ts. */
const MAX_ABSENT_BYTES = 2 ** 28;

type FlatValue = NdArray | (string | null)[];

/**
 * What a flat read of these molecules has to give, put together one value at a time.
 *
 * @param fields  Of the file's schema.
 * @returns `null` where the values of a field have several shapes.
 */
export function flatOf(
  specs: readonly MoleculeSpec[],
  fields: readonly AtpField[],
  positions: DType,
): unknown {
  const nAtoms = Uint32Array.from(specs, ({ atomicNumbers }) => atomicNumbers.data.length);
  const batch = {
    nAtoms,
    positions: stack(
      specs.map((spec) => spec.positions),
      nAtoms,
      positions,
      [3],
    ),
    atomicNumbers: Uint8Array.from(specs.flatMap(({ atomicNumbers }) => [...atomicNumbers.data])),
    properties: {} as Record<string, FlatValue>,
    atomProperties: {} as Record<string, FlatValue>,
    missing: {} as Record<string, Uint8Array>,
  };
  for (const field of fields) {
    const values = specs.map((spec) => fieldOf(spec, field));
    const value = combine(values, field, nAtoms);
    if (value === "ragged") return null;
    if (value === null) continue;
    if (field.scope === "builtin") Object.assign(batch, { [field.key]: value });
    else put(field.scope === "atom" ? batch.atomProperties : batch.properties, field.key, value);
    if (values.includes(undefined)) {
      put(
        batch.missing,
        field.name,
        Uint8Array.from(values, (each) => (each === undefined ? 1 : 0)),
      );
    }
  }
  return bits(batch);
}

export function bitsOfFlat(batch: FlatBatch): unknown {
  return bits(batch);
}

function put<T>(target: Record<string, T>, key: string, value: T): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

function fieldOf(spec: MoleculeSpec, { scope, key }: AtpField): NdArray | string | null | undefined {
  const values: Readonly<Record<string, NdArray | string | null>> =
    scope === "builtin" ? spec.builtins : scope === "atom" ? spec.atom : spec.molecule;
  return Object.hasOwn(values, key) ? values[key] : undefined;
}

function combine(
  values: (NdArray | string | null | undefined)[],
  { dtype, shape, perAtom }: AtpField,
  nAtoms: Uint32Array,
): FlatValue | "ragged" | null {
  if (dtype === "string" || dtype === "null") return values.map((value) => (value ?? null) as string | null);
  const arrays = values as (NdArray | undefined)[];
  const shapes = new Set(
    arrays.flatMap((array) =>
      array === undefined ? [] : [JSON.stringify(array.shape.slice(perAtom ? 1 : 0))],
    ),
  );
  if (shapes.size > 1) return "ragged";
  const [found] = shapes;
  if (found === undefined && shape === null) return null; // nobody tells the shape of a tensor
  const item = found === undefined ? shape!.slice(perAtom ? 1 : 0) : (JSON.parse(found) as number[]);
  const rows = perAtom ? nAtoms : nAtoms.map(() => 1);
  const byteLength = rows.reduce((sum, n) => sum + n, 0) * sizeOf(item as number[]) * DTYPES[dtype].itemSize;
  if (found === undefined && byteLength > MAX_ABSENT_BYTES) return null; // a damaged schema: nobody has it
  return stack(arrays, rows, dtype, item as number[], perAtom);
}

function stack(
  arrays: (NdArray | undefined)[],
  rows: Uint32Array,
  dtype: DType,
  item: readonly number[],
  perAtom = true,
): NdArray {
  const total = perAtom ? rows.reduce((sum, count) => sum + count, 0) : arrays.length;
  const data = allocate(dtype, total * sizeOf(item));
  const bytes = bytesOf(data);
  const itemBytes = sizeOf(item) * DTYPES[dtype].itemSize;
  let at = 0;
  arrays.forEach((array, i) => {
    if (array !== undefined) bytes.set(bytesOf(array.data), at);
    at += rows[i]! * itemBytes;
  });
  return { dtype, shape: [total, ...item], data };
}
