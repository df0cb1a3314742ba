// npm test: every check there is. The last line is `N passed, N failed`.
//
// A check goes on whatever happened to those before it. Vitest's tests are counted one by one, every other step is
// one test. To add a step, add a line to `main`.
import { build } from "./build.mjs";
import { prepareChromium } from "./chromium.mjs";
import { install } from "./install.mjs";
import { cargo, cargoVersion, hasComponent, runCargoTests } from "./lib/cargo.mjs";
import { checkChangesets } from "./lib/changesets.mjs";
import { run } from "./lib/command.mjs";
import { checkCrates, listCrates } from "./lib/crates.mjs";
import { checkLicences } from "./lib/licences.mjs";
import { compileConsumer, installTarballs, packPackages } from "./lib/packed-packages.mjs";
import { checkPlatformPackages } from "./lib/platform-packages.mjs";
import { listDependents, listPackages, root, toolPath } from "./lib/repository.mjs";
import { Steps } from "./lib/steps.mjs";
import { runVitest } from "./lib/vitest.mjs";
import { buildNative } from "./native.mjs";
import { preparePeers } from "./peers.mjs";
import { prepareRuntimes, thisNode } from "./runtimes.mjs";
import { readPaths, restrictedRuns, smoke, smokeFolder } from "./smoke.mjs";

const steps = new Steps();
try {
  await main();
} catch (error) {
  // Such as a package.json that cannot be read: what follows could not even be named.
  steps.failed++;
  console.log(error);
}
console.log(`${steps.passed} passed, ${steps.failed} failed`);
process.exitCode = steps.failed === 0 ? 0 : 1;

async function main() {
  await steps.one("npm packages", install);
  // These wait for the network more than for a processor, and none needs another.
  const [, addons = [], peers, otherRuntimes, browser] = await Promise.all([
    steps.one("build", build),
    steps.one("native addons", buildNative),
    peersStep(),
    steps.one("runtimes", prepareRuntimes),
    browserStep(),
  ]);
  const runtimes = [thisNode(), ...(otherRuntimes ?? [])];

  await tool("types", "typescript", ["--project", "tsconfig.json"], "tsc");
  await tool("types of the scripts", "typescript", ["--project", "scripts"], "tsc");
  await tool("lint", "@biomejs/biome", ["check", "."], "biome");
  await steps.problems("changesets", checkChangesets);
  await steps.problems("licences", checkLicences);
  await steps.problems("native crates", checkCrates);
  await steps.problems("platform packages", checkPlatformPackages);
  for (const { name, folder } of listPackages()) {
    await tool(`publint ${name}`, "publint", ["run", folder, "--strict"]);
  }

  await rustSteps();

  const maySkip = addons.length === 0;
  const env = { STOWAGE_PEERS: JSON.stringify(peers), STOWAGE_NATIVE: maySkip ? "0" : undefined };
  await steps.count("unit tests", () => runVitest("unit", { env, maySkip }));
  await steps.count("documentation tests", () => runVitest("docs", { env, maySkip }));
  const interopEnv = { ...env, STOWAGE_BROWSER: JSON.stringify(browser) };
  await steps.count("interop tests", () => runVitest("interop", { env: interopEnv, maySkip }));
  if (addons.length > 0) {
    const off = { ...env, STOWAGE_NATIVE: "0" };
    // Only what uses an addon, by itself or through a package that has one; and the contract of all backends.
    const users = listCrates().flatMap(({ packageName }) => listDependents(packageName));
    const unit = new Set([...users, ...listDependents("@stowage/testing")]);
    await steps.count("unit tests without the native addons", () =>
      runVitest("unit", { env: off, files: [...unit].map((folder) => `${folder}/`), maySkip: true }),
    );
    await steps.count("interop tests without the native addons", () =>
      runVitest("interop", { env: off, files: ["interop/atp", "interop/lmdb"], maySkip: true }),
    );
  }
  await tool("documentation build", "vitepress", ["build", "apps/docs"]);

  for (const runtime of runtimes) await smokeSteps("built", runtime, smokeFolder, addons);
  await packedSteps(runtimes, addons);
}

