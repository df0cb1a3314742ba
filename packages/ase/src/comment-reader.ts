import { describeValue, isNdArray, type Value } from "@stowage/core";
import { isExact, type NumberList, splitComment, TRANSPOSED, toMatrix, typedValue } from "./comment.js";
import {
  beginsAsText,
  EQUALS,
  endOfQuoted,
  endOfWord,
  equalBytes,
  isBlank,
  plainFlags,
  QUOTE,
  skipBlanks,
  skipSeparators,
  startsWithKey,
} from "./comment-bytes.js";
import { CommentEntries, Kind } from "./comment-entries.js";
import { TextProblem } from "./errors.js";
import type { CommentKey, KeyTable } from "./key-table.js";
import { copyFloats } from "./memory.js";
import { toFloatArray } from "./numpy-array.js";
import { DEFAULT_PROPERTIES, type Properties, parseProperties } from "./properties.js";
import { strip } from "./python-text.js";
import { lastRows, readNumbers } from "./real-number.js";
import { asciiText, decodeUtf8, type TextBlock } from "./text-block.js";

/** Lists of columns that are remembered: a file has few, unless it is made to fill the memory. */
const MAX_LISTS = 100;

/** Where ASE's Voigt vector (xx, yy, zz, yz, xz, xy) stands in a list of the columns of a matrix. */
const VOIGT = [0, 4, 8, 7, 6, 3];

/**
 * Reads the comment lines of a file; its members describe the last one.
 *
 * What nearly all comments are made of is read from the bytes: `key`, `key=5`, `key="1.5 2.5"`, `key=text`, in ASCII.
 * At the first sign of anything else the comment is left to `comment.ts`, which defines what comments mean.
 */
export class CommentReader {
  /** What goes to `info` and `calc`, each key once. */
  readonly entries: CommentEntries = new CommentEntries();
  /** The cell's nine numbers, row by row; `null` if the comment has none. */
  cell: Float64Array | null = null;
  /** `null` if the comment does not say. */
  pbc: readonly [boolean, boolean, boolean] | null = null;
  /** The columns of the atom lines. */
  properties: Properties;
  /** A key whose empty value took the next `key=value` as its own, with the text it took. */
  swallowed: { key: string; text: string } | null = null;
  /** Whether the comment was plain: what it is made of was read from the bytes. */
  isPlain = false;
  /** Number of the comment, among all that are read with the same keys. */
  serial = 0;

  readonly #table: KeyTable;
  readonly #defaults: Properties;
  readonly #propertyLists = new Map<string, Properties>();
  #lastList: { readonly bytes: Uint8Array; readonly properties: Properties };
  /** The keys of the last comment, in order: most likely those of the next one. */
  readonly #expected: CommentKey[] = [];
  #nKeys = 0;

  constructor(table: KeyTable) {
    this.#table = table;
    this.#defaults = parseProperties(DEFAULT_PROPERTIES);
    this.properties = this.#defaults;
    this.#lastList = { bytes: NO_BYTES, properties: this.#defaults };
  }

  /**
   * Reads the comment in the bytes `[start, end)`; the byte at `end` must be a line end.
   *
   * @throws {TextProblem} where ASE raises, and for text that is not UTF-8.
   */
  read(text: TextBlock, start: number, end: number): void {
    this.clear();
    try {
      this.isPlain = this.#readPlain(text, start, end);
      if (this.isPlain) return;
    } catch (error) {
      // What is wrong with one value does not matter if the key comes again: the exact reader knows.
      if (!(error instanceof TextProblem)) throw error;
    }
    this.clear();
    this.#readExactly(commentText(text.bytes.subarray(start, end)));
  }

  /** As after an empty comment. */
  clear(): void {
    this.entries.clear();
    this.cell = null;
    this.pbc = null;
    this.properties = this.#defaults;
    this.swallowed = null;
    this.isPlain = false;
    this.serial = this.#table.nextSerial();
    this.#nKeys = 0;
  }

  /**
   * Takes the whole comment for `info.comment`, without the white space around it.
   *
   * @param keepEmpty  Whether there is one if it is empty.
   * @throws {TextProblem} for text that is not UTF-8.
   */
  readAsText({ bytes }: TextBlock, start: number, end: number, keepEmpty: boolean): void {
    this.clear();
    const comment = commentText(bytes.subarray(start, end));
    if (comment !== "" || keepEmpty) this.entries.addValue(this.#table.commentKey("comment"), comment);
  }

  #readExactly(comment: string): void {
    if (comment === "") return;
    const values = new Map<string, Value>();
    for (const { key, text, swallowed } of splitComment(comment)) {
      if (swallowed) this.swallowed ??= { key, text };
      values.set(key, typedValue(key, text));
    }
    for (const [name, value] of values) {
      const key = this.#table.commentKey(name);
      key.values.lastSeen = this.serial;
      this.#addExact(key, value);
    }
  }

