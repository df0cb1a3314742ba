import { backendContract, type ContractOptions } from "./contract.js";

/** What came of a contract. */
export interface ContractReport {
  /** Names of the checks. */
  readonly passed: readonly string[];
  readonly failed: readonly { readonly name: string; readonly error: unknown }[];
}

/**
 * Runs all checks one after another, whatever becomes of those before.
 *
 * @throws {StowageError} ERR_OPTION as `backendContract` does. What fails is in the report.
 */
export async function runContract(options: ContractOptions): Promise<ContractReport> {
  const passed: string[] = [];
  const failed: { name: string; error: unknown }[] = [];
  for (const { name, run } of backendContract(options)) {
    try {
      await run();
      passed.push(name);
    } catch (error) {
      failed.push({ name, error });
    }
  }
  return { passed, failed };
}
