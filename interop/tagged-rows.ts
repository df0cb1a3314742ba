import { bytesOf, elementAt, isNdArray, type Row, type Value } from "@stowage/core";

/** A value with its type, as ase_traj.py describes it; constraints are plain JSON text. */
export type TaggedRow = [string, unknown][];

export function tagRow(row: Row): TaggedRow {
  return Object.entries(row).map(([key, value]) => [
    key,
    key === "constraints" ? JSON.stringify(plain(value)) : tag(value),
  ]);
}

/** As ASE's objects say it: without the types of numbers. */
function plain(value: Value): unknown {
  if (isNdArray(value)) {
    const nest = (shape: readonly number[], start: number): unknown => {
      if (shape.length === 0) return elementAt(value, start);
      const [extent, ...inner] = shape;
      const step = inner.reduce((size, next) => size * next, 1);
      return Array.from({ length: extent! }, (_, i) => nest(inner, start + i * step));
    };
    return nest(value.shape, 0);
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

function tag(value: Value, nested = false): unknown[] {
  if (isNdArray(value)) {
    const hex = Buffer.from(bytesOf(value.data)).toString("hex");
    if (value.shape.length === 0 && value.dtype === "bool") return ["bool", hex === "01"];
    if (value.shape.length === 0 && value.dtype === "int64") return ["int", String(value.data[0])];
    if (value.shape.length === 0 && value.dtype === "float64") return ["float", hex];
    return ["array", value.dtype, [...value.shape], hex];
  }
  if (value === null) return ["null"];
  if (Array.isArray(value)) return ["list", value.map((item) => tag(item, true))];
  switch (typeof value) {
    case "boolean":
      return ["bool", value];
    case "string":
      return ["str", value];
    case "bigint":
      return ["int", String(value)];
    case "number":
      if (nested && Number.isSafeInteger(value) && !Object.is(value, -0)) return ["int", String(value)];
      return ["float", Buffer.from(Float64Array.of(value).buffer).toString("hex")];
    default:
      return ["dict", Object.entries(value).map(([key, item]) => [key, tag(item, true)])];
  }
}

/** Without the order of keys: JavaScript has those that look like integers first. Constraints compare as JSON. */
export function comparable(rows: TaggedRow[]): TaggedRow[] {
  const sorted = (value: unknown): unknown => {
    if (!Array.isArray(value)) return value;
    if (value[0] === "dict") {
      const entries = (value[1] as [string, unknown][]).map(([key, item]) => [key, sorted(item)]);
      return ["dict", Object.fromEntries(entries)];
    }
    return value.map(sorted);
  };
  const one = ([key, value]: [string, unknown]): [string, unknown] => [
    key,
    key === "constraints" ? JSON.parse(value as string) : sorted(value),
  ];
  return rows.map((row) => row.map(one).sort(([a], [b]) => (a < b ? -1 : 1)));
}
