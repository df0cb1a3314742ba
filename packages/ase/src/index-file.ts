/**
 * A frame index in a file of its own, so that a large XYZ file is scanned once and not in every process.
 *
 * | bytes | |
 * |---|---|
 * | 8 | `STOWXYZ1` |
 * | 4 | length of the JSON text, a multiple of 8 less 4 |
 * | | JSON: what the XYZ file was like, keys and types; padded with spaces |
 * | 8 n | float64: where each frame begins |
 * | 4 n | uint32: atoms of each frame |
 * | 4 n | uint32: bytes of its first two lines, and 2^30 times the number of its VEC lines |
 * | 32 | SHA-256 of all before |
 *
 * Little-endian. What it says is checked, and frames are checked again when they are read, so that no index file can
 * make a reader return anything but what the frames say.
 */

import {
  bytesOf,
  type Field,
  FileSource,
  isDType,
  isStowageError,
  nodeFs,
  type SyncByteSource,
  TemporaryFile,
  viewElements,
} from "@stowage/core";
import { FrameIndex } from "./frame-index.js";
import type { TypeSnapshot } from "./key-table.js";

const MAGIC = new TextEncoder().encode("STOWXYZ1");
/** Bytes at both ends of a file that tell whether it is the same one. */
const PROBE_LENGTH = 1 << 16;
const HASH_LENGTH = 32;

/** What an XYZ file was like when it was indexed. */
export interface FileState {
  readonly byteLength: number;
  readonly mtimeMs: number;
  /** Of the first and last bytes. */
  readonly hash: string;
}

/** Looks at a file, to be compared with how it was. */
export function stateOf(path: string, source: SyncByteSource): FileState {
  const { byteLength } = source;
  const probe = Math.min(PROBE_LENGTH, byteLength);
  const head = source.readSync(0, probe);
  const hash = sha256(head, source.readSync(byteLength - probe, probe));
  return { byteLength, mtimeMs: nodeFs().statSync(path).mtimeMs, hash: toHex(hash) };
}

/** Writes an index, in one step. @throws {StowageError} ERR_FILE_ACCESS, ERR_FILE_MISSING */
export function saveIndex(indexPath: string, index: FrameIndex, state: FileState): void {
  const { end, plain, warnings, nFrames } = index;
  const keys = index.keys.present.map((types) => ({ key: types.rowKey, ...types.snapshot() }));
  const json = JSON.stringify({ state, nFrames, end, plain, warnings, keys });
  const text = new TextEncoder().encode(json);
  const length = Math.ceil((text.length + 4) / 8) * 8 - 4;
  const padded = new Uint8Array(length).fill(32);
  padded.set(text);
  const { byteOffsets, atomCounts, headers } = index.columns;
  const parts = [
    MAGIC,
    bytesOf(Uint32Array.of(length)),
    padded,
    bytesOf(byteOffsets),
    bytesOf(atomCounts),
    bytesOf(headers),
  ];
  const file = TemporaryFile.create(indexPath, { overwrite: true });
  try {
    for (const part of parts) file.write(part);
    file.write(sha256(...parts));
    file.commit();
  } finally {
    file.discard();
  }
}

/** Reads an index. @returns `null` if there is none, or none of this file as it is now. */
export function loadIndex(indexPath: string, path: string, state: FileState): FrameIndex | null {
  let bytes: Uint8Array;
  try {
    using source = FileSource.open(indexPath);
    bytes = source.readSync(0, source.byteLength);
  } catch (error) {
    if (isStowageError(error, "ERR_FILE_MISSING")) return null;
    throw error;
  }
  return parseIndex(bytes, path, state);
}

