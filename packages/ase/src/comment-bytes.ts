/** Pieces of plain comments, as they are found among their bytes. */

export const QUOTE = 34;
export const EQUALS = 61;

/** What a byte is in a plain comment; everything unnamed is not plain. */
const ORDINARY = 1;
const BLANK = 2;
const CLASSES = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === 32 || byte === 9) return BLANK;
  // Escapes and opening delimiters; control characters and other scripts may be white space.
  return byte > 32 && byte < 127 && !"\\\"'{[=".includes(String.fromCharCode(byte)) ? ORDINARY : 0;
});

export function skipBlanks(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && CLASSES[bytes[at]!] === BLANK) at++;
  return at;
}

export function skipSeparators(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && (CLASSES[bytes[at]!] === BLANK || bytes[at] === 44)) at++;
  return at;
}

/** Where a run of ordinary bytes ends; a run that ends at anything but a blank or `=` is none. */
export function endOfWord(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && CLASSES[bytes[at]!] === ORDINARY) at++;
  return at === end || CLASSES[bytes[at]!] === BLANK || bytes[at] === EQUALS ? at : -1;
}

/** Whether `key=` stands at `start`. */
export function startsWithKey(bytes: Uint8Array, start: number, end: number, key: Uint8Array): boolean {
  const keyEnd = start + key.length;
  if (keyEnd >= end || bytes[keyEnd] !== EQUALS) return false;
  for (let i = 0; i < key.length; i++) if (bytes[start + i] !== key[i]) return false;
  return true;
}

/** The place of the closing quote, -1 if the text up to it is not plain. */
export function endOfQuoted(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at;
    if (byte === 92 || byte > 126 || (byte < 32 && byte !== 9)) return -1;
  }
  return -1;
}

/** Whether a value that begins with this byte can be neither a number nor a logical nor `_JSON`. */
export function beginsAsText(byte: number): boolean {
  const letter = (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122);
  return letter && !"TtFfNnIi".includes(String.fromCharCode(byte));
}

/** The logicals of a value such as `T F F`, `null` for anything else. */
export function plainFlags(bytes: Uint8Array, start: number, end: number): boolean[] | null {
  const flags: boolean[] = [];
  for (let at = start; at < end; at += 2) {
    const byte = bytes[at];
    if ((byte !== 84 && byte !== 70) || (at + 1 < end && bytes[at + 1] !== 32)) return null;
    flags.push(byte === 84);
  }
  return end - start === 2 * flags.length - 1 ? flags : null;
}

export function equalBytes(expected: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (expected.length !== end - start) return false;
  for (let i = 0; i < expected.length; i++) if (expected[i] !== bytes[start + i]) return false;
  return true;
}

/** Whether a byte separates entries. */
export function isBlank(byte: number): boolean {
  return CLASSES[byte] === BLANK;
}

/** Whether a comment has a `=`, which no plain comment has. */
export function hasEquals(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === EQUALS) return true;
  return false;
}
