import { StowageError } from "@stowage/core";
import { formatError, limitError } from "./errors.js";
import { compareBytes } from "./key-order.js";
import { readUint16, readUint32, writeUint16, writeUint32 } from "./little-endian.js";
import { BUILTIN, builtinOf, isAllowedTag, isPerAtom, KIND_NAMES, type Kind, TAGS } from "./tags.js";

/*
 * Schema block: u32 version = 1, u8 positions type (4 float32, 7 float64, 255 unknown), u32 count, then entries
 * u8 kind, u8 tag, u8 per atom, u16 key length, u32 element bytes, u32 slot bytes, key; sorted by kind and key bytes.
 */
const VERSION = 1;
const HEAD_BYTES = 9;
const ENTRY_HEAD_BYTES = 13;
const POSITIONS_UNKNOWN = 255;
const POSITIONS_TAGS = { float32: 4, float64: 7 } as const;
/** A schema larger than this is refused before it is read: a million keys would fit. */
export const MAX_SCHEMA_BYTES: number = 1 << 26;

export type PositionsDType = "float32" | "float64";

/** What the file allows under one key. */
export interface SchemaEntry {
  readonly kind: Kind;
  readonly key: string;
  readonly tag: number;
  readonly perAtom: boolean;
  readonly elemBytes: number;
  /** Bytes in every molecule (or of every atom): 0 where it may vary. */
  readonly slotBytes: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The union of all that was ever written to a file. A later molecule may add keys or leave keys out, but a key
 * keeps its type.
 */
export class Schema {
  positionsDType: PositionsDType | null = null;
  readonly #entries: readonly [Map<string, SchemaEntry>, Map<string, SchemaEntry>, Map<string, SchemaEntry>] =
    [new Map(), new Map(), new Map()];

  get(kind: Kind, key: string): SchemaEntry | undefined {
    return this.#entries[kind].get(key);
  }

  /** Entries of one kind, in the order in which they came. */
  entries(kind: Kind): IterableIterator<SchemaEntry> {
    return this.#entries[kind].values();
  }

  get size(): number {
    return this.#entries[0].size + this.#entries[1].size + this.#entries[2].size;
  }

  add(entry: SchemaEntry): void {
    this.#entries[entry.kind].set(entry.key, entry);
  }

