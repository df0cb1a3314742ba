// npm run bench [-- NAME… [--runs N] [--case TEXT]]: runs benchmarks/NAME.ts (default: all) beside the Python peers.
import { readdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { install } from "./install.mjs";
import { runInTerminal } from "./lib/command.mjs";
import { cacheFolder, root } from "./lib/repository.mjs";
import { buildNativeIfPossible } from "./native.mjs";
import { preparePeers } from "./peers.mjs";

const folder = path.join(root, "benchmarks");
// A benchmark has a Python side of the same name; what has none (the harness) is shared by them.
const available = readdirSync(path.join(folder, "python"))
  .map((file) => path.basename(file, ".py"))
  .filter((name) => readdirSync(folder).includes(`${name}.ts`));

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: "string" }, case: { type: "string" } },
});
const names = positionals.length > 0 ? positionals : available;
const unknown = names.filter((name) => !available.includes(name));
if (unknown.length > 0 || names.length === 0) {
  console.error(`No benchmark ${unknown.join(", ")}; there are: ${available.join(", ")}`);
  process.exit(1);
}

await install();
await Promise.all([build(), buildNativeIfPossible()]);
const peers = await preparePeers();
// Only now is esbuild sure to be installed.
const esbuild = await import("esbuild");
for (const name of names) {
  const bundle = path.join(cacheFolder, "bench", `${name}.mjs`);
  await esbuild.build({
    entryPoints: [path.join(folder, `${name}.ts`)],
    outfile: bundle,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    // Packages stay outside, and tsconfig's paths to their sources are not followed: what is timed is what is shipped.
    packages: "external",
    tsconfigRaw: {},
    sourcemap: "inline",
    logLevel: "warning",
  });
  const given = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
  const code = await runInTerminal(process.execPath, ["--enable-source-maps", bundle, ...given], {
    env: { STOWAGE_PEERS: JSON.stringify(peers), STOWAGE_BENCHMARKS: `${pathToFileURL(folder)}/` },
  });
  if (code !== 0) process.exitCode = code;
  if (code === 130 || code === 143) break;
}
