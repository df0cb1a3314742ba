import type { BackendSpec, Capabilities, OpenOptions, Row } from "@stowage/core";
import { appendingChecks } from "./checks/appending.js";
import { blobChecks } from "./checks/blobs.js";
import { closingChecks } from "./checks/closing.js";
import { descriptionChecks } from "./checks/description.js";
import { editingChecks } from "./checks/editing.js";
import { facadeChecks } from "./checks/facades.js";
import { facadeEditingChecks } from "./checks/facades-editing.js";
import { groupChecks } from "./checks/groups.js";
import { modeChecks } from "./checks/modes.js";
import { randomChecks } from "./checks/random.js";
import { readingChecks } from "./checks/reading.js";
import { valueChecks } from "./checks/values.js";
import { checkContract } from "./expected-outcome.js";
import { Subject, type Twin } from "./subject.js";

declare module "@stowage/core" {
  interface ErrorDetails {
    /** A backend that does not do what the contract says. */
    ERR_CONTRACT: { found: string; expected: string };
  }
}

/**
 * What becomes of sample rows: they come back equal to the last bit, or under another type with a note in `losses`, or
 * are refused with a `StowageError`.
 */
export type Outcome = "exact" | "noted" | "refused";

/** A backend under test. */
export interface ContractOptions {
  readonly backend: BackendSpec;
  /** A path, of an extension or scheme of the backend, at which there is nothing yet: another one at each call. */
  freshPath(): string;
  /** Options of every opening, such as a codec. */
  readonly options?: OpenOptions & Readonly<Record<string, unknown>>;
  /**
   * What becomes of sample rows that do not come back as they were given, by the names in {@link sampleRows}. Rows that
   * need a capability which the backend does not claim are expected to be refused without being named here.
   */
  readonly exceptions?: Readonly<Record<string, Outcome>>;
  /**
   * What it can do here, where that is less than it claims: without its native addon, say. What is missing has to be
   * refused with ERR_NATIVE_REQUIRED.
   */
  readonly capabilities?: Partial<Capabilities>;
  /** Makes a dataset by other means, for a backend that cannot create any. */
  prepare?(path: string, rows: readonly Row[], group?: string): void | Promise<void>;
  /** Of random operations; it stands in the names of their checks. Default: another one at each call. */
  readonly seed?: number;
}

/** One thing that a backend has to do. */
export interface ContractCheck {
  readonly name: string;
  /** Rejects with what is wrong: ERR_CONTRACT, or what the backend threw. */
  run(): Promise<void>;
}

/** A check before it knows its backend. */
export interface Check {
  readonly name: string;
  /** Default: to every backend. */
  readonly appliesTo?: (contract: ContractOptions) => boolean;
  readonly run: (subject: Subject) => Promise<void>;
}

/**
 * The checks that a backend has to pass: of `open`, and of `openSync` where it has that. They are independent of each
 * other and of any test framework.
 *
 * @throws {StowageError} ERR_OPTION for exceptions that name no sample rows, and for a backend that neither creates
 * datasets nor has `prepare`.
 *
 * @example
 * ```ts
 * for (const { name, run } of backendContract({ backend, freshPath })) test(name, run);
 * ```
 */
export function backendContract(options: ContractOptions): ContractCheck[] {
  checkContract(options);
  const { backend, seed = Math.floor(Math.random() * 2 ** 32) } = options;
  const checks = [
    ...descriptionChecks,
    ...modeChecks,
    ...valueChecks(options),
    ...readingChecks,
    ...appendingChecks,
    ...editingChecks,
    ...groupChecks,
    ...closingChecks,
    ...randomChecks(seed),
    ...facadeChecks,
    ...facadeEditingChecks,
    ...blobChecks,
  ].filter(({ appliesTo }) => appliesTo?.(options) ?? true);
  const twins: readonly Twin[] = backend.openSync === undefined ? ["open"] : ["open", "openSync"];
  return twins.flatMap((twin) =>
    checks.map(({ name, run }) => ({
      name: `${twin}: ${name}`,
      run: async () => {
        const subject = new Subject(options, twin);
        try {
          await run(subject);
        } finally {
          await subject.release();
        }
      },
    })),
  );
}
