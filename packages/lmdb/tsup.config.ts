import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";

// The CommonJS build needs a stand-in for import.meta.url, by which the addon is found.
export default defineConfig({ ...base, shims: true });
