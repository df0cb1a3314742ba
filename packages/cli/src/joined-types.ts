import {
  DTYPES,
  type DType,
  type DTypeInfo,
  getKey,
  isDType,
  type LossNote,
  type Row,
  type RowSchema,
  type RowStore,
  setKey,
} from "@stowage/core";
import { widen } from "./expected-row.js";

/** Datasets whose common keys have one type in all of them. */
export interface JoinedStores {
  readonly stores: readonly RowStore[];
  /** The keys whose numbers are given in a wider dtype than their dataset has. */
  readonly losses: readonly LossNote[];
}

/**
 * Gives every key the same numeric dtype in all datasets, so that a format with one type a key takes the rows of all:
 * integers become floats where another dataset has floats, the narrower of two becomes the wider. A number that the
 * wider dtype does not hold exactly stays as it is.
 */
export async function joinTypes(stores: readonly RowStore[]): Promise<JoinedStores> {
  const schemas = await Promise.all(stores.map((store) => store.schema()));
  const types = new Map<string, DType>();
  for (const key of new Set(schemas.flatMap((schema) => Object.keys(schema)))) {
    // Every store keeps atomic numbers in a dtype of its own.
    const dtype = key === "arrays.numbers" ? null : commonDType(dtypesOf(key, schemas));
    if (dtype !== null) types.set(key, dtype);
  }
  if (types.size === 0) return { stores, losses: [] };
  return {
    stores: stores.map((store) => widenedStore(store, types)),
    losses: [...types].flatMap(([key, dtype]) =>
      [...dtypesOf(key, schemas)]
        .filter((found) => found !== dtype)
        .map((found): LossNote => ({ key, kind: "widened", reason: `${found} kept as ${dtype}` })),
    ),
  };
}

/** The element types of a key; empty if it has anything but numbers in one of the datasets. */
function dtypesOf(key: string, schemas: readonly RowSchema[]): Set<DType> {
  const found = new Set<DType>();
  for (const schema of schemas) {
    const dtype = getKey(schema, key)?.dtype;
    if (dtype === undefined) continue;
    if (!isDType(dtype)) return new Set();
    found.add(dtype);
  }
  return found;
}

/** The dtype for several ones; `null` where there is only one, or none that holds all. */
function commonDType(dtypes: ReadonlySet<DType>): DType | null {
  if (dtypes.size < 2 || dtypes.has("float16")) return null;
  const kinds = new Set([...dtypes].map((dtype) => (DTYPES[dtype] as DTypeInfo).kind));
  if (kinds.has("b") || kinds.has("c")) return null;
  if (kinds.has("f")) return "float64";
  if (!dtypes.has("uint64")) return "int64";
  return kinds.has("i") ? null : "uint64";
}

function widenedStore(store: RowStore, types: ReadonlyMap<string, DType>): RowStore {
  const getMany = async (indices: ArrayLike<number>, keys?: readonly string[]): Promise<Row[]> =>
    (await store.getMany(indices, keys)).map((row) => widenedRow(row, types));
  return {
    name: store.name,
    backend: store.backend,
    capabilities: store.capabilities,
    warnings: store.warnings,
    count: () => store.count(),
    getMany,
    schema: async () => {
      const schema = { ...(await store.schema()) };
      for (const [key, dtype] of types) {
        const field = getKey(schema, key);
        if (field !== undefined) setKey(schema, key, { ...field, dtype });
      }
      return schema;
    },
    close: () => store.close(),
  };
}

function widenedRow(row: Row, types: ReadonlyMap<string, DType>): Row {
  const widened = { ...row };
  for (const [key, dtype] of types) {
    const value = getKey(row, key);
    if (value !== undefined) setKey(widened, key, widen(value, dtype));
  }
  return widened;
}
