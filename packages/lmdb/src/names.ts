import { quote, StowageError } from "@stowage/core";

/** LMDB's limit for a key, less the longest sort key and its dash. */
const MAX_NAME_BYTES = 511 - 21;

// Names of fields are bytes; in strings, one character each (latin-1).

export function latin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

export function fromLatin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** The bytes of a name to look for. @throws {StowageError} ERR_OPTION for characters that are no bytes. */
export function fieldName(name: string): Uint8Array {
  if (isBytes(name)) return latin1(name);
  throw new StowageError(
    "ERR_OPTION",
    `Cannot read field ${JSON.stringify(name)}: field names are bytes, a character each`,
    { option: "keys", value: name },
    { hint: 'for text in UTF-8: Buffer.from(name).toString("latin1")' },
  );
}

/** Why the layout cannot hold a name; `null` if it can. */
export function unfitName(name: string): string | null {
  if (!isBytes(name)) return "its name has characters that are no bytes";
  if (name === "") return "its name is empty";
  if (name.includes("\n")) return "its name has a line break, which separates names in the list of all";
  if (name.length <= MAX_NAME_BYTES) return null;
  return `its name has ${name.length} bytes, at most ${MAX_NAME_BYTES} fit`;
}

/** The bytes of a name to write. @throws {StowageError} ERR_LOSS for a name that the layout cannot hold. */
export function newFieldName(name: string, path: string): Uint8Array {
  const reason = unfitName(name);
  if (reason === null) return latin1(name);
  throw new StowageError("ERR_LOSS", `Cannot write field ${quote(name)} to ${path}: ${reason}`, {
    key: name,
    reason,
  });
}

/** One key from two parts. */
export function join(prefix: Uint8Array, name: Uint8Array): Uint8Array {
  const key = new Uint8Array(prefix.length + name.length);
  key.set(prefix);
  key.set(name, prefix.length);
  return key;
}

/** What the keys of a row begin with. */
export function rowPrefix(sortKey: bigint): Uint8Array {
  return latin1(`${sortKey}-`);
}

function isBytes(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false;
  return true;
}
