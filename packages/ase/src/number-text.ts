import { DTYPES, float16ToNumber, type NdArray } from "@stowage/core";
import { Unwritable } from "./losses.js";
import { fitsInt64 } from "./numpy-array.js";
import { isNegativeNaN } from "./python-number.js";

/** The shortest text that reads back as the same float64, and not as an integer. */
export function floatText(value: number): string {
  if (Number.isInteger(value)) {
    if (Object.is(value, -0)) return "-0.0";
    return Math.abs(value) < 1e21 ? `${value}.0` : String(value); // from there on it has an exponent
  }
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

/** What kind of text the elements of an array become; `null` for complex numbers, which XYZ does not have. */
export function textKind({ dtype }: NdArray): "integer" | "float" | "logical" | null {
  switch (DTYPES[dtype].kind) {
    case "b":
      return "logical";
    case "f":
      return "float";
    case "c":
      return null;
    default:
      return "integer";
  }
}

/** Writes single elements of a float array. */
export function floatWriter(array: NdArray): (index: number) => string {
  const { data, dtype } = array;
  if (dtype === "float16") return (index) => floatText(float16ToNumber(Number(data[index])));
  if (data instanceof Float64Array) {
    return (index) => {
      const value = data[index]!;
      return Number.isNaN(value) && isNegativeNaN(data, index) ? "-nan" : floatText(value);
    };
  }
  return (index) => floatText(Number(data[index]));
}

/** The elements of an integer array as text. @throws {Unwritable} for integers beyond int64. */
export function integerTexts({ data, dtype }: NdArray): string[] {
  return Array.from<number | bigint, string>(data, (value) => {
    if (dtype === "uint64" && !fitsInt64(value as bigint)) throw new Unwritable(`${value} is beyond int64`);
    return String(value);
  });
}
