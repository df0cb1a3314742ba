// What each backend of ours keeps, for the contract suite: in the tests of @stowage/testing on the sources, and in
// smoke.mjs on the built packages. The tables say the same as apps/docs/losses.md.
import path from "node:path";
import { memory } from "@stowage/core";

/** @type {Record<string, import("@stowage/testing").Outcome>} */
const atpExceptions = {
  "uint64 scalars": "refused",
  "int32 scalars": "noted",
  "uint8 scalars": "noted",
  "float32 scalars": "noted",
  "float16 scalars": "noted",
  "complex128 scalars": "refused",
  booleans: "noted",
  "uint8 arrays": "noted",
  "bool arrays": "noted",
  "complex128 arrays": "refused",
  "booleans for each atom": "noted",
  "text for each atom": "refused",
  "stress of six components": "noted",
  "results of one's own": "refused",
  "whole numbers and fractions under one key": "refused",
  "numbers and text under one key": "refused",
  "null and numbers under one key": "refused",
  "a key of 600 letters": "refused",
};

/** @type {Record<string, import("@stowage/testing").Outcome>} */
const xyzExceptions = {
  "uint64 scalars": "refused",
  "int32 scalars": "noted",
  "uint8 scalars": "noted",
  "float32 scalars": "noted",
  "float16 scalars": "noted",
  "complex128 scalars": "refused",
  "float32 arrays": "noted",
  "int32 arrays": "noted",
  "uint8 arrays": "noted",
  "complex128 arrays": "refused",
  "arrays without elements of rank 2": "refused",
  "lists in lists": "refused",
  "lists of whole numbers": "noted",
  "lists of fractions": "noted",
  "empty lists": "noted",
  "arrays in objects": "refused",
  "float64 matrices for each atom": "refused",
  "float32 for each atom": "noted",
  "int64 for each atom": "refused",
  "energies as float32": "noted",
  "forces as float32": "noted",
  "stress of nine components": "noted",
  "results of one's own": "refused",
  "masses, momenta and tags": "noted",
  "positions as float32": "noted",
  "whole numbers and fractions under one key": "noted",
};

/** @type {Record<string, import("@stowage/testing").Outcome>} */
const trajExceptions = {
  "uint64 scalars": "noted",
  "int32 scalars": "noted",
  "uint8 scalars": "noted",
  "float32 scalars": "noted",
  "float16 scalars": "noted",
  "energies as float32": "noted",
  "forces as float32": "noted",
  "results of one's own": "refused",
  "positions as float32": "noted",
};

/** @type {Record<string, import("@stowage/testing").Outcome>} */
const lmdbExceptions = {
  "a key of 600 letters": "refused",
};

/**
 * @param {string} folder
 * @param {import("@stowage/testing").ContractOptions["prepare"]} [prepareLmdb]  Makes LMDB stores where the addon that
 *   writes them is absent; without it LMDB is left out there.
 * @returns {Promise<{ name: string, contract: import("@stowage/testing").ContractOptions }[]>}
 */
export async function contracts(folder, prepareLmdb) {
  const { traj, xyz } = await import("@stowage/ase");
  const { atp } = await import("@stowage/atp");
  const { lmdb, nativeStatus } = await import("@stowage/lmdb");
  let count = 0;
  /** @param {string} extension */
  const freshPath = (extension) => () => path.join(folder, `${count++}${extension}`);
  const stored = { backend: lmdb, freshPath: freshPath(".lmdb"), exceptions: lmdbExceptions };
  /** @type {import("@stowage/testing").ContractOptions} */
  const read = {
    ...stored,
    prepare: prepareLmdb,
    capabilities: { create: false, append: false, edit: false },
    exceptions: { ...lmdbExceptions, "a row without keys": "exact" },
  };
  const ofLmdb = nativeStatus().available ? [stored] : prepareLmdb === undefined ? [] : [read];
  return [
    { name: "memory", contract: { backend: memory, freshPath: () => `memory://contract-${count++}` } },
    ...["none", "lz4", "zstd"].map((codec) => ({
      name: `atp, codec ${codec}`,
      contract: { backend: atp, freshPath: freshPath(".atp"), options: { codec }, exceptions: atpExceptions },
    })),
    { name: "xyz", contract: { backend: xyz, freshPath: freshPath(".extxyz"), exceptions: xyzExceptions } },
    { name: "traj", contract: { backend: traj, freshPath: freshPath(".traj"), exceptions: trajExceptions } },
    ...ofLmdb.map((contract) => ({ name: "lmdb", contract })),
  ];
}
