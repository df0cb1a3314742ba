import { StowageError } from "@stowage/core";
import type { CodecName } from "./codec.js";
import { formatError } from "./errors.js";
import { readUint32, readUint64, writeUint32, writeUint64 } from "./little-endian.js";

/*
 * A header slot, 4096 bytes; slot A at 0, slot B at 4096. All little-endian.
 *
 *    0  4  magic "ATPK"            40  8  number of molecules
 *    4  4  file version, 2         48  1  codec: 0 none, 1 lz4, 2 zstd
 *    8  8  generation              52  4  codec level (i32)
 *   16  8  data start              56  4  record format, 2 or 3
 *   24  8  index offset            60  8  schema offset (unaligned)
 *   32  8  index length            68  8  schema length
 * 4092  4  Adler-32 of bytes 0 to 4091
 */
export const SLOT_BYTES = 4096;
export const DATA_START: number = 2 * SLOT_BYTES;
/** Bytes of one index entry. */
export const ENTRY_BYTES = 20;

const MAGIC = 0x4b505441;
const FILE_VERSION = 2;
const CODECS: readonly CodecName[] = ["none", "lz4", "zstd"];

export interface Header {
  generation: number;
  dataStart: number;
  indexOffset: number;
  indexLength: number;
  nMolecules: number;
  codec: CodecName;
  level: number;
  recordFormat: number;
  schemaOffset: number;
  schemaLength: number;
}

export type SlotName = "A" | "B";

/** What had to be overlooked to open a damaged file. */
export interface AtpRecovery {
  /** The header slot in use, and its commit. */
  slot: SlotName;
  generation: number;
  /** Why the other slot is not in use. */
  reason: string;
  /** Bytes after the last commit in use; they may hold what a lost commit named. */
  ignoredBytes: number;
}

type Slot =
  | { state: "valid"; header: Header }
  /** Intact, but the file is shorter than it says. */
  | { state: "truncated"; header: Header; needed: number }
  | { state: "damaged"; reason: string };

/** A header before the first commit. */
export function emptyHeader(codec: CodecName, level: number): Header {
  return {
    generation: 0,
    dataStart: DATA_START,
    indexOffset: 0,
    indexLength: 0,
    nMolecules: 0,
    codec,
    level: codec === "zstd" ? level : 0,
    recordFormat: 2,
    schemaOffset: 0,
    schemaLength: 0,
  };
}

/** Where the committed part of the file ends. */
export function committedEnd(header: Header): number {
  return header.indexOffset === 0 ? header.dataStart : header.indexOffset + header.indexLength;
}

/** The bytes of one slot. */
export function encodeSlot(header: Header): Uint8Array {
  const bytes = new Uint8Array(SLOT_BYTES);
  writeUint32(bytes, 0, MAGIC);
  writeUint32(bytes, 4, FILE_VERSION);
  writeUint64(bytes, 8, header.generation);
  writeUint64(bytes, 16, header.dataStart);
  writeUint64(bytes, 24, header.indexOffset);
  writeUint64(bytes, 32, header.indexLength);
  writeUint64(bytes, 40, header.nMolecules);
  bytes[48] = CODECS.indexOf(header.codec);
  writeUint32(bytes, 52, header.level);
  writeUint32(bytes, 56, header.recordFormat);
  writeUint64(bytes, 60, header.schemaOffset);
  writeUint64(bytes, 68, header.schemaLength);
  writeUint32(bytes, SLOT_BYTES - 4, adler32(bytes, SLOT_BYTES - 4));
  return bytes;
}

function parseSlot(bytes: Uint8Array, fileSize: number): Slot {
  const damaged = (reason: string): Slot => ({ state: "damaged", reason });
  if (readUint32(bytes, 0) !== MAGIC) return damaged('it does not begin with "ATPK"');
  if (readUint32(bytes, 4) !== FILE_VERSION)
    return damaged(`its file version is ${readUint32(bytes, 4)}, known is 2`);
  if (readUint32(bytes, SLOT_BYTES - 4) !== adler32(bytes, SLOT_BYTES - 4))
    return damaged("its checksum is wrong");
  const codec = CODECS[bytes[48]!];
  if (codec === undefined) return damaged(`its codec is ${bytes[48]}, known are 0 to 2`);
  const header: Header = {
    generation: readUint64(bytes, 8),
    dataStart: readUint64(bytes, 16),
    indexOffset: readUint64(bytes, 24),
    indexLength: readUint64(bytes, 32),
    nMolecules: readUint64(bytes, 40),
    codec,
    level: readUint32(bytes, 52) | 0,
    recordFormat: readUint32(bytes, 56),
    schemaOffset: readUint64(bytes, 60),
    schemaLength: readUint64(bytes, 68),
  };
  const { generation, dataStart, indexOffset, indexLength, nMolecules, schemaOffset, schemaLength } = header;
  if (!Number.isSafeInteger(generation + 1)) return damaged(`its commit number is ${generation}`);
  if (dataStart < DATA_START) return damaged(`its data starts at ${dataStart}, inside the header`);
  if ((schemaOffset === 0) !== (schemaLength === 0))
    return damaged("its schema has a place but no length, or no place");
  if (schemaOffset !== 0 && schemaOffset < dataStart)
    return damaged(`its schema is at ${schemaOffset}, before the data`);
  if (indexOffset === 0 || indexLength === 0) {
    if (indexOffset + indexLength + nMolecules !== 0) return damaged("its index has no place");
  } else if (indexLength !== 8 + ENTRY_BYTES * nMolecules) {
    return damaged(`its index of ${nMolecules} molecules has ${indexLength} bytes`);
  } else if (indexOffset < dataStart) {
    return damaged(`its index is at ${indexOffset}, before the data`);
  }
  const needed = Math.max(dataStart, indexOffset + indexLength, schemaOffset + schemaLength);
  return needed > fileSize ? { state: "truncated", header, needed } : { state: "valid", header };
}

