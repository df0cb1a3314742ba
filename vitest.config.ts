import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

/** Tests see the sources, so that they need no build and their stack traces lead there. */
const sources = readdirSync(new URL("packages", import.meta.url))
  .map((name) => ({ name, entry: fileURLToPath(new URL(`packages/${name}/src/index.ts`, import.meta.url)) }))
  .filter(({ entry }) => existsSync(entry))
  .map(({ name, entry }) => ({ find: new RegExp(`^@stowage/${name}$`), replacement: entry }));

export default defineConfig({
  resolve: { alias: sources },
  test: {
    // One less is the default, which on two processors leaves one idle.
    maxWorkers: availableParallelism(),
    // A test that asserts nothing, or a left-over `.only`, must not pass for a check.
    expect: { requireAssertions: true },
    allowOnly: false,
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["packages/*/test/**/*.test.ts"], testTimeout: 60_000 },
      },
      {
        extends: true,
        test: { name: "docs", include: ["apps/docs/test/*.test.ts"], testTimeout: 60_000 },
      },
      {
        // Needs what scripts/test.mjs packs and installs; it says where.
        extends: true,
        test: { name: "packed", include: ["apps/docs/test/packed/*.test.ts"], hookTimeout: 120_000 },
      },
      {
        extends: true,
        test: {
          name: "interop",
          include: ["interop/**/*.test.ts"],
          globalSetup: "interop/global-setup.mjs",
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
