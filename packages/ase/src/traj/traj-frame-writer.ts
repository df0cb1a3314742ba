import {
  DTYPES,
  describeValue,
  equalValues,
  isNdArray,
  type NdArray,
  ndarray,
  type Row,
  StowageError,
  type Value,
} from "@stowage/core";
import { refuseReservedPlace } from "../errors.js";
import { type LossLog, lossError, Unwritable } from "../losses.js";
import { nestedText } from "./ase-json-text.js";
import {
  asTarget,
  attemptConvert,
  calculatorEntry,
  constraintsOf,
  infoEntry,
  listText,
} from "./traj-entries.js";
import { EXTRA_ARRAYS, RESULTS } from "./traj-frame.js";
import { type EncodedItem, UlmItemWriter } from "./ulm-writer.js";

/** Older releases of ASE say that they may be too old when they cannot read a frame; the layout is that of this one. */
const ASE_VERSION = "3.29.0";

/** What a frame may take from the first one. */
export interface SharedValues {
  readonly pbc: Value;
  readonly numbers: Value;
  readonly masses: Value;
  readonly constraints: Value;
}

/** What is shared, of a row that was read. */
export function sharedValues(row: Row): SharedValues {
  return {
    pbc: row.pbc ?? null,
    numbers: row["arrays.numbers"] ?? null,
    masses: row["arrays.masses"] ?? null,
    constraints: row.constraints ?? null,
  };
}

export interface EncodedFrame {
  readonly item: EncodedItem;
  /** Given back for the frames that follow the first one. */
  readonly shared: SharedValues;
}

/**
 * A row as an item.
 *
 * @param byteOffset  Where in the file the item will be.
 * @param first       What the first frame of the file has, `null` for that frame itself.
 * @throws {StowageError} ERR_LOSS for values that the format cannot hold, ERR_ROW for rows that are no structures.
 */
export function encodeFrame(
  row: Row,
  byteOffset: number,
  first: SharedValues | null,
  losses: LossLog,
): EncodedFrame {
  refuseReservedPlace(row, "a trajectory frame");
  const item = new UlmItemWriter(byteOffset);
  const entries: string[] = [];
  const numbers = numbersOf(row);
  const nAtoms = numbers.shape[0]!;
  const positions = row["arrays.positions"] ?? ndarray(new Float64Array(nAtoms * 3), [nAtoms, 3]);
  const cell = row.cell ?? ndarray(new Float64Array(9), [3, 3]);
  const extras = extraArrays(row, nAtoms, losses);
  const constraints = constraintsOf(row, losses);
  const shared: SharedValues = {
    pbc: pbcOf(row),
    numbers,
    masses: extras.get("masses") ?? null,
    constraints: constraints?.value ?? null,
  };
  if (first === null) entries.push('"version": 1', `"ase_version": "${ASE_VERSION}"`);
  if (first === null || !sameHeader(first, shared)) {
    entries.push(`"pbc": ${flagsText(shared.pbc)}`, `"numbers.": ${item.array(numbers)}`);
    if (constraints) entries.push(`"constraints": ${JSON.stringify(constraints.text)}`);
    const masses = extras.get("masses");
    if (masses) entries.push(`"masses.": ${item.array(masses)}`);
  }
  entries.push(`"positions.": ${item.array(structural("arrays.positions", positions, [nAtoms, 3], losses))}`);
  entries.push(`"cell": ${listText(structural("cell", cell, [3, 3], losses))}`);
  for (const { name } of EXTRA_ARRAYS) {
    const array = name === "masses" ? undefined : extras.get(name);
    if (array) entries.push(`"${name}.": ${item.array(array)}`);
  }
  entries.push(...calculatorEntry(row, item, losses), ...infoEntry(row, losses));
  checkKeys(row, losses);
  return { item: item.finish(`{${entries.join(", ")}}`), shared };
}

function sameHeader(a: SharedValues, b: SharedValues): boolean {
  const { pbc, numbers, masses, constraints } = a;
  return (
    equalValues(pbc, b.pbc) &&
    equalValues(numbers, b.numbers) &&
    equalValues(masses, b.masses) &&
    equalValues(constraints, b.constraints)
  );
}

