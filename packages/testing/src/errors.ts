import { StowageError } from "@stowage/core";

declare module "@stowage/core" {
  interface ErrorDetails {
    /** A backend that does not do what the contract says. */
    ERR_CONTRACT: { found: string; expected: string };
  }
}

/** The error of a check that fails. */
export function broken(
  what: string,
  found: string,
  expected: string,
  cause?: unknown,
): StowageError<"ERR_CONTRACT"> {
  return new StowageError(
    "ERR_CONTRACT",
    `Cannot accept the backend: ${what}: found ${found}, expected ${expected}`,
    { found, expected },
    { cause },
  );
}
