import { isStowageError, StowageError } from "@stowage/core";
import type { FlatBatch } from "./flat-batch.js";

/** What a worker is started with. */
export interface PoolWorkerData {
  readonly path: string;
}

/** A batch to be read. */
export interface PoolRequest {
  readonly indices: readonly number[];
  readonly fields: readonly string[] | undefined;
}

/** What came of it. */
export type PoolAnswer = { readonly batch: FlatBatch } | { readonly error: PackedError };

/** An error on its way between threads, where classes are lost. */
type PackedError =
  | {
      readonly code: StowageError["code"];
      readonly message: string;
      readonly details: StowageError["details"];
      readonly hint: string | undefined;
      readonly cause: unknown;
    }
  | { readonly other: unknown };

export function packError(error: unknown): PackedError {
  if (!isStowageError(error)) return { other: error };
  const { code, message, details, hint, cause } = error;
  return { code, message, details, hint, cause: isStowageError(cause) ? cause.message : cause };
}

/** The error as it was thrown; its stack shows where it was asked for. */
export function unpackError(packed: PackedError): unknown {
  if ("other" in packed) return packed.other;
  const { code, message, details, hint, cause } = packed;
  return new StowageError(code, message, details, { hint, cause });
}

/** The memory of a batch that is its own, to be handed over instead of copied. */
export function buffersOf(batch: FlatBatch): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  const visit = (value: unknown): void => {
    if (ArrayBuffer.isView(value)) {
      const { buffer, byteLength } = value;
      if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength && byteLength > 0) {
        buffers.add(buffer);
      }
    } else if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      for (const item of Object.values(value)) visit(item);
    }
  };
  visit(batch);
  return [...buffers];
}
