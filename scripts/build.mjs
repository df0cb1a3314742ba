import { install } from "./install.mjs";
import { run } from "./lib/command.mjs";
import { isEntryPoint, root, toolPath } from "./lib/repository.mjs";
import { buildNativeIfPossible } from "./native.mjs";

/**
 * Builds every package into its dist folder. Turbo skips, or restores from its cache, what did not change.
 *
 * @throws {Error} with the compiler's output if a package does not build.
 */
export async function build() {
  const args = [
    toolPath("turbo"),
    "run",
    "build",
    "--filter=./packages/*",
    "--output-logs=errors-only",
    "--continue=dependencies-successful",
  ];
  const { code, output } = await run(process.execPath, args, {
    cwd: root,
    env: { TURBO_TELEMETRY_DISABLED: "1", TURBO_NO_UPDATE_NOTIFIER: "1" },
  });
  if (code !== 0) throw new Error(`The build failed with exit code ${code}\n${output}`);
}

if (isEntryPoint(import.meta.url)) {
  await install();
  await Promise.all([build(), buildNativeIfPossible()]);
}
