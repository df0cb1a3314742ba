import type { ContractOptions } from "@stowage/testing";

/**
 * The contract of each backend of ours, over files in a folder.
 *
 * @param prepareLmdb  Makes LMDB stores where the addon that writes them is absent; without it LMDB is left out there.
 */
export function contracts(
  folder: string,
  prepareLmdb?: ContractOptions["prepare"],
): Promise<{ name: string; contract: ContractOptions }[]>;
