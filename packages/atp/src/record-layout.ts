import { recordError } from "./errors.js";
import { readUint16, readUint32 } from "./little-endian.js";
import type { RecordOrigin, RecordView, Section } from "./record.js";
import { decodeText } from "./record-text.js";
import { builtinOf, type Kind, type Tag } from "./tags.js";

/** A section of all records of one layout. */
export interface LayoutSection extends Section {
  /** Its place among the sections. */
  readonly ordinal: number;
  /** Its type once it was checked, if records of the layout cannot differ in it. */
  checked: Tag | null;
}

/** From here on, looking sections up by a map beats comparing their keys one by one. */
const MANY_SECTIONS = 32;
/** Layouts kept. A power of two. */
const KEPT_LAYOUTS = 1024;

/**
 * Where the sections of a record are.
 *
 * Records of one file mostly differ in nothing but their number of atoms. So what was parsed and checked for one
 * record serves all whose section heads (kind, key, tag, length) are the same bytes, at the same places.
 */
export class RecordLayout {
  /** In the order of the file. */
  readonly sections: readonly LayoutSection[];
  readonly #nAtoms: number;
  readonly #byteLength: number;
  readonly #start: number;
  /** Number of sections, those of kinds that are passed over included. */
  readonly #count: number;
  /** Pairs: a place in the record, and the four bytes that stand there. They cover all section heads. */
  readonly #heads: readonly number[];
  /** For records of many sections only. */
  readonly #byName: Map<string, LayoutSection> | null;

  /** @throws {StowageError} ERR_ATP_RECORD where a section is cut, or two have one name. */
  private constructor(record: RecordView) {
    const { bytes, nAtoms, sectionsOffset } = record;
    this.#nAtoms = nAtoms;
    this.#byteLength = bytes.length;
    this.#start = sectionsOffset;
    this.#count = readUint16(bytes, sectionsOffset - 2);
    const { sections, heads } = parseSections(bytes, sectionsOffset, record);
    this.sections = sections;
    this.#byName = sections.length < MANY_SECTIONS ? null : mapNames(sections, record);
    if (this.#byName === null) checkNames(sections, record);
    this.#heads = heads;
  }

  /**
   * The layout of a record.
   *
   * @throws {StowageError} ERR_ATP_RECORD where a section is cut, or two have one name.
   */
  static of(record: RecordView): RecordLayout {
    const place = record.bytes.length & (KEPT_LAYOUTS - 1);
    const known = kept[place];
    if (known?.fits(record)) return known;
    const layout = new RecordLayout(record);
    if (layout.#byName === null) kept[place] = layout;
    return layout;
  }

  find(kind: Kind, key: string): LayoutSection | undefined {
    if (this.#byName !== null) return this.#byName.get(`${kind}${key}`);
    const { sections } = this;
    for (let i = 0; i < sections.length; i++) {
      const section = sections[i]!;
      if (section.key === key && section.kind === kind) return section;
    }
    return undefined;
  }

  /** Whether a record has this layout. The number of its atoms counts: it decides what some payloads have to be. */
  fits({ bytes, nAtoms, sectionsOffset, view, byteOffset }: RecordView): boolean {
    if (bytes.length !== this.#byteLength || nAtoms !== this.#nAtoms) return false;
    if (sectionsOffset !== this.#start || readUint16(bytes, sectionsOffset - 2) !== this.#count) return false;
    const heads = this.#heads;
    for (let i = 0; i < heads.length; i += 2) {
      if (view.getUint32(byteOffset + heads[i]!, true) !== heads[i + 1]) return false;
    }
    return true;
  }
}

/** By the length of the record, in which the layouts of one file mostly differ. */
const kept: (RecordLayout | null)[] = new Array<RecordLayout | null>(KEPT_LAYOUTS).fill(null);
const keyCache = new Map<string, string>();
const KEY_CACHE_SIZE = 4096;

function parseSections(
  bytes: Uint8Array,
  start: number,
  origin: RecordOrigin,
): { sections: LayoutSection[]; heads: number[] } {
  const count = readUint16(bytes, start - 2);
  const sections: LayoutSection[] = [];
  const heads: number[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    const keyLength = bytes[at + 1] ?? 0; // past the end: what follows is cut, too
    const head = at + 2 + keyLength;
    if (head + 5 > bytes.length)
      throw recordError(origin.path, origin.index, `section ${i} of ${count} is cut`);
    const kind = bytes[at]!;
    const byteLength = readUint32(bytes, head + 1);
    const byteOffset = head + 5;
    for (let word = at; word < byteOffset - 4; word += 4) heads.push(word, readUint32(bytes, word));
    heads.push(byteOffset - 4, byteLength);
    at = byteOffset + byteLength;
    if (at > bytes.length) {
      throw recordError(
        origin.path,
        origin.index,
        `section ${i} runs ${at - bytes.length} bytes past the record`,
      );
    }
    if (kind > 2) continue; // a kind of a later release: skipped, as the peer does
    sections.push({
      kind: kind as Kind,
      key: decodeKey(bytes, head - keyLength, keyLength, origin),
      tag: bytes[head]!,
      byteOffset,
      byteLength,
      ordinal: sections.length,
      checked: null,
    });
  }
  return { sections, heads };
}

/** Keys repeat in all files: their text is decoded once. */
function decodeKey(bytes: Uint8Array, at: number, length: number, origin: RecordOrigin): string {
  let latin1 = "";
  for (let i = 0; i < length; i++) latin1 += String.fromCharCode(bytes[at + i]!);
  const known = keyCache.get(latin1);
  if (known !== undefined) return known;
  const text = decodeText(bytes, at, length, null, origin);
  // A builtin's key as the table has it: the one asked for is then the same string, not only an equal one.
  const key = builtinOf(text)?.key ?? text;
  if (keyCache.size < KEY_CACHE_SIZE) keyCache.set(latin1, key);
  return key;
}

function checkNames(sections: readonly Section[], origin: RecordOrigin): void {
  for (let i = 1; i < sections.length; i++) {
    const { kind, key } = sections[i]!;
    for (let j = 0; j < i; j++) {
      if (sections[j]!.key === key && sections[j]!.kind === kind) throw twice(key, origin);
    }
  }
}

function mapNames(sections: readonly LayoutSection[], origin: RecordOrigin): Map<string, LayoutSection> {
  const byName = new Map<string, LayoutSection>();
  for (const section of sections) {
    const name = `${section.kind}${section.key}`;
    if (byName.has(name)) throw twice(section.key, origin);
    byName.set(name, section);
  }
  return byName;
}

function twice(key: string, origin: RecordOrigin): Error {
  return recordError(origin.path, origin.index, `"${key}" stands twice`);
}
