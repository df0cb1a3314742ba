import { StowageError } from "../errors.js";

/** Lists and maps within each other, at most: what is nested deeper is damaged, or made to exhaust the stack. */
export const MAX_DEPTH = 512;

/** NumPy's own limit. */
export const MAX_DIMENSIONS = 64;

/** The error for bytes that are no msgpack value. */
export function msgpackError(
  byteOffset: number,
  expected: string,
  found: string,
): StowageError<"ERR_MSGPACK"> {
  return new StowageError(
    "ERR_MSGPACK",
    `Cannot decode a msgpack value: at byte ${byteOffset} expected ${expected}, found ${found}`,
    { byteOffset, expected, found },
  );
}

/** The error for a msgpack value that is sound, but nothing a row can hold. */
export function unsupportedValue(feature: string, hint?: string): StowageError<"ERR_UNSUPPORTED"> {
  return new StowageError(
    "ERR_UNSUPPORTED",
    `Cannot decode a msgpack value: ${feature}`,
    { feature },
    { hint },
  );
}
