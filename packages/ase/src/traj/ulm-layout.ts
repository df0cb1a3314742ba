/**
 * ULM, the container of ASE's `.traj` files. Integers of the container are int64, little-endian.
 *
 * | bytes | |
 * |---|---|
 * | 0 | `- of Ulm`; `AFFormat` before version 3 |
 * | 8 | tag of 16 characters: `ASE-Trajectory  ` |
 * | 24 | version, 1 to 3 |
 * | 32 | number of items: one a frame |
 * | 40 | where the table of item offsets is; at first 48 |
 *
 * The table has room for 1, 42, 42² … items; a full one is followed by a longer one at the end of the file. An item is
 * the length of a JSON text and the text. Arrays lie before their item, at multiples of 8 (`#` between), and the text
 * names them as `"positions.": {"ndarray": [[2, 3], "float64", 56]}`. `"_little_endian": false` in a text says that the
 * arrays of this item are big-endian.
 *
 * @see ase 3.29 `ase/io/ulm.py`
 */

export const ULM_MAGIC = "- of Ulm";
export const OLD_ULM_MAGIC = "AFFormat";
export const TRAJ_TAG = "ASE-Trajectory  ";
export const ULM_VERSION = 3;

export const VERSION_OFFSET = 24;
export const COUNT_OFFSET = 32;
export const TABLE_OFFSET = 40;
/** Where the first table is in a new file; what lies before it is the header. */
export const HEADER_BYTES = 48;

const TABLE_GROWTH = 42;

/** For how many items a table has room, which follows from how many it has. */
export function tableCapacity(nItems: number): number {
  let capacity = 1;
  while (capacity < nItems) capacity *= TABLE_GROWTH;
  return capacity;
}

/** The next multiple of 8. */
export function aligned(byteOffset: number): number {
  return Math.ceil(byteOffset / 8) * 8;
}

/** Whether bytes begin like a trajectory of ASE. */
export function looksLikeTraj(head: Uint8Array): boolean {
  const start = latin1(head.subarray(0, 24));
  return start === ULM_MAGIC + TRAJ_TAG || start === OLD_ULM_MAGIC + TRAJ_TAG;
}

/** Bytes as characters of the same numbers, for comparing and showing. */
export function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