/**
 * Picks the newest commit that the file still holds.
 *
 * @param head     The first 8192 bytes.
 * @param recover  Accept an older commit where the newest one was cut off.
 * @throws {StowageError} ERR_ATP_FORMAT if no slot is valid, ERR_ATP_TRUNCATED if the newest commit is incomplete.
 */
export function chooseHeader(
  head: Uint8Array,
  fileSize: number,
  path: string,
  recover: boolean,
): { header: Header; slot: SlotName; recovery: AtpRecovery | null } {
  const a = parseSlot(head.subarray(0, SLOT_BYTES), fileSize);
  const b = parseSlot(head.subarray(SLOT_BYTES), fileSize);
  const slot = pickSlot(a, b);
  const cut = newestTruncated(a, b);
  if (cut !== null && !(recover && slot !== null)) {
    if (slot === null || cut.header.generation > headerOf(slot === "A" ? a : b).generation) {
      throw truncatedError(path, cut, fileSize, slot === null ? null : headerOf(slot === "A" ? a : b));
    }
  }
  if (slot === null) throw noSlotError(path, a, b);
  const [used, other] = slot === "A" ? [a, b] : [b, a];
  const header = headerOf(used);
  if (header.recordFormat !== 2 && header.recordFormat !== 3) {
    throw formatError(path, `its record format is ${header.recordFormat}, known are 2 and 3`);
  }
  if (other.state === "valid") return { header, slot, recovery: null };
  const reason =
    other.state === "damaged"
      ? other.reason
      : `the file is shorter than its commit ${other.header.generation}`;
  const recovery = {
    slot,
    generation: header.generation,
    reason,
    ignoredBytes: fileSize - committedEnd(header),
  };
  return { header, slot, recovery };
}

/** The valid slot of the highest generation; A where both are equal. */
function pickSlot(a: Slot, b: Slot): SlotName | null {
  if (a.state === "valid" && b.state === "valid")
    return b.header.generation > a.header.generation ? "B" : "A";
  return a.state === "valid" ? "A" : b.state === "valid" ? "B" : null;
}

function headerOf(slot: Slot): Header {
  if (slot.state === "damaged") throw new TypeError("A damaged slot has no header");
  return slot.header;
}

type TruncatedSlot = Extract<Slot, { state: "truncated" }>;

function newestTruncated(...slots: Slot[]): TruncatedSlot | null {
  const cut = slots.filter((slot) => slot.state === "truncated");
  return cut.reduce<TruncatedSlot | null>(
    (newest, slot) => (newest === null || slot.header.generation > newest.header.generation ? slot : newest),
    null,
  );
}

function truncatedError(
  path: string,
  cut: TruncatedSlot,
  fileSize: number,
  older: Header | null,
): StowageError {
  const { generation, nMolecules } = cut.header;
  const message =
    `Cannot read ${path}: its commit ${generation} of ${nMolecules} molecules needs ${cut.needed} bytes, ` +
    `the file has ${fileSize}`;
  const hint =
    older === null || older.nMolecules === 0
      ? "the file was cut: fetch or copy it again"
      : `the file was cut: copy it again, or pass recover: true to open commit ${older.generation} ` +
        `with ${older.nMolecules} molecules`;
  return new StowageError(
    "ERR_ATP_TRUNCATED",
    message,
    { path, generation, needed: cut.needed, fileSize },
    { hint },
  );
}

function noSlotError(path: string, a: Slot, b: Slot): StowageError {
  const reason = (slot: Slot): string =>
    slot.state === "damaged" ? slot.reason : "it names data beyond the file";
  const same = reason(a) === reason(b);
  return formatError(path, same ? reason(a) : `header slot A: ${reason(a)}; slot B: ${reason(b)}`);
}

/** zlib's Adler-32 with start value 1, of the first `length` bytes (at most 5552, so that no sum overflows). */
function adler32(bytes: Uint8Array, length: number): number {
  let a = 1;
  let b = 0;
  for (let i = 0; i < length; i++) {
    a += bytes[i]!;
    b += a;
  }
  return (((b % 65521) << 16) | (a % 65521)) >>> 0;
}
