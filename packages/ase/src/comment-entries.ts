import { type Field, fieldOf, isNdArray, type NdArray, type Value } from "@stowage/core";
import { isExact } from "./comment.js";
import { BOOL_SCALAR, type CommentKey, FLOAT_SCALAR, INT_SCALAR, TEXT, vectorField } from "./key-table.js";
import { copyFloats } from "./memory.js";
import { toFloatArray } from "./numpy-array.js";
import { asciiText } from "./text-block.js";

/** How the value of an entry is kept until somebody asks for it. */
export const Kind = {
  /** One element of `numbers`. */
  float: 0,
  int: 1,
  /** Several elements of `numbers`. */
  floats: 2,
  ints: 3,
  /** Nine, row by row. */
  floatMatrix: 4,
  intMatrix: 5,
  true: 6,
  false: 7,
  /** ASCII among the bytes of the comment. */
  text: 8,
  /** An element of `values`. */
  value: 9,
} as const;

export type Kind = (typeof Kind)[keyof typeof Kind];

const FLOAT_MATRIX: Field = { dtype: "float64", shape: [3, 3], perAtom: false };
const INT_MATRIX: Field = { dtype: "int64", shape: [3, 3], perAtom: false };

/**
 * The entries of one comment line.
 *
 * Indexing a file only asks for their types, so values are made when they are read. The lists are used again for
 * each comment.
 */
export class CommentEntries {
  count = 0;
  readonly keys: CommentKey[] = [];
  readonly kinds: Kind[] = [];
  /** Where the value is: in `numbers`, in the bytes of the comment, or in `values`. */
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  /** Integers of magnitude below 2^53 are kept here too. */
  numbers: Float64Array = new Float64Array(64);
  nNumbers = 0;
  readonly values: Value[] = [];

  clear(): void {
    this.count = 0;
    this.nNumbers = 0;
    this.values.length = 0;
  }

  add(key: CommentKey, kind: Kind, start: number, end: number): void {
    const entry = this.count++;
    this.keys[entry] = key;
    this.kinds[entry] = kind;
    this.starts[entry] = start;
    this.ends[entry] = end;
  }

  addValue(key: CommentKey, value: Value): void {
    this.add(key, Kind.value, this.values.length, this.values.length + 1);
    this.values.push(value);
  }

  pushNumber(number: number): void {
    if (this.nNumbers === this.numbers.length) {
      const larger = new Float64Array(2 * this.nNumbers);
      larger.set(this.numbers);
      this.numbers = larger;
    }
    this.numbers[this.nNumbers++] = number;
  }

  /** The type of an entry's value. */
  fieldOf(entry: number): Field {
    switch (this.kinds[entry]!) {
      case Kind.float:
        return FLOAT_SCALAR;
      case Kind.int:
        return INT_SCALAR;
      case Kind.floats:
        return vectorField("float64", this.ends[entry]! - this.starts[entry]!);
      case Kind.ints:
        return vectorField("int64", this.ends[entry]! - this.starts[entry]!);
      case Kind.floatMatrix:
        return FLOAT_MATRIX;
      case Kind.intMatrix:
        return INT_MATRIX;
      case Kind.true:
      case Kind.false:
        return BOOL_SCALAR;
      case Kind.text:
        return TEXT;
      default:
        return fieldOf(this.values[this.starts[entry]!]!);
    }
  }

  /** Whether an entry holds no integers that float64 would change. */
  isExact(entry: number): boolean {
    return this.kinds[entry] !== Kind.value || isExact(this.values[this.starts[entry]!]!);
  }

  /**
   * The value of an entry, as rows hold it.
   *
   * @param bytes   Those of the comment.
   * @param widens  Whether integers of this key read as float64.
   */
  valueOf(entry: number, bytes: Uint8Array, widens: boolean): Value {
    const start = this.starts[entry]!;
    const end = this.ends[entry]!;
    switch (this.kinds[entry]!) {
      case Kind.float:
        return this.numbers[start]!;
      case Kind.int:
        return this.#integer(this.numbers[start]!, widens);
      case Kind.floats:
        return { dtype: "float64", shape: [end - start], data: copyFloats(this.numbers, start, end) };
      case Kind.ints:
        return this.#integers([end - start], start, end, widens);
      case Kind.floatMatrix:
        return { dtype: "float64", shape: [3, 3], data: copyFloats(this.numbers, start, end) };
      case Kind.intMatrix:
        return this.#integers([3, 3], start, end, widens);
      case Kind.true:
        return true;
      case Kind.false:
        return false;
      case Kind.text:
        return asciiText(bytes, start, end);
      default: {
        const value = this.values[start]!;
        return widens && isNdArray(value) && value.dtype === "int64" ? toFloatArray(value) : value;
      }
    }
  }

  #integer(number: number, widens: boolean): Value {
    if (widens) return number;
    return { dtype: "int64", shape: [], data: BigInt64Array.of(BigInt(number)) };
  }

  #integers(shape: number[], start: number, end: number, widens: boolean): NdArray {
    const numbers = this.numbers.subarray(start, end);
    if (widens) return { dtype: "float64", shape, data: numbers.slice() };
    const data = new BigInt64Array(numbers.length);
    for (let i = 0; i < numbers.length; i++) data[i] = BigInt(numbers[i]!);
    return { dtype: "int64", shape, data };
  }
}
