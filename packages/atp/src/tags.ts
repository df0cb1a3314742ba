import type { DType } from "@stowage/core";

/*
 * How a section's payload is laid out. The tags exist once, here.
 *
 * @see atompack 0.4 `atompack/src/storage/dtypes.rs`
 */

/** Section kinds. */
export const BUILTIN = 0;
export const ATOM_SCOPE = 1;
export const MOLECULE_SCOPE = 2;
export type Kind = typeof BUILTIN | typeof ATOM_SCOPE | typeof MOLECULE_SCOPE;

export const KIND_NAMES = ["builtin", "atom", "molecule"] as const;

export type Layout = "scalar" | "string" | "vector" | "vec3" | "bool3" | "matrix3" | "none" | "tensor";

export interface Tag {
  readonly tag: number;
  readonly layout: Layout;
  /** Element type; `null` for text and None. */
  readonly dtype: DType | null;
  /** As the schema block states it: bytes of one element, of one row for vec3, of the whole for fixed layouts. */
  readonly elemBytes: number;
}

function entry(tag: number, layout: Layout, dtype: DType | null, elemBytes: number): Tag {
  return { tag, layout, dtype, elemBytes };
}

export const TAGS: readonly Tag[] = [
  entry(0, "scalar", "float64", 8),
  entry(1, "scalar", "int64", 8),
  entry(2, "string", null, 0),
  entry(3, "vector", "float64", 8),
  entry(4, "vec3", "float32", 12),
  entry(5, "vector", "int64", 8),
  entry(6, "vector", "float32", 4),
  entry(7, "vec3", "float64", 24),
  entry(8, "vector", "int32", 4),
  entry(9, "bool3", "bool", 3),
  entry(10, "matrix3", "float64", 72),
  entry(11, "scalar", "float32", 4),
  entry(12, "matrix3", "float32", 36),
  entry(13, "none", null, 0),
  entry(14, "tensor", "float32", 4),
  entry(15, "tensor", "float64", 8),
  entry(16, "tensor", "int32", 4),
  entry(17, "tensor", "int64", 8),
];

/** The tag of a layout and element type, `undefined` where the format has none. */
export function tagOf(layout: Layout, dtype: DType | null): Tag | undefined {
  return TAGS.find((tag) => tag.layout === layout && tag.dtype === dtype);
}

export const TAG_STRING: Tag = TAGS[2]!;
export const TAG_NONE: Tag = TAGS[13]!;
export interface Builtin {
  readonly key: BuiltinKey;
  readonly tags: readonly number[];
  /** The only tag that record format 2 knows. */
  readonly format2: number;
  readonly perAtom: boolean;
}

export type BuiltinKey = "charges" | "cell" | "energy" | "forces" | "name" | "pbc" | "stress" | "velocities";

/** In the order in which the peer writes them. */
export const BUILTINS: readonly Builtin[] = [
  { key: "charges", tags: [3, 6], format2: 3, perAtom: true },
  { key: "cell", tags: [10, 12], format2: 10, perAtom: false },
  { key: "energy", tags: [0, 11], format2: 0, perAtom: false },
  { key: "forces", tags: [4, 7], format2: 4, perAtom: true },
  { key: "name", tags: [2], format2: 2, perAtom: false },
  { key: "pbc", tags: [9], format2: 9, perAtom: false },
  { key: "stress", tags: [10, 12], format2: 10, perAtom: false },
  { key: "velocities", tags: [4, 7], format2: 4, perAtom: true },
];

const BUILTIN_BY_KEY = new Map<string, Builtin>(BUILTINS.map((builtin) => [builtin.key, builtin]));

export function builtinOf(key: string): Builtin | undefined {
  return BUILTIN_BY_KEY.get(key);
}

/** Whether a section holds one value an atom. */
export function isPerAtom(kind: Kind, key: string): boolean {
  return kind === ATOM_SCOPE || (kind === BUILTIN && (builtinOf(key)?.perAtom ?? false));
}

/** Whether a section may hold a type. Types 9 to 12 stand only in builtins; of those not known here, any may. */
export function isAllowedTag(kind: Kind, key: string, tag: number): boolean {
  if (kind !== BUILTIN) return tag < 9 || tag > 12;
  return builtinOf(key)?.tags.includes(tag) ?? true;
}
