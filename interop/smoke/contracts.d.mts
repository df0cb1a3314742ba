import type { ContractOptions } from "@stowage/testing";

/** The contract of each backend of ours, over files in a folder. */
export function contracts(folder: string): Promise<{ name: string; contract: ContractOptions }[]>;
