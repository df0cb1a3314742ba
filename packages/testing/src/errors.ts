import { StowageError } from "@stowage/core";

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