async function rustSteps() {
  if ((await cargoVersion()) === null) return;
  const [formats, lints] = [await hasComponent("fmt"), await hasComponent("clippy")];
  if (!formats) console.log("The native addons' format is not checked: this machine has no rustfmt");
  if (!lints) console.log("The native addons are not linted: this machine has no clippy");
  // In the release profile, whose build scripts have run already.
  const lint = ["clippy", "--release", "--locked", "--all-targets", "--", "-D", "warnings"];
  for (const { name, folder } of listCrates()) {
    await steps.count(`tests of ${name}`, () => runCargoTests(folder));
    if (formats) await steps.command(`format of ${name}`, () => cargo(folder, ["fmt", "--check"]));
    if (lints) await steps.command(`lint of ${name}`, () => cargo(folder, lint));
  }
}

/**
 * Both ways of reading at the same time: neither needs more than a processor.
 *
 * @param {string} which
 * @param {import("./runtimes.mjs").Runtime} runtime
 * @param {string} folder
 * @param {Parameters<typeof readPaths>[0]} addons
 */
async function smokeSteps(which, runtime, folder, addons) {
  await Promise.all(
    readPaths(addons).map((reads) =>
      steps.command(`${which} packages in ${runtime.name}, ${reads} reads`, () =>
        smoke(runtime, folder, reads),
      ),
    ),
  );
}

/** Goes on with the peers that could be had: the tests of the others fail by themselves, too. */
async function peersStep() {
  /** @type {Awaited<ReturnType<typeof preparePeers>>} */
  let peers = {};
  await steps.problems("Python peers", async () => {
    peers = await preparePeers();
    return Object.entries(peers).flatMap(([name, peer]) =>
      "problem" in peer ? `${name}: ${peer.problem}` : [],
    );
  });
  return peers;
}

/** Goes on without a browser: the test in it fails by itself, too. */
async function browserStep() {
  /** @type {Awaited<ReturnType<typeof prepareChromium>>} */
  let browser = { problem: "Looking for it failed" };
  await steps.problems("Chromium", async () => {
    browser = await prepareChromium();
    return "problem" in browser ? [browser.problem] : [];
  });
  return browser;
}

/**
 * @param {readonly import("./runtimes.mjs").Runtime[]} runtimes
 * @param {readonly import("./native.mjs").Addon[]} addons
 */
async function packedSteps(runtimes, addons) {
  const tarballs = await steps.one("tarballs", () => packPackages(addons));
  const folder = await steps.one("packed packages install", () => {
    if (tarballs === undefined) throw new Error("There are no tarballs");
    return installTarballs(tarballs);
  });
  if (folder === undefined) return;
  await steps.command("packed packages' types", () => compileConsumer(folder));
  for (const runtime of runtimes) await smokeSteps("packed", runtime, folder, addons);
  await steps.count("documentation's examples on the packed packages", () =>
    runVitest("packed", {
      env: {
        STOWAGE_CONSUMER: folder,
        STOWAGE_RUNTIMES: JSON.stringify(runtimes),
        STOWAGE_NATIVE: addons.length === 0 ? "0" : undefined,
      },
    }),
  );
  if (addons.length === 0) return;
  for (const { name, run } of restrictedRuns(runtimes, folder)) {
    await steps.command(`packed packages in ${name}`, run);
  }
}

/**
 * Runs a development tool; it is one test.
 *
 * @param {string} name
 * @param {string} packageName
 * @param {readonly string[]} args
 * @param {string} [binName]
 */
async function tool(name, packageName, args, binName) {
  await steps.command(name, () =>
    run(process.execPath, [toolPath(packageName, binName), ...args], { cwd: root }),
  );
}
