import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { nativeAddon, nativeStatus } from "../src/native.js";
import { temporaryFolder } from "./temporary-folder.js";

const { available, reason } = nativeStatus();
const { CI, REQUIRE_NATIVE = CI, STOWAGE_NATIVE } = process.env;

describe("whether there is an addon", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("is said, and it is where it is required", () => {
    expect(reason).not.toBe("");
    expect(available, reason).toBe(nativeAddon() !== null);
    if (REQUIRE_NATIVE !== undefined && STOWAGE_NATIVE !== "0") expect(available, reason).toBe(true);
  });

  it("is a matter of STOWAGE_NATIVE", async () => {
    vi.stubEnv("STOWAGE_NATIVE", "0");
    vi.resetModules();
    const anew = await import("../src/native.js");
    expect(anew.nativeStatus()).toEqual({ available: false, reason: "STOWAGE_NATIVE=0 is set" });
    expect(anew.nativeAddon()).toBe(null);
  });
});

describe.runIf(available)("an environment in the addon", () => {
  const open = (folder: string) => nativeAddon()!.Environment.open(folder, 2 ** 20);

  it("has a map of the size asked for, and transactions that leave no trace", () => {
    const environment = open(temporaryFolder());
    expect(environment.mapSize()).toBe(2 ** 20);
    environment.begin();
    environment.abort();
    environment.abort();
    environment.sync();
    environment.close();
  });

  it("gives errors with the system's number in front", () => {
    expect(() => open(join(temporaryFolder(), "missing"))).toThrow(
      process.platform === "win32" ? /^3 / : /^2 /,
    );
    const environment = open(temporaryFolder());
    environment.close();
    environment.close();
    environment.abort();
    expect(() => environment.begin()).toThrow(/^9 /);
    expect(() => environment.mapSize()).toThrow(/^9 /);
  });

  it("refuses operations that it cannot read, and has ended the transaction then", () => {
    const environment = open(temporaryFolder());
    for (let i = 0; i < 2; i++) {
      environment.begin();
      expect(() => environment.commit(Uint8Array.of(255))).toThrow(/^22 /);
    }
    environment.close();
  });
});
