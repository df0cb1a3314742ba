/**
 * Rows of ASE's databases, as those that keep them in JSON do (`.aselmdb`, `.json`): one object a row, whose names are
 * the attributes of an `AtomsRow`. `AtomsRow.toatoms` makes a structure of them as the reader of trajectories does, but
 * for the names of a few arrays.
 *
 * @see ase 3.29 `ase/db/row.py`, `ase/io/jsonio.py`
 */

import { isNdArray, type Row, StowageError, setKey } from "@stowage/core";
import { TextProblem } from "./errors.js";
import { type Json, parsePythonJson } from "./python-json.js";
import { arrayValue } from "./traj/ase-json.js";
import { EXTRA_ARRAYS, type Frame, parseFrame, parseHeader, RESULTS } from "./traj/traj-frame.js";
import { decodeText, isObject, type JsonObject, type UlmItem, type UlmValue } from "./traj/ulm-reader.js";

/** Where a row is, for messages. */
export interface DatabasePlace {
  readonly path: string;
  /** Its id in the database. */
  readonly id: number;
}

/**
 * Decodes a row of an ASE database from its JSON text.
 *
 * What `toatoms` makes a structure of keeps its name as in trajectories. `data` and `key_value_pairs` become
 * `info.<key>`; where both have a key, the pair is `info.key_value_pairs.<key>`. `info.unique_id` is the row's own. Who
 * wrote it, when, and with which calculator and parameters is left out.
 *
 * @param text  UTF-8.
 * @param keys  Only these. Default: all.
 * @throws {StowageError} ERR_ASE_ROW
 */
export function decodeDatabaseRow(text: Uint8Array, place: DatabasePlace, keys?: readonly string[]): Row {
  try {
    const json = parsePythonJson(decodeText(text));
    if (!isObject(json)) throw new TextProblem("a text that is no object", "the names of a row");
    const item = frameItem(json);
    return readFrame(parseFrame(item, parseHeader(item)), keys && new Set(keys));
  } catch (error) {
    if (!(error instanceof TextProblem)) throw error;
    const { path, id } = place;
    const { found, expected } = error;
    throw new StowageError(
      "ERR_ASE_ROW",
      `Cannot read the row with id ${id} of ${path}: found ${found}, expected ${expected}`,
      { path, id, found, expected },
      { hint: "read the other rows: only this one is affected" },
    );
  }
}

function readFrame(frame: Frame, wanted: ReadonlySet<string> | undefined): Row {
  const row: Row = {};
  for (const [key, value] of frame) {
    if (!("read" in value) || (wanted && !wanted.has(key))) continue;
    const read = value.read();
    // ASE takes an empty list for no constraints.
    if (key !== "constraints" || !Array.isArray(read) || read.length > 0) setKey(row, key, read);
  }
  return row;
}

/** The same under the names that a frame of a trajectory has. */
function frameItem(json: JsonObject): UlmItem {
  const item = new Map<string, UlmValue>();
  const add = (name: string, value: Json | undefined): void => {
    if (value !== undefined && value !== null) item.set(name, { json: value });
  };
  const own = (name: string): Json | undefined => (Object.hasOwn(json, name) ? json[name] : undefined);
  item.set("cell", { json: own("cell") ?? [0, 0, 0] });
  item.set("pbc", { json: flags(own("pbc") ?? false) });
  for (const name of ["numbers", "positions", "constraints"]) add(name, own(name));
  for (const { name, rowKey } of EXTRA_ARRAYS) add(name, own(rowKey.slice("arrays.".length)));
  item.set("info", { json: infoOf(own) });
  const results = RESULTS.map((name): [string, UlmValue] => [name, { json: own(name) ?? null }]);
  item.set("calculator", { child: new Map(results) });
  return item;
}

/** A frame has plain booleans. */
function flags(json: Json): Json {
  const value = isObject(json) ? arrayValue(json) : null;
  if (!isNdArray(value) || value.dtype !== "bool") return json;
  return Array.from(value.data as Uint8Array, (flag) => flag !== 0);
}

function infoOf(own: (name: string) => Json | undefined): JsonObject {
  const data = namesOf("data", own("data"));
  const info: JsonObject = {};
  const add = (name: string, value: Json): void => {
    Object.defineProperty(info, name, { value, enumerable: true, configurable: true, writable: true });
  };
  const id = own("unique_id");
  if (id !== undefined) add("unique_id", id);
  for (const [key, value] of Object.entries(namesOf("key_value_pairs", own("key_value_pairs")))) {
    add(Object.hasOwn(data, key) ? `key_value_pairs.${key}` : key, value);
  }
  for (const [key, value] of Object.entries(data)) add(key, value);
  return info;
}

/** Some writers of ASE keep these as a text of their own. */
function namesOf(name: string, json: Json | undefined): JsonObject {
  const value = typeof json === "string" ? parsePythonJson(json) : (json ?? {});
  if (!isObject(value) || Object.hasOwn(value, "__ndarray__"))
    throw new TextProblem(`${name} that is no object`, "keys and values");
  return value;
}
