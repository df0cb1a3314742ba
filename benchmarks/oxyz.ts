import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What oxyz needs. It is no peer whose files are tested, and needs a later Python than those do. */
const PINS = ["oxyz==1.2.1", "numpy==2.5.5", "PyYAML==6.0.3"];

/**
 * Installs oxyz, the fastest reader of extended XYZ for Python.
 *
 * @returns The Python that has it, or why there is none.
 */
export function prepareOxyz(benchmarksFolder: string): { python: string } | { problem: string } {
  const folder = fileURLToPath(new URL("../.cache/bench/oxyz-1.2.1", benchmarksFolder));
  const python = join(folder, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  const complete = join(folder, "complete");
  if (existsSync(complete)) return { python };
  // Under pyenv the name is there for every version, but works only for the one that is chosen.
  const choices = [process.env, { ...process.env, PYENV_VERSION: "3.12" }];
  const env = choices.find((choice) => run("python3.12", ["--version"], choice) === null);
  if (env === undefined) return { problem: "no Python 3.12" };
  rmSync(folder, { recursive: true, force: true });
  const problem =
    run("python3.12", ["-m", "venv", folder], env) ??
    run(python, ["-m", "pip", "install", "--quiet", "--no-deps", ...PINS], env);
  if (problem !== null) return { problem };
  writeFileSync(complete, `${PINS.join("\n")}\n`);
  return { python };
}

/** @returns What went wrong, `null` if nothing did. */
function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): string | null {
  const { status, stderr, error } = spawnSync(command, args, { env, encoding: "utf8" });
  return status === 0 ? null : `${[command, ...args].join(" ")} failed: ${error?.message ?? stderr}`;
}
