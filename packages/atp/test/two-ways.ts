/*
 * One file, opened in two ways: by its path, so that it is mapped and native kernels read it, and as bytes in memory,
 * which TypeScript alone reads. Everything that is read of it has to be the same, errors included.
 */
import { writeFileSync } from "node:fs";
import { isStowageError, MemorySource } from "@stowage/core";
import { AtpFile, type AtpOpenOptions } from "../src/index.js";
import { toSpec } from "./arbitrary-file.js";
import { bits } from "./equal-bits.js";

/** What an action gives: its value to the last bit, or its error with code, message, details and hint. */
export function outcomeOf(action: () => unknown): unknown {
  try {
    return { value: bits(action()) };
  } catch (error) {
    if (isStowageError(error)) {
      const { code, message, details, hint } = error;
      return { code, message, details: bits(details), hint };
    }
    if (error instanceof TypeError) return { type: "TypeError", message: error.message };
    throw error;
  }
}

/** How a file is asked; what comes back is compared. */
export type Question = (db: AtpFile) => unknown;

export const at =
  (index: number): Question =>
  (db) =>
    toSpec(db.at(index));

export const many =
  (indices: ArrayLike<number>): Question =>
  (db) =>
    db.getMany(indices).map(toSpec);

export const flat =
  (indices: ArrayLike<number>, fields?: readonly string[]): Question =>
  (db) =>
    db.flat(indices, fields === undefined ? {} : { fields });

/**
 * The outcomes of questions to a mapped file and to the same bytes in memory, in this order, on one handle each.
 *
 * @param path       Where the file is written.
 * @param questions  Made from the file that was opened in memory; none where it does not open.
 */
export function askBoth(
  path: string,
  bytes: Uint8Array,
  questions: (db: AtpFile) => readonly Question[],
  options: AtpOpenOptions = {},
): { mapped: unknown[]; memory: unknown[] } {
  writeFileSync(path, bytes);
  const memory: unknown[] = [];
  const mapped: unknown[] = [];
  let asked: readonly Question[] = [];
  memory.push(
    outcomeOf(() => {
      const db = AtpFile.open(new MemorySource(bytes, path), options);
      asked = questions(db);
      for (const ask of asked) memory.push(outcomeOf(() => ask(db)));
      return "open";
    }),
  );
  mapped.push(
    outcomeOf(() => {
      using db = AtpFile.open(path, options);
      for (const ask of asked) mapped.push(outcomeOf(() => ask(db)));
      return "open";
    }),
  );
  return { mapped, memory };
}

/**
 * `mapped`, but what `memory` says where that is zstd's refusal of damaged bytes.
 *
 * The format has no checksum, and zstd does not promise to notice damage: the 64-bit decoder, which the peer has too,
 * overlooks some that the 32-bit one in WebAssembly finds (bits left over in a Huffman stream). Whatever else kernels
 * are unsure of they leave to TypeScript, so this is the one case in which the two may differ.
 */
export function exceptUnnoticed(mapped: readonly unknown[], memory: readonly unknown[]): unknown[] {
  return mapped.map((outcome, i) => {
    const { code, message } = memory[i] as { code?: string; message?: string };
    return code === "ERR_ATP_RECORD" && message!.endsWith("zstd refuses it (error 20)") ? memory[i] : outcome;
  });
}
