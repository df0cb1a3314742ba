/** One row a format: the only place that names our optional packages. Nothing is loaded until it is needed. */
export interface CatalogEntry {
  readonly name: string;
  readonly package: string;
  readonly extensions: readonly string[];
  /** The bytes every file of the format begins with, where there are such. */
  readonly magic?: string;
}

export const CATALOG: readonly CatalogEntry[] = [
  { name: "atp", package: "@stowage/atp", extensions: [".atp"], magic: "ATPK" },
  { name: "xyz", package: "@stowage/ase", extensions: [".xyz", ".extxyz"] },
  { name: "traj", package: "@stowage/ase", extensions: [".traj"], magic: "- of UlmASE-Traj" },
  { name: "lmdb", package: "@stowage/lmdb", extensions: [".lmdb"] },
  { name: "aselmdb", package: "@stowage/lmdb", extensions: [".aselmdb"] },
];
