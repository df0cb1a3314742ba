import path from "node:path";
import { run } from "./command.mjs";
import { cacheFolder, root } from "./repository.mjs";

/** The crate of the native addon; Rust's tools run there. */
const crate = path.join(root, "packages/mmap/native");

/**
 * Runs cargo on the native addon. What it builds goes to the cache folder.
 *
 * @param {readonly string[]} args
 */
export function cargo(args) {
  return run("cargo", args, {
    cwd: crate,
    env: { CARGO_TARGET_DIR: path.join(cacheFolder, "native", "target"), CARGO_TERM_COLOR: "never" },
  });
}

/**
 * The compiler that cargo would use.
 *
 * @returns {Promise<string | null>}  "rustc 1.95.0 (…)"; `null` if cargo or the compiler is absent.
 */
export async function cargoVersion() {
  if ((await cargo(["--version"])).code !== 0) return null;
  const { code, stdout } = await run("rustc", ["-V"], { cwd: crate });
  return code === 0 ? stdout.trim() : null;
}

/**
 * Whether one of cargo's optional components is there.
 *
 * @param {"fmt" | "clippy"} component
 */
export async function hasComponent(component) {
  return (await cargo([component, "--version"])).code === 0;
}

/**
 * Runs the crate's tests and counts them.
 *
 * In the release profile: what the addon's build made is used again. A run that fails without a failed test, or finds
 * none, counts as one failed test.
 *
 * @returns {Promise<import("./steps.mjs").StepResult>}
 */
export async function runCargoTests() {
  const { code, output } = await cargo(["test", "--release", "--locked"]);
  let [passed, failed] = [0, 0];
  // One line for each test binary.
  for (const [, good, bad] of output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed;/gm)) {
    passed += Number(good);
    failed += Number(bad);
  }
  if (failed === 0 && (code !== 0 || passed === 0)) failed = 1;
  return { passed, failed, output };
}
