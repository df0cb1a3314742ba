import { int64, ndarray, type ObjectIOSync, type Row, scalar, type Value } from "@stowage/core";

/** A change that every store of rows can make, and asebytes too. Positions are those at its time. */
export type RowOperation =
  | { do: "extend"; rows: (Row | null)[] }
  | { do: "insert" | "set"; at: number; row: Row | null }
  | { do: "update"; at: number; row: Row }
  | { do: "delete"; start: number; stop: number }
  | { do: "drop"; keys: string[]; start: number; stop: number }
  | { do: "reserve"; count: number }
  | { do: "clear" };

/** What a store is expected to hold: plain rows, those of reserved places without keys. */
export class RowModel {
  rows: Row[] = [];

  apply(operation: RowOperation): void {
    const { rows } = this;
    switch (operation.do) {
      case "extend":
        this.rows = [...rows, ...operation.rows.map((row) => ({ ...row }))];
        break;
      case "insert":
        rows.splice(operation.at, 0, { ...operation.row });
        break;
      case "set":
        rows[operation.at] = { ...operation.row };
        break;
      case "update":
        rows[operation.at] = { ...rows[operation.at], ...operation.row };
        break;
      case "delete":
        rows.splice(operation.start, operation.stop - operation.start);
        break;
      case "drop":
        for (const row of rows.slice(operation.start, operation.stop)) {
          for (const key of operation.keys) delete row[key];
        }
        break;
      case "reserve":
        this.rows = [...rows, ...Array.from({ length: operation.count }, () => ({}))];
        break;
      case "clear":
        this.rows = [];
    }
  }
}

/** Does with a dataset what the model does with its list. */
export function applyTo(db: ObjectIOSync, operation: RowOperation): void {
  switch (operation.do) {
    case "extend":
      db.extend(operation.rows);
      break;
    case "insert":
      db.insert(operation.at, operation.row);
      break;
    case "set":
      db.set(operation.at, operation.row);
      break;
    case "update":
      db.update(operation.at, operation.row);
      break;
    case "delete":
      if (operation.stop === operation.start + 1) db.delete(operation.start);
      else db.slice(operation.start, operation.stop).delete();
      break;
    case "drop":
      db.slice(operation.start, operation.stop).drop(operation.keys);
      break;
    case "reserve":
      db.reserve(operation.count);
      break;
    case "clear":
      db.clear();
  }
}

/** The next change of a dataset of so many rows, which stays around the block size of 1024. */
export function randomOperation(length: number, random: (bound: number) => number): RowOperation {
  const at = random(length + 1);
  const start = random(Math.max(1, length));
  const stop = Math.min(length, start + 1 + random(4));
  switch (length === 0 ? 0 : random(16)) {
    case 0:
      return { do: "extend", rows: rowsOf(random(3) === 0 ? random(900) : random(5), random) };
    case 1:
    case 2:
    case 3:
    case 4:
      return { do: "insert", at, row: randomRow(random) };
    case 5:
    case 6:
    case 7:
      return { do: "set", at: start, row: random(6) === 0 ? null : randomRow(random) };
    case 8:
    case 9:
    case 10:
      return { do: "update", at: start, row: randomRow(random) };
    case 11:
      return { do: "drop", keys: KEYS.filter(() => random(4) === 0), start, stop };
    case 12:
      return { do: "reserve", count: random(4) };
    case 13:
      return random(20) === 0
        ? { do: "clear" }
        : { do: "delete", start, stop: length > 2300 ? Math.min(length, start + 1100) : stop };
    default:
      return { do: "delete", start, stop: start + 1 };
  }
}

function rowsOf(count: number, random: (bound: number) => number): (Row | null)[] {
  // Long lists of small rows, and a few large ones.
  return Array.from({ length: count }, (_, i) =>
    count > 10 && i % 50 !== 0 ? { "info.n": int64(i) } : random(9) === 0 ? null : randomRow(random),
  );
}

/** A value of each type, always under the same keys; some values are long enough for pages of their own. */
const VALUES: Record<string, (random: (bound: number) => number) => Value> = {
  "arrays.positions": (random) => {
    const n = random(20) === 0 ? 300 : random(6);
    return ndarray(
      Float64Array.from({ length: 3 * n }, () => random(2000) / 7 - 100),
      [n, 3],
    );
  },
  "arrays.numbers": (random) => ndarray(BigInt64Array.of(BigInt(random(90)), 2n ** 60n), [2]),
  cell: () => ndarray(Float64Array.of(1, 0, 0, 0, -0, 0, 0, Number.NaN, 0.1), [3, 3]),
  pbc: (random) => ndarray(Uint8Array.of(random(2), 1, 0), [3], "bool"),
  "calc.energy": (random) => random(2 ** 30) / 3 - 1e8 / 7,
  "info.n": (random) => int64(random(1000) - 500),
  "info.f32": (random) => scalar(random(100) / 8, "float32"),
  "info.f16": (random) => ndarray(Uint16Array.of(random(65536), 0), [2], "float16"),
  "info.complex": (random) => ndarray(Float64Array.of(random(9), -0), [1], "complex128"),
  "info.flag": (random) => random(2) === 0,
  "info.text": (random) => "größe \0 \u{1f9ea} ".repeat(random(4)),
  "info.größe.": (random) => `${random(10)}`,
  "info.a-b/c d": () => [],
  ключ: (random) => ["a", random(2) === 0, null, random(100) - 50, 0.5, [{ b: random(9) }]],
  "12-info.n": (random) => ({ nested: { deep: [random(9)] }, none: null }),
};

export const KEYS: readonly string[] = Object.keys(VALUES);

function randomRow(random: (bound: number) => number): Row {
  const row: Row = {};
  for (const key of KEYS) if (random(3) === 0) row[key] = VALUES[key]!(random);
  return row;
}
