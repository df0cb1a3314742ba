import {
  type Field,
  fieldOf,
  mergeFields,
  PER_STRUCTURE_RESULTS,
  type RowSchema,
  setKey,
} from "@stowage/core";
import { isTextKey, MATRIX_KEYS } from "./comment.js";
import { RAW_RESULTS } from "./properties.js";

/** What ASE does with the value of a comment key. */
export type KeyRole =
  /** The cell, the boundary conditions, the columns: not values of their own. */
  | "lattice"
  | "pbc"
  | "properties"
  /** A result of the calculator, as it is; as floats; as a Voigt vector. */
  | "result"
  | "floatResult"
  | "stress"
  /** A 3×3 matrix, listed column by column. */
  | "matrix"
  /** Anything else goes to `info`. */
  | "info";

/** A key of comment lines, with what was seen of its values. */
export class CommentKey {
  readonly name: string;
  /** UTF-8, to recognise the key without decoding it. */
  readonly bytes: Uint8Array;
  readonly role: KeyRole;
  /** Whether values stay text whatever they look like. */
  readonly isText: boolean;
  /** Whether values go to `calc`. */
  readonly isResult: boolean;
  /** Whether the value must be nine numbers. */
  readonly isMatrix: boolean;
  readonly values: ValueTypes;

  constructor(name: string, bytes: Uint8Array, role: KeyRole, values: ValueTypes) {
    this.name = name;
    this.bytes = bytes;
    this.isText = isTextKey(name);
    this.isResult = PER_STRUCTURE_RESULTS.has(name);
    this.isMatrix = MATRIX_KEYS.has(name);
    this.role = role;
    this.values = values;
  }
}

export const FLOAT_SCALAR: Field = fieldOf(0);
export const INT_SCALAR: Field = { dtype: "int64", shape: [], perAtom: false };
export const BOOL_SCALAR: Field = fieldOf(false);
export const TEXT: Field = fieldOf("");
export const JSON_FIELD: Field = fieldOf({});

/**
 * The types that one row key has over a file.
 *
 * A key that is integral in some frames and fractional in others would be of two types by the letter of the format;
 * it is float64 in all of them, unless an integer beyond 2^53 would change.
 */
export class ValueTypes {
  readonly rowKey: string;
  /** Frames that have the key. */
  present = 0;
  /** Whether any frame has it outside the comment. */
  inAtomLines: boolean;
  /** Number of the comment that had the key last: tells repetitions. */
  lastSeen = -1;
  readonly #order: ValueTypes[];
  #ints: Field | null = null;
  #floats: Field | null = null;
  #others: Field | null = null;
  #exact = true;

  /** @param order  Where to enter itself when the first frame has the key. */
  constructor(rowKey: string, order: ValueTypes[]) {
    this.rowKey = rowKey;
    this.inAtomLines = rowKey.startsWith("arrays.") || rowKey === "constraints";
    this.#order = order;
  }

  get hasIntegers(): boolean {
    return this.#ints !== null;
  }

  get hasFloats(): boolean {
    return this.#floats !== null;
  }

  /** Whether integers of this key read as float64. */
  get widens(): boolean {
    return this.#ints !== null && this.#floats !== null && this.#exact;
  }

  /** Takes notice of one value. @param exact  False for integers that float64 does not hold. */
  add(field: Field, exact = true): void {
    if (this.present++ === 0) this.#order.push(this);
    if (field === this.#floats || field === this.#ints || field === this.#others) return;
    if (field.dtype === "float64") this.#floats = merge(this.#floats, field);
    else if (field.dtype === "int64" || field.dtype === "int32") this.#ints = merge(this.#ints, field);
    else this.#others = merge(this.#others, field);
    this.#exact &&= exact;
  }

  /** The field of all values seen. */
  field(): Field {
    const ints = this.widens ? { ...this.#ints!, dtype: "float64" as const } : this.#ints;
    const seen = [ints, this.#floats, this.#others].filter((field) => field !== null);
    return seen.length === 0 ? JSON_FIELD : seen.reduce(merge);
  }

  /** @see restoreTypes */
  snapshot(): TypeSnapshot {
    return {
      present: this.present,
      inAtomLines: this.inAtomLines,
      ints: this.#ints,
      floats: this.#floats,
      others: this.#others,
      exact: this.#exact,
    };
  }

  restore(snapshot: TypeSnapshot): void {
    this.inAtomLines = snapshot.inAtomLines;
    if (this.present === 0) this.#order.push(this);
    this.present = snapshot.present;
    this.#ints = snapshot.ints;
    this.#floats = snapshot.floats;
    this.#others = snapshot.others;
    this.#exact = snapshot.exact;
  }
}

/** The state of {@link ValueTypes}, for an index file. */
export interface TypeSnapshot {
  present: number;
  inAtomLines: boolean;
  ints: Field | null;
  floats: Field | null;
  others: Field | null;
  exact: boolean;
}

function merge(a: Field | null, b: Field): Field {
  return a === null ? b : (mergeFields(a, b) ?? { ...JSON_FIELD, perAtom: a.perAtom });
}

/** The keys of one file: found in comments by their bytes, and in rows by name. */
export class KeyTable {
  readonly #comment = new Map<string, CommentKey>();
  readonly #types = new Map<string, ValueTypes>();
  /** The keys that some frame has, in the order in which they were first seen. */
  readonly present: ValueTypes[] = [];
  readonly #encoder = new TextEncoder();
  #serial = 0;

  /** Numbers the comments that are read with these keys, whoever reads them. */
  nextSerial(): number {
    return ++this.#serial;
  }

  commentKey(name: string): CommentKey {
    const known = this.#comment.get(name);
    if (known !== undefined) return known;
    const role = roleOf(name);
    const key = new CommentKey(name, this.#encoder.encode(name), role, this.typesOf(rowKeyOf(name, role)));
    this.#comment.set(name, key);
    return key;
  }

  typesOf(rowKey: string): ValueTypes {
    let types = this.#types.get(rowKey);
    if (types === undefined) {
      types = new ValueTypes(rowKey, this.present);
      this.#types.set(rowKey, types);
    }
    return types;
  }

  schema(nFrames: number): RowSchema {
    const schema: RowSchema = {};
    for (const types of this.present) {
      setKey(schema, types.rowKey, { ...types.field(), missing: nFrames - types.present });
    }
    return schema;
  }
}

function roleOf(name: string): KeyRole {
  switch (name) {
    case "Lattice":
      return "lattice";
    case "pbc":
      return "pbc";
    case "Properties":
      return "properties";
    case "stress":
      return "stress";
    default:
      if (PER_STRUCTURE_RESULTS.has(name)) return RAW_RESULTS.has(name) ? "result" : "floatResult";
      return MATRIX_KEYS.has(name) ? "matrix" : "info";
  }
}

function rowKeyOf(name: string, role: KeyRole): string {
  if (role === "lattice") return "cell";
  if (role === "pbc") return "pbc";
  return `${PER_STRUCTURE_RESULTS.has(name) ? "calc" : "info"}.${name}`;
}

const vectors: Record<"float64" | "int64", Field[]> = { float64: [], int64: [] };

/** The field of a vector; the same object each time, for short ones, so that a comparison recognises it. */
export function vectorField(dtype: "float64" | "int64", length: number): Field {
  const known = vectors[dtype][length];
  if (known !== undefined) return known;
  const field: Field = { dtype, shape: [length], perAtom: false };
  if (length < 64) vectors[dtype][length] = field;
  return field;
}
