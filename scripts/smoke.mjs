// npm run test:smoke: tries the built packages in the Node that runs this.
import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { build } from "./build.mjs";
import { install } from "./install.mjs";
import { run } from "./lib/command.mjs";
import { listCrates } from "./lib/crates.mjs";
import { cacheFolder, isEntryPoint, listLibraries, root } from "./lib/repository.mjs";
import { buildNativeIfPossible } from "./native.mjs";
import { denoOffline, thisNode } from "./runtimes.mjs";

/** The folder of the smoke test in the repository, where packages are those of the workspace. */
export const smokeFolder = path.join(root, "interop/smoke");

/**
 * Runs smoke.mjs of a folder in a runtime, with the packages that are installed there.
 *
 * @param {import("./runtimes.mjs").Runtime} runtime
 * @param {string} folder
 * @param {import("../interop/smoke/read-paths.mjs").Reads} reads  How files have to be read; "positional" switches the
 *   native addons off.
 */
export function smoke(runtime, folder, reads) {
  const script = path.join(folder, "smoke.mjs");
  return run(runtime.executable, [...runtime.arguments, script, ...listLibraries()], {
    cwd: folder,
    env: {
      SMOKE_RUNTIME_ARGUMENTS: JSON.stringify(runtime.arguments),
      SMOKE_READS: reads,
      STOWAGE_NATIVE: reads === "mapped" ? undefined : "0",
    },
  });
}

/**
 * The ways in which files can be read here: mapped, where all addons are there.
 *
 * @param {readonly import("./native.mjs").Addon[]} addons  The built addons.
 */
export function readPaths(addons) {
  const all = addons.length === listCrates().length;
  return /** @type {const} */ (["mapped", "positional"]).filter((reads) => all || reads === "positional");
}

/** Runtimes told to load no addons, and what Stowage then says: it neither asks nor fails. */
const restrictions = [
  {
    name: "without --allow-addons",
    runtime: /^Node (?!20\.)/,
    arguments: ["--permission", "--allow-fs-read=*"],
    why: "loading addons is disabled",
  },
  {
    name: "with --allow-read alone",
    runtime: /^Deno/,
    arguments: [...denoOffline, "--allow-read"],
    why: "Deno runs without --allow-ffi",
  },
  {
    name: "with --allow-read alone and --no-prompt",
    runtime: /^Deno/,
    arguments: [...denoOffline, "--no-prompt", "--allow-read"],
    why: "Deno runs without --allow-ffi",
  },
];

/**
 * The runs of a folder's read-paths.mjs under restrictions.
 *
 * @param {readonly import("./runtimes.mjs").Runtime[]} runtimes
 * @param {string} folder
 */
export function restrictedRuns(runtimes, folder) {
  const script = path.join(folder, "read-paths.mjs");
  return restrictions.flatMap((restriction) =>
    runtimes
      .filter(({ name }) => restriction.runtime.test(name))
      .map(({ name, executable }) => ({
        name: `${name} ${restriction.name}`,
        run: async () => {
          const file = path.join(cacheFolder, "smoke", "small.atp");
          mkdirSync(path.dirname(file), { recursive: true });
          rmSync(file, { force: true });
          const written = await run(process.execPath, [script, "write", file], { cwd: folder });
          if (written.code !== 0) return written;
          const args = [...restriction.arguments, script, "positional", file, restriction.why];
          return await run(executable, args, { cwd: folder });
        },
      })),
  );
}

if (isEntryPoint(import.meta.url)) {
  await install();
  const [, addons] = await Promise.all([build(), buildNativeIfPossible()]);
  for (const reads of readPaths(addons)) {
    const { code, output } = await smoke(thisNode(), smokeFolder, reads);
    process.stdout.write(output);
    if (code !== 0) process.exitCode = code;
  }
}
