import { DTYPES, type DType, isDType } from "../dtype.js";
import { exactScalar } from "../exact-scalar.js";
import { isNdArray } from "../nd-array.js";
import type { Row, RowSchema, Value } from "../row.js";

/** The element types that numeric scalars have in a store: a plain number that is written takes that of its key. */
export class KnownTypes {
  readonly #types = new Map<string, DType>();

  constructor(schema: RowSchema) {
    for (const [key, { dtype, shape }] of Object.entries(schema)) {
      if (shape.length === 0 && isDType(dtype)) this.#note(key, dtype);
    }
  }

  get(key: string): DType | undefined {
    return this.#types.get(key);
  }

  /** A value as rows hold it: plain numbers and booleans stand for float64 and bool, other scalars are arrays. */
  exact(key: string, value: Value): Value {
    return exactScalar(key, value, this.#types.get(key));
  }

  /** Takes up the types of new keys. */
  note(row: Row): void {
    for (const key in row) {
      const value = row[key]!;
      if (typeof value === "number") this.#note(key, "float64");
      else if (isNdArray(value) && value.shape.length === 0) this.#note(key, value.dtype);
    }
  }

  #note(key: string, dtype: DType): void {
    if ("iuf".includes(DTYPES[dtype].kind) && !this.#types.has(key)) this.#types.set(key, dtype);
  }
}
