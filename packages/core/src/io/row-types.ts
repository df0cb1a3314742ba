import type { Atoms } from "../atoms.js";
import type { Row, Value } from "../row.js";
import type { ColumnValues } from "./column-values.js";

/** A row as bytes: what a store keeps under each key. */
export type BlobRow = Record<string, Uint8Array>;

/** What a facade shows under one key. */
export type Item = Value | Uint8Array;

/** Keys and their new values; `update` of atoms also takes `info`, `arrays` and `calc` as objects. */
export type Patch = {
  readonly [key: string]: Value | undefined | { readonly [key: string]: Value | undefined };
};

/** Only of `BlobRow` itself: an object type without keys would fit it, too. */
type IsBlobRow<T> = string extends keyof T ? ([T] extends [BlobRow] ? true : false) : false;

/** The keys that rows are known to have. */
export type KeyOf<T> = T extends Atoms ? string : string & keyof T;
/** What is known of the values of a key. */
export type ValueOf<T, K> = T extends Atoms ? Value : K extends keyof T ? Extract<T[K], Item> : Value;
/** Some keys of a row. */
export type PartOf<T> = IsBlobRow<T> extends true ? BlobRow : Row;
/** Keys and their new values. */
export type PatchOf<T> = IsBlobRow<T> extends true ? BlobRow : Patch;
/** The values of a column; of bytes a list, with `null` where a row lacks the key. */
export type ColumnOf<V> = [V] extends [Uint8Array] ? (Uint8Array | null)[] : ColumnValues;