function parseIndex(bytes: Uint8Array, path: string, state: FileState): FrameIndex | null {
  const bodyLength = bytes.length - HASH_LENGTH;
  if (bodyLength < 12 || !equalBytes(bytes.subarray(0, 8), MAGIC)) return null;
  if (!equalBytes(sha256(bytes.subarray(0, bodyLength)), bytes.subarray(bodyLength))) return null;
  const start = 12 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
  const header = start % 8 === 0 && start <= bodyLength ? parseHeader(bytes.subarray(12, start)) : null;
  if (header === null || !equalStates(header.state, state)) return null;
  const n = header.nFrames;
  if (bodyLength !== start + 16 * n) return null;
  const columns = {
    byteOffsets: viewElements("float64", bytes, start, n),
    atomCounts: viewElements("uint32", bytes, start + 8 * n, n),
    headers: viewElements("uint32", bytes, start + 12 * n, n),
  };
  const index = new FrameIndex(path);
  index.restore(columns);
  index.end = header.end;
  index.plain = header.plain;
  index.warnings = header.warnings;
  if (!isConsistent(index, state.byteLength)) return null;
  for (const { key, ...types } of header.keys) index.keys.typesOf(key).restore(types);
  return index;
}

/** Whether the frames follow each other, and each has room for its lines. */
function isConsistent(index: FrameIndex, byteLength: number): boolean {
  const { nFrames, end } = index;
  if (end > byteLength || (nFrames === 0 ? end !== 0 : index.byteOffset(0) !== 0)) return false;
  for (let i = 0; i < nFrames; i++) {
    const length = index.byteLength(i);
    const rest = length - index.headerLength(i);
    const nLines = index.atomCount(i) + index.vectorCount(i);
    // The last line of all may have no line end.
    const last = i === nFrames - 1 ? 1 : 0;
    if (!Number.isSafeInteger(index.byteOffset(i)) || index.headerLength(i) < 2 || rest < nLines - last)
      return false;
    if (nLines === 0 && rest !== 0) return false;
  }
  return true;
}

interface Header {
  readonly state: FileState;
  readonly nFrames: number;
  readonly end: number;
  readonly plain: boolean;
  readonly warnings: readonly string[];
  readonly keys: readonly ({ readonly key: string } & TypeSnapshot)[];
}

function parseHeader(bytes: Uint8Array): Header | null {
  let header: Partial<Header>;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Header>;
  } catch {
    return null;
  }
  const { state, nFrames, end, plain, warnings, keys } = header ?? {};
  const valid =
    isCount(nFrames) &&
    isCount(end) &&
    typeof plain === "boolean" &&
    typeof state === "object" &&
    Array.isArray(warnings) &&
    warnings.every((warning) => typeof warning === "string") &&
    Array.isArray(keys) &&
    keys.every((types) => isTypeSnapshot(types, nFrames)) &&
    new Set(keys.map(({ key }) => key)).size === keys.length;
  return valid ? (header as Header) : null;
}

function isTypeSnapshot(types: unknown, nFrames: number): boolean {
  if (typeof types !== "object" || types === null) return false;
  const { key, present, inAtomLines, ints, floats, others, exact } = types as Partial<Header["keys"][number]>;
  return (
    typeof key === "string" &&
    isCount(present) &&
    present > 0 &&
    present <= nFrames &&
    typeof inAtomLines === "boolean" &&
    typeof exact === "boolean" &&
    [ints, floats, others].every((field) => field === null || isField(field))
  );
}

function isField(field: unknown): field is Field {
  if (typeof field !== "object" || field === null) return false;
  const { dtype, shape, perAtom } = field as Partial<Field>;
  return (
    typeof dtype === "string" &&
    (isDType(dtype) || ["string", "null", "json"].includes(dtype)) &&
    Array.isArray(shape) &&
    shape.every((extent) => extent === null || isCount(extent)) &&
    typeof perAtom === "boolean"
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function equalStates(a: FileState | null, b: FileState): boolean {
  return a !== null && a.byteLength === b.byteLength && a.mtimeMs === b.mtimeMs && a.hash === b.hash;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  // Only reached where there is a file system, which means Node or one of its kin.
  const { createHash } = process.getBuiltinModule("node:crypto");
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
