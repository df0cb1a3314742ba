import { type Column, type Field, isNdArray, type NdArray, type Value } from "@stowage/core";
import { isReal, NumberStatistics, type NumberSummary } from "./number-statistics.js";
import { TextStatistics, type TextSummary } from "./text-statistics.js";

/** What is known of the values under one key, over a whole dataset. */
export interface KeyStatistics {
  readonly key: string;
  readonly dtype: Field["dtype"];
  readonly shape: Field["shape"];
  readonly scope: "atom" | "structure";
  /** Rows with a value. */
  readonly rows: number;
  /** Rows without the key, or with null. */
  readonly missing: number;
  /** Every number under the key: arrays count element by element. `null` where there is none. */
  readonly numbers: NumberSummary | null;
  /** Every text, lists of texts one by one; `null` where there is none. */
  readonly texts: TextSummary | null;
  /** Values that are only counted: complex arrays, lists and objects. */
  readonly others: number;
}

/** Gathers {@link KeyStatistics} in one pass. */
export class KeyStatisticsBuilder {
  #rows = 0;
  #missing = 0;
  #others = 0;
  #numbers: NumberStatistics | null = null;
  #texts: TextStatistics | null = null;
  readonly #key: string;
  readonly #field: Field;

  constructor(key: string, field: Field) {
    this.#key = key;
    this.#field = field;
  }

  /** The value of one row, `undefined` where it has no such key. */
  addRow(value: Value | undefined): void {
    if (value === undefined || value === null) {
      this.#missing++;
      return;
    }
    this.#rows++;
    this.#addValue(value);
  }

  /** The values of many rows. */
  addColumn({ values, missing }: Column, rows: number): void {
    for (let row = 0; row < rows; row++) {
      if (missing?.[row] === 1) this.#missing++;
      else if (isNdArray(values)) this.#addElements(values, row, rows);
      else this.addRow(values[row]);
    }
  }

  #addElements(column: NdArray, row: number, rows: number): void {
    this.#rows++;
    if (isReal(column)) {
      const step = column.data.length / rows;
      this.#numbers ??= new NumberStatistics();
      this.#numbers.addElements(column, row * step, (row + 1) * step);
    } else this.#others++;
  }

  #addValue(value: Value): void {
    if (isNumeric(value)) {
      this.#numbers ??= new NumberStatistics();
      if (isNdArray(value)) this.#numbers.addElements(value);
      else this.#numbers.add(typeof value === "boolean" ? Number(value) : value);
    } else if (typeof value === "string" || isTextList(value)) {
      this.#texts ??= new TextStatistics();
      for (const text of typeof value === "string" ? [value] : value) this.#texts.add(text);
    } else this.#others++;
  }

  finish(maxBins: number): KeyStatistics {
    const { dtype, shape, perAtom } = this.#field;
    return {
      key: this.#key,
      dtype,
      shape,
      scope: perAtom ? "atom" : "structure",
      rows: this.#rows,
      missing: this.#missing,
      numbers: this.#numbers?.finish(maxBins) ?? null,
      texts: this.#texts?.finish() ?? null,
      others: this.#others,
    };
  }
}

function isNumeric(value: Value): value is number | bigint | boolean | NdArray {
  if (isNdArray(value)) return isReal(value);
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean";
}

function isTextList(value: Value): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string");
}
