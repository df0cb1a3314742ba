import { StowageError } from "./errors.js";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * The text of a key that a store keeps as bytes: UTF-8. A byte that is none becomes a lone surrogate, U+DC80 to U+DCFF,
 * as with Python's `surrogateescape`, so that different bytes are different keys.
 */
export function keyFromBytes(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    return escapedText(bytes);
  }
}

/**
 * The bytes of a key: what {@link keyFromBytes} makes the key of again.
 *
 * @throws {StowageError} ERR_ROW for a key with surrogates that stand for no byte.
 */
export function keyToBytes(key: string): Uint8Array {
  if (!/\p{Surrogate}/u.test(key)) return encoder.encode(key);
  const bytes = Uint8Array.from(
    Array.from(key).flatMap((character) => {
      const point = character.codePointAt(0)!;
      return point >= 0xdc80 && point <= 0xdcff ? [point - 0xdc00] : [...encoder.encode(character)];
    }),
  );
  if (keyFromBytes(bytes) === key) return bytes;
  throw new StowageError(
    "ERR_ROW",
    `Cannot store the key ${JSON.stringify(key)}: it has surrogates that are no text and stand for no byte`,
    { key },
  );
}

function escapedText(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const character = characterAt(bytes, at);
    text += character ?? String.fromCharCode(0xdc00 + bytes[at]!);
    at += character === null ? 1 : encoder.encode(character).length;
  }
  return text;
}

/** `null` where no character begins. */
function characterAt(bytes: Uint8Array, at: number): string | null {
  const lead = bytes[at]!;
  const byteLength = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  try {
    return decoder.decode(bytes.subarray(at, at + byteLength));
  } catch {
    return null;
  }
}
