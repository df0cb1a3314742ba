import { createHash } from "node:crypto";

/**
 * A short name for what something was made from.
 *
 * @param {readonly (string | Uint8Array)[]} parts
 */
export function contentHash(parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest("hex").slice(0, 16);
}
