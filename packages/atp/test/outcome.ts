import { isStowageError } from "@stowage/core";

/** The code of the error that an action ends with; `undefined` if it ends well. Other errors pass through. */
export function codeOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (isStowageError(error)) return error.code;
    throw error;
  }
}
