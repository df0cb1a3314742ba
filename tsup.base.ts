import type { Options } from "tsup";

/** Build options every package shares: ESM and CJS for Node 20 and later, with declarations. */
export const base: Options = {
  entry: ["src/index.ts"],
  format: ["esm", "cjs"],
  target: "node20",
  dts: true,
  clean: true,
  sourcemap: true,
  treeshake: true,
  splitting: false,
};
