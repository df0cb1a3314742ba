// Tries the built packages in whatever runtime runs this: `node smoke.mjs @stowage/core …` (scripts/smoke.mjs does).
//
// Plain JavaScript without a test framework, because it also runs in an empty project in which nothing but the
// packed packages is installed. To add a check, add a row to `checks`: it fails if it throws.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";

const require = createRequire(import.meta.url);
const libraries = process.argv.slice(2);

/** @type {{ name: string, run: () => unknown }[]} */
const checks = [
  { name: "libraries are named", run: () => assert.ok(libraries.length > 0) },
  ...libraries.flatMap((name) => [
    { name: `import ${name}`, run: () => importExports(name) },
    { name: `require ${name}`, run: () => requireExports(name) },
  ]),
  { name: "stowage --version", run: cliPrintsItsVersion },
  { name: "stowage --help", run: cliPrintsHelp },
];

/** @param {string} name */
async function importExports(name) {
  assert.notDeepEqual(Object.keys(await import(name)), []);
}

/** @param {string} name */
async function requireExports(name) {
  assert.match(require.resolve(name), /\.cjs$/);
  assert.deepEqual(Object.keys(require(name)).sort(), Object.keys(await import(name)).sort());
}

function cliPrintsItsVersion() {
  assert.equal(stowage("--version").trim(), cliManifest().version);
}

function cliPrintsHelp() {
  assert.match(stowage("--help"), /Usage: stowage/);
}

/**
 * Runs the command line in this same runtime.
 *
 * @param {string[]} args
 */
function stowage(...args) {
  const main = path.join(path.dirname(require.resolve("stowage/package.json")), cliManifest().bin.stowage);
  // What the runtime wants before a script: Deno, its permissions.
  const runtimeArguments = JSON.parse(process.env.SMOKE_RUNTIME_ARGUMENTS ?? "[]");
  const { status, stdout, stderr } = spawnSync(process.execPath, [...runtimeArguments, main, ...args], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

function cliManifest() {
  return JSON.parse(readFileSync(require.resolve("stowage/package.json"), "utf8"));
}

let failed = 0;
for (const { name, run } of checks) {
  try {
    await run();
    console.log(`ok   ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}`);
    console.error(error);
  }
}
if (failed > 0) process.exitCode = 1;
