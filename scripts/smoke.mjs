// npm run test:smoke: tries the built packages in the Node that runs this.
import path from "node:path";
import { build } from "./build.mjs";
import { install } from "./install.mjs";
import { run } from "./lib/command.mjs";
import { isEntryPoint, listLibraries, root } from "./lib/repository.mjs";
import { buildNativeIfPossible } from "./native.mjs";
import { thisNode } from "./runtimes.mjs";

/** The folder of the smoke test in the repository, where packages are those of the workspace. */
export const smokeFolder = path.join(root, "interop/smoke");

/**
 * Runs smoke.mjs of a folder in a runtime, with the packages that are installed there.
 *
 * @param {import("./runtimes.mjs").Runtime} runtime
 * @param {string} folder
 */
export function smoke(runtime, folder) {
  const script = path.join(folder, "smoke.mjs");
  return run(runtime.executable, [...runtime.arguments, script, ...listLibraries()], {
    cwd: folder,
    env: { SMOKE_RUNTIME_ARGUMENTS: JSON.stringify(runtime.arguments) },
  });
}

if (isEntryPoint(import.meta.url)) {
  await install();
  await Promise.all([build(), buildNativeIfPossible()]);
  const { code, output } = await smoke(thisNode(), smokeFolder);
  process.stdout.write(output);
  process.exitCode = code;
}
