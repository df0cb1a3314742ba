import { vi } from "vitest";
import { nativeStatus } from "../src/index.js";

export type Backend = "mmap" | "buffered";

const { available, reason } = nativeStatus();
const { CI, REQUIRE_NATIVE = CI, STOWAGE_NATIVE } = process.env;
if (!available && REQUIRE_NATIVE !== undefined && STOWAGE_NATIVE !== "0") {
  throw new Error(`These tests need the native addon: ${reason}`);
}

/** The ways files can be opened here: without the addon always, with it where it was built. */
export const backends: Backend[] = available ? ["mmap", "buffered"] : ["buffered"];

/** The package, loaded anew with or without its addon. */
export async function loadPackage(backend: Backend): Promise<typeof import("../src/index.js")> {
  if (backend === "buffered") vi.stubEnv("STOWAGE_NATIVE", "0");
  vi.resetModules();
  try {
    const loaded = await import("../src/index.js");
    loaded.nativeStatus(); // looks for the addon, once
    return loaded;
  } finally {
    vi.unstubAllEnvs();
  }
}
