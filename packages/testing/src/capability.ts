import type { ContractOptions } from "./contract.js";

/** Whether the backend makes datasets with rows. */
export function canWrite({ backend: { capabilities } }: ContractOptions): boolean {
  return capabilities.create && capabilities.append;
}

/** Whether it adds rows to datasets that are there. */
export function canAppend({ backend: { capabilities } }: ContractOptions): boolean {
  return capabilities.append;
}

/** Whether it changes rows that are there. */
export function canEdit({ backend: { capabilities } }: ContractOptions): boolean {
  return capabilities.edit === true;
}

/** Whether it opens anything for writing. */
export function isReadOnly(contract: ContractOptions): boolean {
  return !contract.backend.capabilities.create && !canAppend(contract) && !canEdit(contract);
}

/** Whether one path holds several datasets. */
export function hasGroups({ backend }: ContractOptions): boolean {
  return backend.listGroups !== undefined;
}
