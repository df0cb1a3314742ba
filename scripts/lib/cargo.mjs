import path from "node:path";
import { run } from "./command.mjs";
import { cacheFolder, root } from "./repository.mjs";

/** What cargo builds, of all crates: what they have in common is compiled once. */
export const cargoTarget = path.join(cacheFolder, "native", "target");

/**
 * Runs cargo in a folder; what it builds goes to {@link cargoTarget}.
 *
 * @param {string} folder  A crate's: its settings in `.cargo` hold only there.
 * @param {readonly string[]} args
 */
export function cargo(folder, args) {
  const env = { CARGO_TARGET_DIR: cargoTarget, CARGO_TERM_COLOR: "never" };
  return run("cargo", args, { cwd: folder, env });
}

/**
 * The compiler that cargo would use.
 *
 * @returns {Promise<string | null>}  "rustc 1.95.0 (…)"; `null` if cargo or the compiler is absent.
 */
export async function cargoVersion() {
  if ((await cargo(root, ["--version"])).code !== 0) return null;
  const { code, stdout } = await run("rustc", ["-V"], { cwd: root });
  return code === 0 ? stdout.trim() : null;
}

/**
 * Whether one of cargo's optional components is there.
 *
 * @param {"fmt" | "clippy"} component
 */
export async function hasComponent(component) {
  return (await cargo(root, [component, "--version"])).code === 0;
}

/**
 * Runs a crate's tests and counts them.
 *
 * In the release profile: what the addon's build made is used again. A run that fails without a failed test, or finds
 * none, counts as one failed test.
 *
 * @param {string} folder
 * @returns {Promise<import("./steps.mjs").StepResult>}
 */
export async function runCargoTests(folder) {
  const { code, output } = await cargo(folder, ["test", "--release", "--locked"]);
  let [passed, failed] = [0, 0];
  // One line for each test binary.
  for (const [, good, bad] of output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed;/gm)) {
    passed += Number(good);
    failed += Number(bad);
  }
  if (failed === 0 && (code !== 0 || passed === 0)) failed = 1;
  return { passed, failed, output };
}
