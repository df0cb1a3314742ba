import { vi } from "vitest";

/** Whether stores can be written here: tests of writers skip themselves without the addon, and only where it is switched off. */
export const writable: boolean = process.env.STOWAGE_NATIVE !== "0";

/** The package, loaded anew without its addon. */
export async function loadWithoutAddon(): Promise<typeof import("../src/index.js")> {
  vi.stubEnv("STOWAGE_NATIVE", "0");
  vi.resetModules();
  try {
    const { nativeStatus } = await import("../src/native.js");
    nativeStatus(); // looks for it, once
    return await import("../src/index.js");
  } finally {
    vi.unstubAllEnvs();
  }
}
