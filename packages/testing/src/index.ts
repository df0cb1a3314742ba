export { backendContract, type ContractCheck, type ContractOptions, type Outcome } from "./contract.js";
export { type ContractReport, runContract } from "./run-contract.js";
export { type SampleRows, sampleRows } from "./sample-rows.js";
