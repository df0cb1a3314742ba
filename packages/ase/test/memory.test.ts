import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "./temporary-folder.js";

/** Of anonymous memory, at most: garbage that is not collected yet, for the most part. */
const ALLOWED = 32 * 2 ** 20;

describe("iterating", () => {
  it.runIf(existsSync("/proc/self/status"))(
    "takes at most a twentieth of the size of an input in memory",
    () => {
      const program = join(temporaryFolder(), "iterate.mjs");
      buildSync({
        entryPoints: [join(import.meta.dirname, "child/iterate.ts")],
        outfile: program,
        bundle: true,
        platform: "node",
        format: "esm",
        target: "node20",
        alias: { "@stowage/core": join(import.meta.dirname, "../../core/src/index.ts") },
      });
      const nFrames = 42_000;
      const output = execFileSync(process.execPath, [program, String(nFrames)], { encoding: "utf8" });
      const { atoms, byteLength, growth } = JSON.parse(output);
      expect(atoms).toBe(200 * nFrames);
      expect(byteLength).toBeGreaterThan(20 * ALLOWED);
      expect(growth).toBeLessThan(ALLOWED);
    },
    60_000,
  );
});
