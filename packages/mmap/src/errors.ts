import { isStowageError, StowageError } from "@stowage/core";

/** What each error of this package tells a program, by code. */
export interface MmapErrorDetails {
  /** A file that lost bytes while it was open: what a map shows in their place are zeros, stores there are lost. */
  ERR_MAPPING_TRUNCATED: { path: string; mappedEnd: number; fileSize: number };
  /** A view of a size or at a place that the runtime, or the element type, does not allow. */
  ERR_MAPPING_VIEW: { path: string; byteOffset: number; byteLength: number; limit: number };
  /** A map that the system refused. */
  ERR_MAPPING: { path: string; reason: string };
  /** Something that only the native addon can do. */
  ERR_NATIVE_REQUIRED: { feature: string; reason: string };
  /** A fault inside the addon: a bug of ours, and no harm to the data. */
  ERR_NATIVE: { kernel: string; reason: string };
}

declare module "@stowage/core" {
  interface ErrorDetails extends MmapErrorDetails {}
}

export function truncatedMap(
  path: string,
  mappedEnd: number,
  fileSize: number,
): StowageError<"ERR_MAPPING_TRUNCATED"> {
  const state =
    fileSize < mappedEnd
      ? `the file was cut while it was open, it has ${fileSize} bytes, expected ${mappedEnd}`
      : "the file was shorter for a while, or its disk failed, while it was mapped";
  return new StowageError(
    "ERR_MAPPING_TRUNCATED",
    `Cannot use ${path}: ${state}`,
    { path, mappedEnd, fileSize },
    { hint: "what was read since may be zeros, what was stored may be lost; refresh() or open it again" },
  );
}

export function nativeRequired(feature: string, reason: string): StowageError<"ERR_NATIVE_REQUIRED"> {
  return new StowageError(
    "ERR_NATIVE_REQUIRED",
    `Cannot ${feature} without the native addon: ${reason}`,
    { feature, reason },
    { hint: "`npx stowage info --env` says what was looked for" },
  );
}

/** What a kernel threw, as an error with a code. */
export function kernelError(kernel: string, cause: unknown): StowageError {
  if (isStowageError(cause)) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StowageError(
    "ERR_NATIVE",
    `Cannot run ${kernel} in the native addon: ${reason}`,
    { kernel, reason },
    { cause, hint: "please report this; STOWAGE_NATIVE=0 works without the addon" },
  );
}