  copy(): Schema {
    const copy = new Schema();
    copy.positionsDType = this.positionsDType;
    for (const entries of this.#entries) for (const entry of entries.values()) copy.add(entry);
    return copy;
  }
}

/** The entry that a section of this tag and payload calls for. */
export function schemaEntry(kind: Kind, key: string, tag: number, payloadLength: number): SchemaEntry {
  const { elemBytes, layout } = TAGS[tag]!;
  const perAtom = isPerAtom(kind, key);
  const free = layout === "string" || layout === "none" || layout === "tensor";
  const ofMolecule = !perAtom && (layout === "vector" || layout === "vec3");
  const slotBytes = free ? 0 : ofMolecule ? payloadLength : elemBytes;
  return { kind, key, tag, perAtom, elemBytes, slotBytes };
}

/**
 * Adds one section to the schema.
 *
 * @throws {StowageError} ERR_ATP_SCHEMA if the file has the key with another type or length.
 */
export function admit(
  schema: Schema,
  kind: Kind,
  key: string,
  tag: number,
  payloadLength: number,
  path: string,
): void {
  const known = schema.get(kind, key);
  // Most sections are seen for the thousandth time: compare without making an entry.
  if (known?.tag === tag && (known.slotBytes === payloadLength || (known.perAtom && known.slotBytes > 0)))
    return;
  const entry = schemaEntry(kind, key, tag, payloadLength);
  if (known === undefined) schema.add(entry);
  else if (known.tag !== tag || known.slotBytes !== entry.slotBytes) throw schemaClash(path, known, entry);
}

/** Fixes or checks the element type of positions. */
export function admitPositions(schema: Schema, dtype: PositionsDType, path: string): void {
  schema.positionsDType ??= dtype;
  if (schema.positionsDType === dtype) return;
  throw new StowageError(
    "ERR_ATP_SCHEMA",
    `Cannot add a molecule with ${dtype} positions to ${path}: all its positions are ${schema.positionsDType}`,
    { path, key: "positions", expected: schema.positionsDType, found: dtype },
    { hint: `convert the positions to ${schema.positionsDType}, or write another file` },
  );
}

function schemaClash(path: string, known: SchemaEntry, found: SchemaEntry): StowageError<"ERR_ATP_SCHEMA"> {
  const [expected, actual] = [describeEntry(known), describeEntry(found)];
  return new StowageError(
    "ERR_ATP_SCHEMA",
    `Cannot add ${KIND_NAMES[known.kind]} property "${known.key}" of ${actual} to ${path}: the file has it as ${expected}`,
    { path, key: known.key, expected, found: actual },
    {
      hint: clashHint(known, found),
    },
  );
}

function clashHint(known: SchemaEntry, found: SchemaEntry): string {
  if (known.tag === 1 && found.tag === 0) {
    return "a whole number was written first: write float64(x) from the first molecule on";
  }
  if (known.tag === found.tag) {
    return `for arrays of varying length make the file with tensors: ["${known.key}"] (read by atompack 0.4 and later)`;
  }
  return "every molecule must hold the same type under one key";
}

/** For people: `float64 (3,)`. */
export function describeEntry(entry: SchemaEntry): string {
  const { layout, dtype, elemBytes } = TAGS[entry.tag]!;
  if (layout === "string" || layout === "none") return layout === "none" ? "None" : "string";
  if (layout === "tensor") return `${dtype} tensor`;
  if (layout === "vector")
    return entry.perAtom ? `${dtype} (nAtoms,)` : `${dtype} (${entry.slotBytes / elemBytes},)`;
  if (layout === "vec3") return `${dtype} (${entry.perAtom ? "nAtoms" : entry.slotBytes / elemBytes}, 3)`;
  return layout === "matrix3" ? `${dtype} (3, 3)` : layout === "bool3" ? "bool (3,)" : String(dtype);
}

/** @throws {StowageError} ERR_ATP_FORMAT for anything that does not follow the layout to its last byte. */
export function parseSchema(bytes: Uint8Array, path: string): Schema {
  const wrong = (found: string): Error => formatError(path, `in its schema, ${found}`);
  if (bytes.length < HEAD_BYTES) throw wrong(`${bytes.length} bytes are too few`);
  const version = readUint32(bytes, 0);
  if (version !== VERSION) throw wrong(`the version is ${version}, known is 1`);
  const schema = new Schema();
  const positions = bytes[4]!;
  if (positions === POSITIONS_TAGS.float32) schema.positionsDType = "float32";
  else if (positions === POSITIONS_TAGS.float64) schema.positionsDType = "float64";
  else if (positions !== POSITIONS_UNKNOWN) throw wrong(`the type of positions is ${positions}`);
  const count = readUint32(bytes, 5);
  let at = HEAD_BYTES;
  for (let i = 0; i < count; i++) {
    if (at + ENTRY_HEAD_BYTES > bytes.length) throw wrong(`entry ${i} of ${count} is cut`);
    const kind = bytes[at]!;
    const tag = bytes[at + 1]!;
    const perAtom = bytes[at + 2]!;
    const end = at + ENTRY_HEAD_BYTES + readUint16(bytes, at + 3);
    if (kind > 2) throw wrong(`entry ${i} is of kind ${kind}`);
    if (TAGS[tag] === undefined) throw wrong(`entry ${i} has type ${tag}, known are 0 to 17`);
    if (perAtom > 1) throw wrong(`entry ${i} has the per-atom flag ${perAtom}`);
    if (end > bytes.length) throw wrong(`the key of entry ${i} is cut`);
    const key = decodeKey(bytes.subarray(at + ENTRY_HEAD_BYTES, end));
    if (key === null) throw wrong(`the key of entry ${i} is not UTF-8`);
    if (schema.get(kind as Kind, key) !== undefined) throw wrong(`key "${key}" stands twice`);
    const elemBytes = readUint32(bytes, at + 5);
    const slotBytes = readUint32(bytes, at + 9);
    const entry = { kind: kind as Kind, key, tag, perAtom: perAtom === 1, elemBytes, slotBytes };
    if (!isSound(entry)) throw wrong(`key "${key}" has a type or size that it cannot have`);
    schema.add(entry);
    at = end;
  }
  if (at !== bytes.length) throw wrong(`${bytes.length - at} bytes follow the last entry`);
  return schema;
}

/** Whether an entry says what its key and type call for. Of builtins of a later release nothing is known. */
function isSound(entry: SchemaEntry): boolean {
  const { kind, key, tag, slotBytes, elemBytes } = entry;
  if (kind === BUILTIN && builtinOf(key) === undefined) return true;
  const expected = schemaEntry(kind, key, tag, slotBytes);
  return (
    isAllowedTag(kind, key, tag) &&
    entry.perAtom === expected.perAtom &&
    elemBytes === expected.elemBytes &&
    slotBytes === expected.slotBytes &&
    (elemBytes === 0 || slotBytes % elemBytes === 0)
  );
}

function decodeKey(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

export function encodeSchema(schema: Schema): Uint8Array {
  const entries: { entry: SchemaEntry; key: Uint8Array }[] = [];
  for (const kind of [0, 1, 2] as const) {
    const ofKind = Array.from(schema.entries(kind), (entry) => ({ entry, key: encoder.encode(entry.key) }));
    entries.push(...ofKind.sort((a, b) => compareBytes(a.key, b.key)));
  }
  const total = entries.reduce((sum, { key }) => sum + ENTRY_HEAD_BYTES + key.length, HEAD_BYTES);
  if (total > MAX_SCHEMA_BYTES) throw limitError("the schema", MAX_SCHEMA_BYTES, total);
  const bytes = new Uint8Array(total);
  writeUint32(bytes, 0, VERSION);
  bytes[4] = schema.positionsDType === null ? POSITIONS_UNKNOWN : POSITIONS_TAGS[schema.positionsDType];
  writeUint32(bytes, 5, entries.length);
  let at = HEAD_BYTES;
  for (const { entry, key } of entries) {
    bytes[at] = entry.kind;
    bytes[at + 1] = entry.tag;
    bytes[at + 2] = entry.perAtom ? 1 : 0;
    writeUint16(bytes, at + 3, key.length);
    writeUint32(bytes, at + 5, entry.elemBytes);
    writeUint32(bytes, at + 9, entry.slotBytes);
    bytes.set(key, at + ENTRY_HEAD_BYTES);
    at += ENTRY_HEAD_BYTES + key.length;
  }
  return bytes;
}

/** Whether a schema holds builtins that record format 2 cannot express. */
export function needsFormat3(schema: Schema, format2Tag: (key: string) => number | undefined): boolean {
  if (schema.positionsDType === "float64") return true;
  for (const { key, tag } of schema.entries(BUILTIN)) if (format2Tag(key) !== tag) return true;
  return false;
}