  /** @returns Whether the comment is plain; if not, it may have been read in part. */
  #readPlain(text: TextBlock, start: number, end: number): boolean {
    const { bytes } = text;
    let at = skipBlanks(bytes, start, end);
    while (at < end) {
      const likely = this.#expected[this.#nKeys];
      const isLikely = likely !== undefined && startsWithKey(bytes, at, end, likely.bytes);
      const keyEnd = isLikely ? at + likely.bytes.length : endOfWord(bytes, at, end);
      if (keyEnd <= at) return false;
      const key = isLikely ? likely : this.#table.commentKey(asciiText(bytes, at, keyEnd));
      this.#expected[this.#nKeys++] = key;
      if (key.values.lastSeen === this.serial) return false; // repeated
      key.values.lastSeen = this.serial;
      at = skipBlanks(bytes, keyEnd, end);
      if (at === end || bytes[at] !== EQUALS) {
        this.#addExact(key, typedValue(key.name, "T"));
        continue;
      }
      if (at !== keyEnd) return false; // `key = value`
      at++;
      const numberEnd = this.#addNumber(key, text, at, end);
      if (numberEnd >= 0) {
        at = skipBlanks(bytes, numberEnd, end);
        continue;
      }
      const quoted = bytes[at] === QUOTE;
      if (quoted) at++;
      const valueEnd = quoted ? endOfQuoted(bytes, at, end) : endOfWord(bytes, at, end);
      if (valueEnd <= at) return false; // empty, or not plain
      this.#addPlain(key, text, at, valueEnd);
      at = quoted ? valueEnd + 1 : valueEnd;
      if (at < end && !isBlank(bytes[at]!)) return false;
      at = skipBlanks(bytes, at, end);
    }
    return true;
  }

  /**
   * Adds the value that begins at `start` if it is one number.
   *
   * @returns Where it ended, -1 if it is something else.
   */
  #addNumber(key: CommentKey, text: TextBlock, start: number, end: number): number {
    const first = text.bytes[start]!;
    if (key.isText || key.isMatrix || first < 45 || first > 57) return -1;
    const { entries } = this;
    const place = entries.nNumbers;
    entries.pushNumber(0);
    const at = readNumbers(text, start, entries.numbers, place, 1);
    const { integral } = lastRows;
    const isWhole = at === end || (at >= 0 && isBlank(text.bytes[at]!));
    if (!isWhole || (integral && Math.abs(entries.numbers[place]!) > Number.MAX_SAFE_INTEGER)) {
      entries.nNumbers = place;
      return -1;
    }
    if (integral) entries.numbers[place]! += 0; // "-0" is the integer 0
    entries.add(key, integral ? Kind.int : Kind.float, place, place + 1);
    this.#settle(key, text.bytes);
    return at;
  }

  /** Adds a value that is plain ASCII without escapes. */
  #addPlain(key: CommentKey, text: TextBlock, start: number, end: number): void {
    const { entries } = this;
    const { bytes } = text;
    if (key.isText || (!key.isMatrix && beginsAsText(bytes[start]!))) {
      entries.add(key, Kind.text, start, end);
      this.#settle(key, bytes);
      return;
    }
    if (!key.isMatrix && (bytes[start] === 84 || bytes[start] === 70)) {
      const flags = plainFlags(bytes, start, end);
      if (flags !== null) {
        this.#addFlags(key, flags);
        return;
      }
    }
    const first = entries.nNumbers;
    let integral = true;
    let plain = true;
    let at = skipSeparators(bytes, start, end);
    while (at < end && plain) {
      entries.pushNumber(0);
      const last = entries.nNumbers - 1;
      at = readNumbers(text, at, entries.numbers, last, 1);
      integral &&= lastRows.integral;
      plain = at >= 0 && !(integral && Math.abs(entries.numbers[last]!) > Number.MAX_SAFE_INTEGER);
      if (plain) at = skipSeparators(bytes, at, end);
    }
    const count = entries.nNumbers - first;
    if (!plain || count === 0 || (key.isMatrix && count !== 9)) {
      entries.nNumbers = first;
      this.#addExact(key, typedValue(key.name, asciiText(bytes, start, end)));
      return;
    }
    // "-0" is the integer 0, but the float -0.
    if (integral) for (let i = first; i < entries.nNumbers; i++) entries.numbers[i]! += 0;
    const kind = count === 1 ? (integral ? Kind.int : Kind.float) : integral ? Kind.ints : Kind.floats;
    entries.add(key, kind, first, entries.nNumbers);
    this.#settle(key, bytes);
  }

  #addFlags(key: CommentKey, flags: boolean[]): void {
    if (key.role === "pbc" && flags.length === 3) this.pbc = flags as [boolean, boolean, boolean];
    else this.#addExact(key, flags.length === 1 ? flags[0]! : flags);
  }

  #addExact(key: CommentKey, value: Value): void {
    const { entries } = this;
    if (typeof value === "boolean") {
      entries.add(key, value ? Kind.true : Kind.false, 0, 0);
    } else if (key.role === "matrix" && !isExact(value)) {
      entries.addValue(key, toMatrix(value as NumberList));
      return;
    } else if (key.isMatrix && isNdArray(value)) {
      const first = entries.nNumbers;
      for (const number of value.data) entries.pushNumber(Number(number));
      entries.add(key, value.dtype === "int64" ? Kind.ints : Kind.floats, first, entries.nNumbers);
    } else {
      entries.addValue(key, value);
    }
    this.#settle(key, NO_BYTES);
  }

  /** Does with the entry just added what its role asks for. */
  #settle(key: CommentKey, bytes: Uint8Array): void {
    if (key.role === "info") return;
    const { entries } = this;
    const entry = entries.count - 1;
    const { numbers } = entries;
    const start = entries.starts[entry]!;
    switch (key.role) {
      case "lattice":
        this.cell = copyFloats(numbers, start, start + 9);
        entries.count--;
        break;
      case "pbc":
        this.pbc = toPbc(entries.valueOf(entry, bytes, false));
        entries.count--;
        break;
      case "properties":
        this.properties = this.#propertyList(entry, bytes);
        entries.count--;
        break;
      case "stress":
        entries.kinds[entry] = Kind.floats;
        numbers.set(
          VOIGT.map((i) => numbers[start + i]!),
          start,
        );
        entries.ends[entry] = start + VOIGT.length;
        break;
      case "matrix":
        entries.kinds[entry] = entries.kinds[entry] === Kind.ints ? Kind.intMatrix : Kind.floatMatrix;
        numbers.set(
          TRANSPOSED.map((i) => numbers[start + i]!),
          start,
        );
        break;
      default:
        this.#settleResult(key, entry, bytes);
    }
  }

  #settleResult(key: CommentKey, entry: number, bytes: Uint8Array): void {
    const { entries } = this;
    const kind = entries.kinds[entry]!;
    if (kind === Kind.value && entries.values[entries.starts[entry]!] === null) {
      entries.count--; // ASE leaves out results that are None
    } else if (key.role === "floatResult" && kind !== Kind.float && kind !== Kind.floats) {
      entries.count--;
      entries.addValue(key, toFloatArray(entries.valueOf(entry, bytes, false)));
    }
  }

  #propertyList(entry: number, bytes: Uint8Array): Properties {
    const { entries } = this;
    const start = entries.starts[entry]!;
    const end = entries.ends[entry]!;
    // Nearly every comment of a file has the same list.
    const isText = entries.kinds[entry] === Kind.text;
    if (isText && equalBytes(this.#lastList.bytes, bytes, start, end)) return this.#lastList.properties;
    const list = entries.valueOf(entry, bytes, false);
    if (typeof list !== "string") throw new TextProblem("Properties without a list", "name:type:count:…");
    let properties = this.#propertyLists.get(list);
    if (properties === undefined) {
      if (this.#propertyLists.size === MAX_LISTS) this.#propertyLists.clear();
      properties = parseProperties(list);
      this.#propertyLists.set(list, properties);
    }
    if (isText) this.#lastList = { bytes: bytes.slice(start, end), properties };
    return properties;
  }
}

/** @throws {TextProblem} */
function commentText(bytes: Uint8Array): string {
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new TextProblem("bytes that are not UTF-8", "text");
  return strip(text);
}

const NO_BYTES = new Uint8Array(0);
/** What ASE's `atoms.pbc = value` makes of logicals and numbers; it takes any text for true, which is refused here. */
function toPbc(value: Value): [boolean, boolean, boolean] {
  const flags = isNdArray(value)
    ? value.shape.length < 2 && Array.from<number | bigint, boolean>(value.data, isTrue)
    : Array.isArray(value) && value.every((flag) => typeof flag === "boolean")
      ? value
      : typeof value === "boolean" || typeof value === "number"
        ? [isTrue(Number(value))]
        : [];
  if (flags && flags.length === 1) return [flags[0]!, flags[0]!, flags[0]!];
  if (flags && flags.length === 3) return [flags[0]!, flags[1]!, flags[2]!];
  throw new TextProblem(`pbc=${describeValue(value)}`, "one or three logicals");
}

/** Python's `bool(value)`, for which NaN is true. */
function isTrue(value: number | bigint): boolean {
  return Number(value) !== 0;
}
