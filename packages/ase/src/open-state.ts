import { closed } from "@stowage/core";

/** Guards against use after `close`. */
export interface OpenState {
  /** The target, as long as it may be used. @throws {StowageError} ERR_CLOSED */
  of<T>(target: T): T;
  /** Ends it; tells whether it was open. */
  end(): boolean;
}

export function openState(path: string): OpenState {
  let isOpen = true;
  return {
    of: (target) => {
      if (!isOpen) throw closed(path);
      return target;
    },
    end: () => {
      const wasOpen = isOpen;
      isOpen = false;
      return wasOpen;
    },
  };
}
