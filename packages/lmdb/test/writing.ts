import { join } from "node:path";
import { isStowageError, type StowageError } from "@stowage/core";
import { LmdbRows } from "../src/index.js";
import { numbered, texts } from "./blob-rows.js";
import { temporaryFolder } from "./temporary-folder.js";

/** Where there is no store yet. */
export const newStore = (): string => join(temporaryFolder(), "rows.lmdb");
export const open = (path: string, group?: string): LmdbRows => LmdbRows.open(path, { mode: "r+", group });
export const fileOf = (path: string, group = "default"): string => join(path, group, "data.mdb");

/** The texts of all rows. */
export function all(rows: LmdbRows): (Record<string, string> | null)[] {
  return rows.getMany(Array.from({ length: rows.length }, (_, i) => i)).map(texts);
}

/** The numbers of {@link numbered} rows. */
export const numbers = (rows: LmdbRows): number[] => all(rows).map((each) => Number(each?.n));
export const upTo = (end: number): number[] => Array.from({ length: end }, (_, i) => i);

/** What an action throws. */
export function failure(action: () => unknown): StowageError {
  try {
    action();
  } catch (error) {
    if (isStowageError(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** A store of three rows. */
export function made(): string {
  const path = newStore();
  using rows = open(path);
  rows.append(numbered(0, 3));
  return path;
}
