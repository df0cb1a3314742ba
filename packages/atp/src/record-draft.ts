import { limitError } from "./errors.js";
import { sortKeys } from "./key-order.js";
import { copyBytes, writeUint16, writeUint32 } from "./little-endian.js";
import type { Molecule } from "./molecule.js";
import { payloadOf } from "./property.js";
import { admit, admitPositions, type PositionsDType } from "./schema-block.js";
import {
  type DraftContext,
  draftSection,
  payloadLength,
  type SectionDraft,
  writeSection,
} from "./section-draft.js";
import { ATOM_SCOPE, BUILTIN, BUILTINS, MOLECULE_SCOPE } from "./tags.js";

/** A record that is checked against the schema and can be written anywhere. */
export interface RecordDraft {
  readonly nAtoms: number;
  readonly byteLength: number;
  write(target: Uint8Array, at: number): void;
}

const MAX_SECTIONS = 65_535;
const MAX_UINT32 = 0xffff_ffff;

/**
 * Drafts the record of a molecule and adds its fields to the schema of the context.
 *
 * A molecule that was read and not changed keeps its bytes; else the sections follow the peer's order: builtins in
 * their own, then atom scope, then molecule scope, each sorted by the bytes of the keys.
 *
 * @throws {StowageError} ERR_ATP_SCHEMA, ERR_ATP_LIMIT
 */
export function draftRecord(molecule: Molecule, context: DraftContext, path: string): RecordDraft {
  return molecule.record === null
    ? draftFields(molecule, context, path)
    : draftVerbatim(molecule, context, path);
}

function draftVerbatim(molecule: Molecule, context: DraftContext, path: string): RecordDraft {
  const record = molecule.record!;
  admitPositions(context.schema, record.positionsDType, path);
  for (const section of record.sections) {
    record.decode(section); // damage is not to be carried into another file
    admit(context.schema, section.kind, section.key, section.tag, section.byteLength, path);
  }
  const { bytes, nAtoms } = record;
  return { nAtoms, byteLength: bytes.length, write: (target, at) => target.set(bytes, at) };
}

function draftFields(molecule: Molecule, context: DraftContext, path: string): RecordDraft {
  const { positions, atomicNumbers, nAtoms } = molecule;
  admitPositions(context.schema, positions.dtype as PositionsDType, path);
  const sections = draftSections(molecule, context);
  for (const draft of sections)
    admit(context.schema, draft.kind, draft.key, draft.tag, payloadLength(draft), path);
  const byteLength = recordLength(nAtoms, positions.data.byteLength, sections);
  return {
    nAtoms,
    byteLength,
    write: (target, at) => {
      let end = writeRecordHead(target, at, nAtoms, payloadOf(positions), atomicNumbers, 0, sections.length);
      for (const section of sections) end = writeSection(section, target, end);
    },
  };
}

function draftSections(molecule: Molecule, context: DraftContext): SectionDraft[] {
  const sections: SectionDraft[] = [];
  for (const { key } of BUILTINS) {
    const value = molecule.storedField(key);
    if (value !== undefined) sections.push(draftSection(BUILTIN, key, value, context));
  }
  for (const [kind, scope] of [
    [ATOM_SCOPE, "atom"],
    [MOLECULE_SCOPE, "molecule"],
  ] as const) {
    for (const key of sortKeys(molecule.propertyKeys({ scope }))) {
      sections.push(draftSection(kind, key, molecule.storedProperty(key, scope)!, context));
    }
  }
  return sections;
}

/** Bytes of a record, refused where a field of the format would wrap. */
export function recordLength(
  nAtoms: number,
  positionsBytes: number,
  sections: readonly { head: Uint8Array; data: { byteLength: number } }[],
): number {
  if (nAtoms > MAX_UINT32) throw limitError("a molecule (its atoms)", MAX_UINT32, nAtoms);
  if (sections.length > MAX_SECTIONS)
    throw limitError("a molecule (its properties)", MAX_SECTIONS, sections.length);
  const byteLength = sections.reduce(
    (sum, { head, data }) => sum + head.length + data.byteLength,
    6 + positionsBytes + nAtoms,
  );
  checkRecordLength(byteLength);
  return byteLength;
}

export function checkRecordLength(byteLength: number): void {
  if (byteLength > MAX_UINT32) throw limitError("a molecule (its bytes)", MAX_UINT32, byteLength);
}

/**
 * Writes all before the sections and returns where those begin.
 *
 * @param positions      Of `nAtoms` atoms a molecule, one molecule after the other; so are the atomic numbers.
 * @param moleculeIndex  Which molecule's to write.
 */
export function writeRecordHead(
  target: Uint8Array,
  at: number,
  nAtoms: number,
  positions: Uint8Array,
  atomicNumbers: Uint8Array,
  moleculeIndex: number,
  sectionCount: number,
): number {
  const molecules = nAtoms === 0 ? 1 : atomicNumbers.length / nAtoms;
  const positionsBytes = positions.length / molecules;
  const numbersAt = at + 4 + positionsBytes;
  writeUint32(target, at, nAtoms);
  copyBytes(positions, moleculeIndex * positionsBytes, target, at + 4, positionsBytes);
  copyBytes(atomicNumbers, moleculeIndex * nAtoms, target, numbersAt, nAtoms);
  writeUint16(target, numbersAt + nAtoms, sectionCount);
  return numbersAt + nAtoms + 2;
}
