import { StowageError } from "@stowage/core";

/** Inflates zlib data, and throws where there is more than so many bytes. */
export type Inflate = (bytes: Uint8Array, maxBytes: number) => Uint8Array;

/** Node's zlib, which Bun and Deno have, too. @throws {StowageError} ERR_UNSUPPORTED where there is none */
export function loadInflate(path: string): Inflate {
  const zlib = globalThis.process?.getBuiltinModule?.("node:zlib");
  if (zlib !== undefined) return (bytes, maxOutputLength) => zlib.inflateSync(bytes, { maxOutputLength });
  throw new StowageError(
    "ERR_UNSUPPORTED",
    `Cannot read ${path}: its rows are compressed, and this runtime has no zlib that answers at once`,
    { feature: "zlib" },
    { hint: "open it in Node 20.16 or later, Bun or Deno" },
  );
}
