// npm test: every check there is. The last line is `N passed, N failed`.
//
// A check goes on whatever happened to those before it. Vitest's tests are counted one by one, every other step is
// one test. To add a step, add a line to `main`.
import { build } from "./build.mjs";
import { install } from "./install.mjs";
import { checkChangesets } from "./lib/changesets.mjs";
import { run } from "./lib/command.mjs";
import { checkLicences } from "./lib/licences.mjs";
import { compileConsumer, installTarballs, packPackages } from "./lib/packed-packages.mjs";
import { listPackages, root, toolPath } from "./lib/repository.mjs";
import { Steps } from "./lib/steps.mjs";
import { runVitest } from "./lib/vitest.mjs";
import { preparePeers } from "./peers.mjs";
import { prepareRuntimes, thisNode } from "./runtimes.mjs";
import { smoke, smokeFolder } from "./smoke.mjs";

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
  const [, peers, otherRuntimes] = await Promise.all([
    steps.one("build", build),
    peersStep(),
    steps.one("runtimes", prepareRuntimes),
  ]);
  const runtimes = [thisNode(), ...(otherRuntimes ?? [])];

  await tool("types", "typescript", ["--project", "tsconfig.json"], "tsc");
  await tool("types of the scripts", "typescript", ["--project", "scripts"], "tsc");
  await tool("lint", "@biomejs/biome", ["check", "."], "biome");
  await steps.problems("changesets", checkChangesets);
  await steps.problems("licences", checkLicences);
  for (const { name, folder } of listPackages()) {
    await tool(`publint ${name}`, "publint", ["run", folder, "--strict"]);
  }

  await steps.count("unit tests", () => runVitest("unit"));
  await steps.count("documentation tests", () => runVitest("docs"));
  await steps.count("interop tests", () => runVitest("interop", { STOWAGE_PEERS: JSON.stringify(peers) }));
  await tool("documentation build", "vitepress", ["build", "apps/docs"]);

  for (const runtime of runtimes) {
    await steps.command(`built packages in ${runtime.name}`, () => smoke(runtime, smokeFolder));
  }
  await packedSteps(runtimes);
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

/** @param {readonly import("./runtimes.mjs").Runtime[]} runtimes */
async function packedSteps(runtimes) {
  const tarballs = await steps.one("tarballs", packPackages);
  const folder = await steps.one("packed packages install", () => {
    if (tarballs === undefined) throw new Error("There are no tarballs");
    return installTarballs(tarballs);
  });
  if (folder === undefined) return;
  await steps.command("packed packages' types", () => compileConsumer(folder));
  for (const runtime of runtimes) {
    await steps.command(`packed packages in ${runtime.name}`, () => smoke(runtime, folder));
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
