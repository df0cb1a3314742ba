import { int64, ndarray, type Row } from "@stowage/core";

/**
 * A row that every backend keeps as it is: a structure with energy and forces, and a name and number of its own.
 *
 * @param i       Makes it differ from others.
 * @param nAtoms  Default: 1 to 4, by `i`.
 */
export function structureRow(i: number, nAtoms: number = (i % 4) + 1): Row {
  const coordinates = (scale: number): Float64Array =>
    Float64Array.from({ length: nAtoms * 3 }, (_, k) => ((k * 7 + i * 3) % 11) * scale);
  return {
    cell: ndarray(Float64Array.of(9.5 + i, 0, 0, 0.125, 8, 0, 0, 0, 7.25), [3, 3]),
    pbc: ndarray(Uint8Array.of(1, i % 2, 0), [3], "bool"),
    "arrays.numbers": ndarray(Uint8Array.from({ length: nAtoms }, (_, k) => ((k * 5 + i) % 30) + 1)),
    "arrays.positions": ndarray(coordinates(0.37), [nAtoms, 3]),
    "info.name": `structure ${i}`,
    "info.index": int64(i),
    "calc.energy": -1.5 * i - 0.1,
    "calc.forces": ndarray(coordinates(-0.013), [nAtoms, 3]),
  };
}

/** `count` rows, from the `start`-th on. */
export function structureRows(count: number, start = 0): Row[] {
  return Array.from({ length: count }, (_, i) => structureRow(start + i));
}

/** A row without some of its keys. */
export function without(row: Row, ...keys: readonly string[]): Row {
  return Object.fromEntries(Object.entries(row).filter(([key]) => !keys.includes(key)));
}

/** Rows whose keys differ. */
export function variedRows(): Row[] {
  return [
    structureRow(0),
    without(structureRow(1), "calc.energy", "calc.forces"),
    { ...structureRow(2), "info.note": "only here" },
    without(structureRow(3), "info.name"),
    { ...structureRow(4), "info.note": "and here", "info.weight": 0.25 },
    structureRow(5),
  ];
}