function numbersOf(row: Row): NdArray {
  const { "arrays.numbers": numbers, "arrays.positions": positions } = row;
  if (numbers === undefined) {
    const nAtoms = isNdArray(positions) ? (positions.shape[0] ?? 0) : 0;
    return ndarray(new BigInt64Array(nAtoms));
  }
  if (!isNdArray(numbers) || numbers.shape.length !== 1 || !"iu".includes(DTYPES[numbers.dtype].kind)) {
    throw noStructure("arrays.numbers", numbers, "integers of shape (nAtoms,)");
  }
  // A note would come with every frame: structures in memory have them as uint8, ASE has them as int64.
  try {
    return attemptConvert("arrays.numbers", numbers, "int64");
  } catch (error) {
    throw error instanceof Unwritable ? lossError("arrays.numbers", error, "a trajectory") : error;
  }
}

/** Positions and cell, without which there is no structure. */
function structural(key: string, value: Value, shape: readonly number[], losses: LossLog): NdArray {
  const fits =
    isNdArray(value) && String(value.shape) === String(shape) && "fiu".includes(DTYPES[value.dtype].kind);
  if (!fits) throw noStructure(key, value, `numbers of shape (${shape.join(", ")})`);
  return asTarget(key, value, "float64", losses);
}

function pbcOf(row: Row): NdArray {
  const value = row.pbc ?? [false, false, false];
  if (isNdArray(value) && String(value.shape) === "3" && value.dtype === "bool") return value;
  if (Array.isArray(value) && value.length === 3 && value.every((flag) => typeof flag === "boolean"))
    return ndarray(Uint8Array.from(value, Number), [3], "bool");
  throw noStructure("pbc", value, "three booleans");
}

function flagsText(pbc: Value): string {
  return nestedText(Array.from((pbc as NdArray<"bool">).data, Boolean), () => undefined);
}

function extraArrays(row: Row, nAtoms: number, losses: LossLog): Map<string, NdArray> {
  const arrays = new Map<string, NdArray>();
  for (const { name, rowKey, target, inner } of EXTRA_ARRAYS) {
    const value = row[rowKey];
    if (value === undefined) continue;
    const array = losses.attempt(rowKey, () => {
      const fits =
        isNdArray(value) &&
        value.shape.length > 0 &&
        value.shape[0] === nAtoms &&
        (inner === null || String(value.shape.slice(1)) === String(inner));
      if (!fits) {
        throw new Unwritable(`ASE has ${name} of ${inner?.length ? "3 numbers" : "a number"} an atom there`);
      }
      return asTarget(rowKey, value, target, losses);
    });
    if (array) arrays.set(name, array);
  }
  return arrays;
}

const STRUCTURE: ReadonlySet<string> = new Set(["cell", "pbc", "constraints"]);
const ARRAYS: ReadonlySet<string> = new Set([
  "arrays.numbers",
  "arrays.positions",
  ...EXTRA_ARRAYS.map(({ rowKey }) => rowKey),
]);

/** What is left: keys that no frame of ASE has. */
function checkKeys(row: Row, losses: LossLog): void {
  for (const key of Object.keys(row)) {
    if (STRUCTURE.has(key) || ARRAYS.has(key) || key.startsWith("info.")) continue;
    if (key.startsWith("calc.") && RESULTS.includes(key.slice(5))) continue;
    losses.attempt(key, () => {
      if (key.startsWith("arrays.")) throw new Unwritable("ASE writes no such array into a trajectory");
      if (key.startsWith("calc.")) throw new Unwritable("ASE knows no such result");
      throw new StowageError(
        "ERR_ROW",
        `Cannot write the key "${key}": expected arrays., info. or calc., or cell, pbc, constraints`,
        { key },
      );
    });
  }
}

function noStructure(key: string, value: Value, expected: string): StowageError<"ERR_ROW"> {
  return new StowageError(
    "ERR_ROW",
    `Cannot write a trajectory frame: "${key}" is ${describeValue(value)}, expected ${expected}`,
    { key },
  );
}
