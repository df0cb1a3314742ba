import type { Capabilities } from "@stowage/core";
import type { ContractOptions } from "./contract.js";

/** What the backend can do here. */
export function capabilitiesOf({ backend, capabilities }: ContractOptions): Capabilities {
  return { ...backend.capabilities, ...capabilities };
}

/** Whether it makes datasets with rows. */
export function canWrite(contract: ContractOptions): boolean {
  const { create, append } = capabilitiesOf(contract);
  return create && append;
}

/** Whether it adds rows to datasets that are there. */
export function canAppend(contract: ContractOptions): boolean {
  return capabilitiesOf(contract).append;
}

/** Whether it changes rows that are there. */
export function canEdit(contract: ContractOptions): boolean {
  return capabilitiesOf(contract).edit === true;
}

/** Whether it opens anything for writing. */
export function isReadOnly(contract: ContractOptions): boolean {
  const { create, append, edit = false } = capabilitiesOf(contract);
  return !create && !append && !edit;
}

/** Whether one path holds several datasets. */
export function hasGroups({ backend }: ContractOptions): boolean {
  return backend.listGroups !== undefined;
}

/** How a mode is refused: a backend that could do it elsewhere says what it lacks here. */
export function refusalOf({ capabilities }: ContractOptions): string {
  return capabilities === undefined ? "ERR_UNSUPPORTED" : "ERR_NATIVE_REQUIRED";
}
