import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { contentHash } from "./lib/content-hash.mjs";
import { choosesSamePackages } from "./lib/lock-file.mjs";
import { npm } from "./lib/npm.mjs";
import { isEntryPoint, listWorkspaces, root } from "./lib/repository.mjs";

const lockFile = path.join(root, "package-lock.json");
// Inside node_modules, so that whoever deletes the one deletes the other.
const stampFile = path.join(root, "node_modules", ".stowage-install");

/**
 * Runs `npm install` if node_modules is missing, or if the lock file or a package.json changed since the last time.
 *
 * Not `npm ci`: it refuses a lock file written where the registry lacks packages of foreign platforms. What
 * `npm install` then rewrites in the lock file is put back; a lock file that chooses other packages is kept.
 *
 * @throws {Error} with npm's output if it fails.
 */
export async function install() {
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp()) return;
  const committed = existsSync(lockFile) ? readFileSync(lockFile, "utf8") : null;
  const { code, output } = await npm(["install", "--no-audit", "--no-fund"], { cwd: root });
  if (code !== 0) throw new Error(`npm install failed with exit code ${code}\n${output}`);
  const written = readFileSync(lockFile, "utf8");
  if (committed !== null && written !== committed && choosesSamePackages(committed, written)) {
    writeFileSync(lockFile, committed);
  }
  writeFileSync(stampFile, stamp());
}

function stamp() {
  const files = [
    "package-lock.json",
    ".npmrc",
    "package.json",
    ...listWorkspaces().map((w) => `${w}/package.json`),
  ]
    .map((file) => path.join(root, file))
    .filter((file) => existsSync(file));
  return contentHash([
    process.platform,
    process.arch,
    ...files.flatMap((file) => [file, readFileSync(file)]),
  ]);
}

if (isEntryPoint(import.meta.url)) await install();
