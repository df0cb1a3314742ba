import { quote, StowageError } from "@stowage/core";
import { canWrite, capabilitiesOf } from "./capability.js";
import type { ContractOptions, Outcome } from "./contract.js";
import { type SampleRows, sampleRows } from "./sample-rows.js";

/** What should become of sample rows: as declared, else by the capabilities. */
export function expectedOutcome({ name, needs }: SampleRows, contract: ContractOptions): Outcome {
  const declared = contract.exceptions?.[name];
  if (declared !== undefined) return declared;
  return needs === undefined || capabilitiesOf(contract)[needs] === true ? "exact" : "refused";
}

/** @throws {StowageError} ERR_OPTION */
export function checkContract(contract: ContractOptions): void {
  const { backend, exceptions = {}, prepare } = contract;
  for (const name of Object.keys(exceptions)) {
    if (sampleRows.some((sample) => sample.name === name)) continue;
    throw new StowageError(
      "ERR_OPTION",
      `Cannot use the exception ${quote(name)}: there are no sample rows of that name`,
      { option: "exceptions", value: name },
      { hint: `there are: ${sampleRows.map((sample) => sample.name).join("; ")}` },
    );
  }
  if (prepare !== undefined || canWrite(contract)) return;
  throw new StowageError(
    "ERR_OPTION",
    `Cannot try the backend "${backend.name}": it makes no datasets to read`,
    { option: "prepare", value: "undefined" },
    { hint: "pass prepare(path, rows, group), which makes one by other means" },
  );
}
