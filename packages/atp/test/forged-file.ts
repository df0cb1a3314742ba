/*
 * Files byte by byte, with whatever fields a test wants: nothing is checked, and nothing of the package's own writer is
 * used, so that a test of the reader does not rest on it.
 */
import { deflateSync } from "node:zlib";

export interface ForgedSlot {
  magic?: string;
  version?: number;
  generation?: number | bigint;
  dataStart?: number | bigint;
  indexOffset?: number | bigint;
  indexLength?: number | bigint;
  nMolecules?: number | bigint;
  codec?: number;
  level?: number;
  recordFormat?: number;
  schemaOffset?: number | bigint;
  schemaLength?: number | bigint;
  checksum?: number;
}

export interface ForgedSection {
  kind?: number;
  key?: string | Uint8Array;
  tag: number;
  payload?: Uint8Array;
  /** Said in place of the payload's own length. */
  payloadLength?: number;
}

export interface ForgedRecord {
  nAtoms?: number;
  positions?: Uint8Array;
  numbers?: Uint8Array;
  sections?: ForgedSection[];
  /** Said in place of the number of sections. */
  sectionCount?: number;
  trailing?: Uint8Array;
}

export interface ForgedSchemaEntry {
  kind: number;
  key: string | Uint8Array;
  tag: number;
  perAtom?: number;
  elemBytes?: number;
  slotBytes?: number;
}

export interface ForgedIndexEntry {
  offset: number | bigint;
  storedSize: number;
  recordSize: number;
  nAtoms: number;
}

export interface ForgedFile {
  records?: (ForgedRecord | Uint8Array)[];
  /** Changes the entry that would be right. */
  entry?: (right: ForgedIndexEntry, index: number) => ForgedIndexEntry;
  /** Said in place of the number of entries. */
  indexCount?: number | bigint;
  schema?: {
    version?: number;
    positions?: number;
    count?: number;
    entries: ForgedSchemaEntry[];
    trailing?: Uint8Array;
  };
  /** Laid over what would be right, in the newest slot (B, commit 1) and in slot A (commit 0). */
  slotB?: ForgedSlot;
  slotA?: ForgedSlot;
  /** Both slots. */
  slots?: ForgedSlot;
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export function u8(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

export function u16(value: number): Uint8Array {
  return u8(value & 255, (value >> 8) & 255);
}

export function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

export function u64(value: number | bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
}

export function f32(...values: number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

export function f64(...values: number[]): Uint8Array {
  return new Uint8Array(Float64Array.from(values).buffer);
}

export function utf8(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? new TextEncoder().encode(text) : text;
}

export function slot(fields: ForgedSlot = {}): Uint8Array {
  const head = join(
    utf8(fields.magic ?? "ATPK"),
    u32(fields.version ?? 2),
    u64(fields.generation ?? 0),
    u64(fields.dataStart ?? 8192),
    u64(fields.indexOffset ?? 0),
    u64(fields.indexLength ?? 0),
    u64(fields.nMolecules ?? 0),
    u8(fields.codec ?? 0, 0, 0, 0),
    u32(fields.level ?? 0),
    u32(fields.recordFormat ?? 2),
    u64(fields.schemaOffset ?? 0),
    u64(fields.schemaLength ?? 0),
  );
  const body = join(head, new Uint8Array(4092 - head.length));
  return join(body, u32(fields.checksum ?? adler32(body)));
}

/** As zlib puts it at the end of its streams: a second implementation of the one under test. */
export function adler32(bytes: Uint8Array): number {
  const stream = deflateSync(bytes);
  return stream.readUInt32BE(stream.length - 4);
}

export function section({
  kind = 2,
  key = "x",
  tag,
  payload = u8(),
  payloadLength,
}: ForgedSection): Uint8Array {
  const keyBytes = utf8(key);
  return join(u8(kind, keyBytes.length), keyBytes, u8(tag), u32(payloadLength ?? payload.length), payload);
}

export function record(fields: ForgedRecord = {}): Uint8Array {
  const { nAtoms = 1, sections = [] } = fields;
  return join(
    u32(nAtoms),
    fields.positions ?? f32(...Array.from({ length: 3 * nAtoms }, (_, i) => i + 1)),
    fields.numbers ?? u8(...Array.from({ length: nAtoms }, () => 1)),
    u16(fields.sectionCount ?? sections.length),
    ...sections.map(section),
    fields.trailing ?? u8(),
  );
}

export function schema({
  version = 1,
  positions = 4,
  entries,
  count,
  trailing = u8(),
}: Required<ForgedFile>["schema"]): Uint8Array {
  const parts = entries.map(({ kind, key, tag, perAtom = 0, elemBytes = 8, slotBytes = 8 }) => {
    const keyBytes = utf8(key);
    return join(u8(kind, tag, perAtom), u16(keyBytes.length), u32(elemBytes), u32(slotBytes), keyBytes);
  });
  return join(u32(version), u8(positions), u32(count ?? entries.length), ...parts, trailing);
}

/** A file of one commit: slot A empty, slot B naming records, schema and index. */
export function forge(file: ForgedFile = {}): Uint8Array {
  const records = (file.records ?? []).map((each) => (each instanceof Uint8Array ? each : record(each)));
  let end = 8192;
  const entries = records.map((bytes, i) => {
    const nAtoms = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    const right = { offset: end, storedSize: bytes.length, recordSize: bytes.length, nAtoms };
    end += bytes.length;
    return file.entry?.(right, i) ?? right;
  });
  const schemaBytes = file.schema === undefined ? u8() : schema(file.schema);
  const index = join(
    u64(file.indexCount ?? entries.length),
    ...entries.map(({ offset, storedSize, recordSize, nAtoms }) =>
      join(u64(offset), u32(storedSize), u32(recordSize), u32(nAtoms)),
    ),
  );
  const right: ForgedSlot = {
    generation: 1,
    indexOffset: end + schemaBytes.length,
    indexLength: index.length,
    nMolecules: entries.length,
    schemaOffset: schemaBytes.length > 0 ? end : 0,
    schemaLength: schemaBytes.length,
  };
  return join(
    slot({ ...file.slots, ...file.slotA }),
    slot({ ...right, ...file.slots, ...file.slotB }),
    ...records,
    schemaBytes,
    index,
  );
}
