// npm test: every check there is. The last line is `N passed, N failed`.
//
// A check goes on whatever happened to those before it. Vitest's tests are counted one by one, every other step is
// one test. To add a step, add a line to `main`.
import { build } from "./build.mjs";
import { install } from "./install.mjs";
import { cargo, cargoVersion, hasComponent, runCargoTests } from "./lib/cargo.mjs";
import { checkChangesets } from "./lib/changesets.mjs";
import { run } from "./lib/command.mjs";
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
  const [, addon = null, peers, otherRuntimes] = await Promise.all([
    steps.one("build", build),
    steps.one("native addon", buildNative),
    peersStep(),
    steps.one("runtimes", prepareRuntimes),
  ]);
  const runtimes = [thisNode(), ...(otherRuntimes ?? [])];

  await tool("types", "typescript", ["--project", "tsconfig.json"], "tsc");
  await tool("types of the scripts", "typescript", ["--project", "scripts"], "tsc");
  await tool("lint", "@biomejs/biome", ["check", "."], "biome");
  await steps.problems("changesets", checkChangesets);
  await steps.problems("licences", checkLicences);
  await steps.problems("platform packages", checkPlatformPackages);
  for (const { name, folder } of listPackages()) {
    await tool(`publint ${name}`, "publint", ["run", folder, "--strict"]);
  }

  await rustSteps();

  const env = { STOWAGE_PEERS: JSON.stringify(peers), STOWAGE_NATIVE: addon === null ? "0" : undefined };
  const maySkip = addon === null;
  await steps.count("unit tests", () => runVitest("unit", { env, maySkip }));
  await steps.count("documentation tests", () => runVitest("docs", { env }));
  await steps.count("interop tests", () => runVitest("interop", { env, maySkip }));
  if (addon !== null) {
    const off = { ...env, STOWAGE_NATIVE: "0" };
    // Only what reads files through @stowage/mmap.
    const unit = listDependents("@stowage/mmap").map((folder) => `${folder}/`);
    await steps.count("unit tests without the native addon", () =>
      runVitest("unit", { env: off, files: unit, maySkip: true }),
    );
    await steps.count("interop tests without the native addon", () =>
      runVitest("interop", { env: off, files: ["interop/atp"], maySkip: true }),
    );
  }
  await tool("documentation build", "vitepress", ["build", "apps/docs"]);

  for (const runtime of runtimes) {
    for (const reads of readPaths(addon)) {
      await steps.command(`built packages in ${runtime.name}, ${reads} reads`, () =>
        smoke(runtime, smokeFolder, reads),
      );
    }
  }
  await packedSteps(runtimes, addon);
}

async function rustSteps() {
  if ((await cargoVersion()) === null) return;
  await steps.count("native addon's tests", runCargoTests);
  if (await hasComponent("fmt"))
    await steps.command("native addon's format", () => cargo(["fmt", "--check"]));
  else console.log("The native addon's format is not checked: this machine has no rustfmt");
  // In the release profile, whose build scripts have run already.
  const lint = ["clippy", "--release", "--locked", "--all-targets", "--", "-D", "warnings"];
  if (await hasComponent("clippy")) await steps.command("native addon's lint", () => cargo(lint));
  else console.log("The native addon is not linted: this machine has no clippy");
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

/**
 * @param {readonly import("./runtimes.mjs").Runtime[]} runtimes
 * @param {string | null} addon
 */
async function packedSteps(runtimes, addon) {
  const tarballs = await steps.one("tarballs", () => packPackages(addon));
  const folder = await steps.one("packed packages install", () => {
    if (tarballs === undefined) throw new Error("There are no tarballs");
    return installTarballs(tarballs);
  });
  if (folder === undefined) return;
  await steps.command("packed packages' types", () => compileConsumer(folder));
  for (const runtime of runtimes) {
    for (const reads of readPaths(addon)) {
      await steps.command(`packed packages in ${runtime.name}, ${reads} reads`, () =>
        smoke(runtime, folder, reads),
      );
    }
  }
  await steps.count("documentation's examples on the packed packages", () =>
    runVitest("packed", {
      env: { STOWAGE_CONSUMER: folder, STOWAGE_RUNTIMES: JSON.stringify(runtimes) },
    }),
  );
  if (addon === null) return;
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
