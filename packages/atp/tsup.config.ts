import { defineConfig } from "tsup";
import { base } from "../../tsup.base.js";

export default defineConfig([
  // The CommonJS build needs a stand-in for import.meta.url, by which the zstd module is found.
  { ...base, clean: ["!pool-worker.*"], shims: true },
  // Threads run modules, whatever started them. `index.js` stays apart, so that there is one copy of it.
  {
    ...base,
    entry: ["src/pool-worker.ts"],
    format: ["esm"],
    dts: false,
    clean: false,
    external: ["./index.js"],
  },
]);
