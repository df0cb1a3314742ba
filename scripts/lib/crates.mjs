import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { listPackages, root } from "./repository.mjs";

/**
 * The Rust crate of a package's native addon: `packages/<package>/native`.
 *
 * @typedef {object} NativeCrate
 * @property {string} packageName  "@stowage/mmap".
 * @property {string} packageFolder
 * @property {string} name  "stowage-mmap": the crate, and what the addon's files are named after.
 * @property {string} folder
 */

/** @returns {NativeCrate[]} */
export function listCrates() {
  return listPackages()
    .map(({ name, folder }) => ({
      packageName: name,
      packageFolder: path.join(root, folder),
      name: name.replace("@", "").replace("/", "-"),
      folder: path.join(root, folder, "native"),
    }))
    .filter(({ folder }) => existsSync(path.join(folder, "Cargo.toml")));
}

/**
 * Looks for crates that do not build alike: what two of them link is the same version, so that it compiles once and
 * has one licence.
 *
 * @returns {string[]}  What is wrong, a line each.
 */
export function checkCrates() {
  const crates = listCrates();
  if (crates.length === 0) return ["No package has a native crate"];
  const problems = crates
    .filter(
      ({ name, folder }) => !readFileSync(path.join(folder, "Cargo.toml"), "utf8").includes(`"${name}"`),
    )
    .map(({ name, folder }) => `${path.relative(root, folder)}/Cargo.toml should name its package ${name}`);
  const [first, ...others] = crates.map((crate) => ({ ...crate, locked: lockedVersions(crate) }));
  for (const other of others) {
    for (const [name, versions] of other.locked) {
      const wanted = first?.locked.get(name);
      if (wanted === undefined || versions.every((version) => wanted.includes(version))) continue;
      if (wanted.every((version) => versions.includes(version))) continue;
      problems.push(
        `${other.name} locks ${name} ${versions}, and ${first?.name} ${wanted}: update one of them`,
      );
    }
  }
  return problems;
}

/**
 * The versions in a crate's Cargo.lock.
 *
 * @param {NativeCrate} crate
 * @returns {Map<string, string[]>}
 */
function lockedVersions({ folder }) {
  const versions = new Map();
  const lock = readFileSync(path.join(folder, "Cargo.lock"), "utf8");
  for (const [, name, version] of lock.matchAll(/^name = "(.+)"\nversion = "(.+)"$/gm)) {
    versions.set(name, [...(versions.get(name) ?? []), version]);
  }
  return versions;
}
