import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";

// A program, not a library: one ES module, no declarations.
export default defineConfig({ ...base, entry: ["src/main.ts"], format: ["esm"], dts: false });
