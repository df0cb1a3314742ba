import { StowageError, type SyncByteSource } from "@stowage/core";
import type { FileByteSource } from "@stowage/mmap";
import { formatError } from "./errors.js";
import { type AtpRecovery, chooseHeader, DATA_START, type Header } from "./header.js";
import { MAX_SCHEMA_BYTES, parseSchema, Schema } from "./schema-block.js";
import type { FoundFile } from "./writer.js";

/** What a file says of itself: the commit in force, and what it names. */
export interface FileState extends FoundFile {
  /** `null` where the file has molecules but no schema block, as files of 0.2. */
  readonly schema: Schema | null;
  readonly recovery: AtpRecovery | null;
}

/**
 * Reads header and schema.
 *
 * @param recover  Accept an older commit where the newest one was cut off.
 * @throws {StowageError} ERR_ATP_FORMAT, ERR_ATP_TRUNCATED
 */
export function readState(source: SyncByteSource, recover: boolean): FileState {
  const { name } = source;
  if (source.byteLength < DATA_START) {
    throw formatError(name, `it has ${source.byteLength} bytes, the header alone takes ${DATA_START}`);
  }
  const head = new Uint8Array(DATA_START);
  source.readIntoSync(head, 0);
  // What the header names was in the file before the header: asked for after it, the length cannot be too small.
  const byteLength = "refresh" in source ? (source as FileByteSource).refresh() : source.byteLength;
  const { header, slot, recovery } = chooseHeader(head, byteLength, name, recover);
  return { header, slot, recovery, head, byteLength, schema: readSchema(source, header) };
}

function readSchema(source: SyncByteSource, header: Header): Schema | null {
  const { schemaOffset, schemaLength, nMolecules } = header;
  if (schemaLength === 0) return nMolecules === 0 ? new Schema() : null;
  if (schemaLength > MAX_SCHEMA_BYTES) throw formatError(source.name, `its schema has ${schemaLength} bytes`);
  const schema = parseSchema(source.readSync(schemaOffset, schemaLength), source.name);
  if (header.recordFormat === 2 && schema.positionsDType === "float64") {
    throw formatError(source.name, "its schema has float64 positions, which record format 2 lacks");
  }
  return schema;
}

/** Whether two headers are the same commit. */
export function sameHeader(a: Header, b: Header): boolean {
  return (Object.keys(a) as (keyof Header)[]).every((key) => a[key] === b[key]);
}

/** The error for appending to a file of which a header slot is damaged. */
export function damagedError(path: string, recovery: AtpRecovery): StowageError<"ERR_ATP_DAMAGED"> {
  return new StowageError(
    "ERR_ATP_DAMAGED",
    `Cannot append to ${path}: a header slot is damaged (${recovery.reason}); its ${recovery.ignoredBytes} bytes ` +
      `after commit ${recovery.generation} would be lost`,
    { path, reason: recovery.reason },
    { hint: "copy the file first, then open it with recover: true to go on from that commit" },
  );
}
