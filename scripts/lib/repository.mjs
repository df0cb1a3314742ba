import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Everything that can be made again, and is not worth a commit. */
export const cacheFolder = path.join(root, ".cache");

/**
 * The folders that the root package.json names as workspaces, relative to the root.
 *
 * @returns {string[]}
 */
export function listWorkspaces() {
  /** @type {{ workspaces: string[] }} */
  const { workspaces } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  return workspaces.flatMap((pattern) =>
    pattern.endsWith("/*") ? listFolders(pattern.slice(0, -2)) : pattern,
  );
}

/** @param {string} parent */
function listFolders(parent) {
  return readdirSync(path.join(root, parent))
    .map((name) => `${parent}/${name}`)
    .filter((folder) => existsSync(path.join(root, folder, "package.json")));
}

/**
 * @typedef {object} Package
 * @property {string} folder  Relative to the root, with forward slashes: `packages/core`.
 * @property {string} name    As published: `@stowage/core`.
 * @property {boolean} isLibrary  Whether programs can import it; the command line is a program itself.
 */

/**
 * The packages that are published: every folder of packages/ with a package.json.
 *
 * @returns {Package[]}
 */
export function listPackages() {
  return listFolders("packages").map((folder) => {
    const { name, exports } = JSON.parse(readFileSync(path.join(root, folder, "package.json"), "utf8"));
    return { folder, name, isLibrary: exports["."] !== undefined };
  });
}

/** The names of the packages that programs can import. */
export function listLibraries() {
  return listPackages().flatMap(({ name, isLibrary }) => (isLibrary ? name : []));
}

/**
 * The folders of a package and of those that depend on it.
 *
 * @param {string} packageName
 */
export function listDependents(packageName) {
  return listPackages().flatMap(({ folder, name }) => {
    const { dependencies } = JSON.parse(readFileSync(path.join(root, folder, "package.json"), "utf8"));
    return name === packageName || dependencies?.[packageName] !== undefined ? folder : [];
  });
}

/**
 * The file that starts a development tool from node_modules, to be run with `process.execPath`.
 *
 * Not through node_modules/.bin: those are shell scripts on Windows.
 *
 * @param {string} packageName
 * @param {string} [binName]
 */
export function toolPath(packageName, binName = packageName) {
  const folder = path.join(root, "node_modules", packageName);
  const { bin } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  return path.join(folder, typeof bin === "string" ? bin : bin[binName]);
}

/**
 * Whether a module is the script that node was started with, rather than one that it imports.
 *
 * @param {string} moduleUrl  The caller's `import.meta.url`.
 */
export function isEntryPoint(moduleUrl) {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(moduleUrl);
}
