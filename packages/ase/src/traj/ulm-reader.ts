import { quote } from "@stowage/core";
import type { ByteTask } from "../byte-requests.js";
import { TextProblem } from "../errors.js";
import { type Json, parsePythonJson } from "../python-json.js";
import { trajFormatError } from "./traj-errors.js";
import { type ArrayBounds, parseArrayReference, type UlmArray } from "./ulm-array.js";
import {
  COUNT_OFFSET,
  HEADER_BYTES,
  latin1,
  looksLikeTraj,
  TABLE_OFFSET,
  ULM_VERSION,
  VERSION_OFFSET,
} from "./ulm-layout.js";

/** Where the items of a file are. */
export interface UlmDirectory {
  readonly path: string;
  readonly version: number;
  /** Where the table of offsets is. */
  tableOffset: number;
  byteLength: number;
  /** Ascending; a file that was cut has offsets beyond its end. */
  readonly offsets: number[];
}

/** What an item holds under one name. */
export type UlmValue = { json: Json } | { array: UlmArray } | { child: UlmItem };
export type UlmItem = ReadonlyMap<string, UlmValue>;

const TABLE_BLOCK = 1 << 20;
/** Most texts are shorter: one read finds their length and the text itself. */
const FIRST_READ = 2048;
const MAX_TEXT_BYTES = 2 ** 28;

/** Reads the header and the table of offsets. @throws {StowageError} ERR_TRAJ_FORMAT */
export function* readDirectory(path: string, byteLength: number): ByteTask<UlmDirectory> {
  if (byteLength < HEADER_BYTES) {
    throw trajFormatError(path, `${byteLength} bytes`, `a header of ${HEADER_BYTES}`);
  }
  const header = yield { byteOffset: 0, byteLength: HEADER_BYTES };
  if (!looksLikeTraj(header)) {
    throw trajFormatError(path, quote(latin1(header.subarray(0, 24))), 'the mark "- of UlmASE-Trajectory"');
  }
  const view = viewOf(header);
  const version = Number(view.getBigInt64(VERSION_OFFSET, true));
  if (!(version >= 1 && version <= ULM_VERSION)) {
    throw trajFormatError(path, `version ${version}`, `a version from 1 to ${ULM_VERSION}`);
  }
  const nItems = Number(view.getBigInt64(COUNT_OFFSET, true));
  const tableOffset = Number(view.getBigInt64(TABLE_OFFSET, true));
  const fits = nItems >= 0 && tableOffset >= HEADER_BYTES && tableOffset + nItems * 8 <= byteLength;
  if (!fits) {
    throw trajFormatError(
      path,
      `a table of ${nItems} frames at byte ${tableOffset}`,
      `one within the ${byteLength} bytes of the file`,
      "the file was cut: fetch it again",
    );
  }
  const offsets: number[] = [];
  for (let from = 0; from < nItems * 8; from += TABLE_BLOCK) {
    const length = Math.min(TABLE_BLOCK, nItems * 8 - from);
    const block = viewOf(yield { byteOffset: tableOffset + from, byteLength: length });
    for (let at = 0; at < length; at += 8) offsets.push(Number(block.getBigInt64(at, true)));
  }
  checkAscending(path, offsets);
  return { path, version, tableOffset, byteLength, offsets };
}

/** Items are written one behind the other; two at one place would let a short file hold any amount of data. */
function checkAscending(path: string, offsets: readonly number[]): void {
  let before = HEADER_BYTES - 1;
  offsets.forEach((offset, i) => {
    if (!(offset > before)) {
      throw trajFormatError(path, `frame ${i} at byte ${offset}`, `a place behind byte ${before}`);
    }
    before = offset;
  });
}

/** Reads the text of an item. @throws {TextProblem} */
export function* readItem(directory: UlmDirectory, index: number): ByteTask<UlmItem> {
  const byteOffset = directory.offsets[index]!;
  const room = directory.byteLength - byteOffset - 8;
  if (room < 0) {
    throw new TextProblem(`the end of the file at ${directory.byteLength}`, "a frame: the file was cut");
  }
  const first = yield { byteOffset, byteLength: Math.min(FIRST_READ, room + 8) };
  const length = Number(viewOf(first).getBigInt64(0, true));
  if (!(length >= 0 && length <= Math.min(room, MAX_TEXT_BYTES))) {
    throw new TextProblem(`a text of ${length} bytes`, `at most ${Math.min(room, MAX_TEXT_BYTES)}`);
  }
  const isWhole = length + 8 <= first.length;
  const bytes = isWhole
    ? first.subarray(8, 8 + length)
    : yield { byteOffset: byteOffset + 8, byteLength: length };
  const json = parsePythonJson(decodeText(bytes));
  if (!isObject(json)) throw new TextProblem("a text that is no object", "the names of a frame");
  const bigEndian = Object.hasOwn(json, "_little_endian") && json._little_endian === false;
  const start = index > 0 ? directory.offsets[index - 1]! : HEADER_BYTES;
  return parseItem(json, bigEndian, { start, end: byteOffset }, 0);
}

/** Items inside items; ASE has one level, for the calculator. */
const MAX_CHILDREN = 8;

function parseItem(json: JsonObject, bigEndian: boolean, bounds: ArrayBounds, depth: number): UlmItem {
  if (depth > MAX_CHILDREN) throw new TextProblem("items inside items", `at most ${MAX_CHILDREN} levels`);
  const item = new Map<string, UlmValue>();
  for (const [key, value] of Object.entries(json)) {
    if (key === "_little_endian") continue;
    if (!key.endsWith(".")) {
      item.set(key, { json: value });
      continue;
    }
    if (!isObject(value)) throw new TextProblem(`${quote(key)} that is no object`, "an array or more names");
    const name = key.slice(0, -1);
    if (Object.hasOwn(value, "ndarray")) {
      item.set(name, { array: parseArrayReference(name, value.ndarray!, bigEndian, bounds) });
    } else {
      item.set(name, { child: parseItem(value, bigEndian, bounds, depth + 1) });
    }
  }
  return item;
}

export type JsonObject = { [key: string]: Json };

export function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** @throws {TextProblem} */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new TextProblem("a text that is not UTF-8", "JSON");
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
