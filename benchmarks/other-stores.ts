import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What other stores need beside the peers' packages. They are timed; their files are not tested. */
const PINS = ["ase-db-backends==0.11.0", "orjson==3.13.0", "znh5md==0.4.8", "h5py==3.16.0"];

/**
 * Installs the other stores of ASE structures, above the packages of a peer's Python.
 *
 * @returns The Python that has them, or why there is none.
 */
export function prepareOtherStores(
  benchmarksFolder: string,
  peerPython: string,
): { python: string } | { problem: string } {
  const folder = fileURLToPath(new URL("../.cache/bench/other-stores-1", benchmarksFolder));
  const python = join(folder, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  const complete = join(folder, "complete");
  const above = `
import site, sys
import pathlib
packages = next(path for path in sys.path if path.endswith("site-packages"))
(pathlib.Path(packages) / "peers.pth").write_text(sys.argv[1])
`;
  const peerPackages = `import sys; print(next(path for path in sys.path if path.endswith("site-packages")))`;
  const { status, stdout } = spawnSync(peerPython, ["-c", peerPackages], { encoding: "utf8" });
  if (status !== 0) return { problem: `${peerPython} does not run` };
  // With the peers' pins their folder changes, and the one before is gone.
  const made = `${[...PINS, stdout.trim()].join("\n")}\n`;
  if (existsSync(complete) && readFileSync(complete, "utf8") === made) return { python };
  rmSync(folder, { recursive: true, force: true });
  const problem =
    run(peerPython, ["-m", "venv", folder]) ??
    run(python, ["-m", "pip", "install", "--quiet", "--no-deps", ...PINS]) ??
    run(python, ["-c", above, stdout.trim()]) ??
    run(python, ["-c", "import znh5md, ase_db_backends"]);
  if (problem !== null) return { problem };
  writeFileSync(complete, made);
  return { python };
}

/** @returns What went wrong, `null` if nothing did. */
function run(command: string, args: readonly string[]): string | null {
  const { status, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  return status === 0 ? null : `${[command, ...args].join(" ")} failed: ${error?.message ?? stderr}`;
}
