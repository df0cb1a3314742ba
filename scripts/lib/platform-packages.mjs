import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { contentHash } from "./content-hash.mjs";
import { listCrates } from "./crates.mjs";
import { cacheFolder, root } from "./repository.mjs";

// packages/<package>/npm holds one package for each platform, with nothing but the addon built for it; the package names
// them as optional dependencies, of which npm installs the one that fits. They are no workspaces: their manifests and
// readmes are committed, the addon is not, and the rest is added when a package is put together.

/**
 * @typedef {import("./crates.mjs").NativeCrate} NativeCrate
 *
 * @typedef {object} PlatformPackage
 * @property {NativeCrate} crate
 * @property {string} target  "linux-x64-gnu"; the folder in packages/<package>/npm.
 * @property {string} folder
 */

/**
 * The platform packages of one crate, or of all.
 *
 * @param {readonly NativeCrate[]} [crates]
 * @returns {PlatformPackage[]}
 */
export function listPlatformPackages(crates = listCrates()) {
  return crates.flatMap((crate) => {
    const npmFolder = path.join(crate.packageFolder, "npm");
    return readdirSync(npmFolder)
      .filter((target) => existsSync(path.join(npmFolder, target, "package.json")))
      .map((target) => ({ crate, target, folder: path.join(npmFolder, target) }));
  });
}

/**
 * Licences of what is linked into an addon.
 *
 * @param {NativeCrate} crate
 */
export function thirdPartyFile({ packageFolder }) {
  return path.join(packageFolder, "npm", "THIRD-PARTY.md");
}

/** The target of this machine. */
export function thisTarget() {
  const platform = `${process.platform}-${process.arch}`;
  if (process.platform === "win32") return `${platform}-msvc`;
  if (process.platform !== "linux") return platform;
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return `${platform}-${header.glibcVersionRuntime === undefined ? "musl" : "gnu"}`;
}

/**
 * An addon that was built elsewhere, in the folder that `NATIVE_ADDONS` names.
 *
 * @param {NativeCrate} crate
 * @param {string} target
 * @returns {string}
 * @throws {Error} if there is none.
 */
export function builtElsewhere(crate, target) {
  const folder = process.env.NATIVE_ADDONS;
  if (folder === undefined) throw new Error("NATIVE_ADDONS does not name the folder of the addons");
  const file = path.resolve(root, folder, target, addonName(crate));
  if (!existsSync(file)) throw new Error(`NATIVE_ADDONS names a folder without it: ${file} is missing`);
  return file;
}

/**
 * Looks for platform packages that do not fit their package or its Cargo.lock.
 *
 * @returns {string[]}  What is wrong, a line each.
 */
export function checkPlatformPackages() {
  const crates = listCrates();
  const targets = new Set(listPlatformPackages().map(({ target }) => target));
  const lacking = crates.flatMap((crate) => {
    const own = listPlatformPackages([crate]).map(({ target }) => target);
    return [...targets]
      .filter((target) => !own.includes(target))
      .map((target) => `${crate.packageName} has no package for ${target}, which another has`);
  });
  return [...lacking, ...crates.flatMap(checkPlatforms)];
}

/** @param {NativeCrate} crate */
function checkPlatforms(crate) {
  const { packageName } = crate;
  const { version, optionalDependencies } = readManifest(crate.packageFolder);
  const npmFolder = path.relative(root, path.dirname(thirdPartyFile(crate)));
  const problems = Object.entries(optionalDependencies)
    .filter(([, wanted]) => wanted !== version)
    .map(([name, wanted]) => `${packageName} ${version} wants ${name} ${wanted}`);
  const found = listPlatformPackages([crate]).map(({ target, folder }) => {
    const manifest = readManifest(folder);
    const expected = { ...manifest, ...manifestOf(crate, target, version) };
    if (JSON.stringify(manifest) !== JSON.stringify(expected)) {
      problems.push(`${npmFolder}/${target}/package.json should be ${JSON.stringify(expected)}`);
    }
    if (!existsSync(path.join(folder, "README.md"))) problems.push(`${npmFolder}/${target} has no README.md`);
    return manifest.name;
  });
  const named = Object.keys(optionalDependencies);
  for (const name of named.filter((name) => !found.includes(name))) {
    problems.push(`${packageName} wants ${name}, which ${npmFolder} lacks`);
  }
  for (const name of found.filter((name) => !named.includes(name))) {
    problems.push(`${packageName} does not want ${name}, which ${npmFolder} has`);
  }
  const licences = thirdPartyFile(crate);
  if (!existsSync(licences) || !readFileSync(licences, "utf8").includes(lockHash(crate))) {
    problems.push(`${npmFolder}/THIRD-PARTY.md is of another Cargo.lock: run node scripts/third-party.mjs`);
  }
  return problems;
}

/**
 * A mark of the crates that are linked, by which their licences are known to be up to date.
 *
 * @param {NativeCrate} crate
 */
export function lockHash({ folder }) {
  return contentHash([readFileSync(path.join(folder, "Cargo.lock"))]);
}

/** Gives every platform package, and what its package wants of it, the version of its package. */
export function alignVersions() {
  for (const crate of listCrates()) {
    const manifest = readManifest(crate.packageFolder);
    const { version } = manifest;
    for (const name of Object.keys(manifest.optionalDependencies))
      manifest.optionalDependencies[name] = version;
    writeManifest(crate.packageFolder, manifest);
    for (const { folder } of listPlatformPackages([crate])) {
      writeManifest(folder, { ...readManifest(folder), version });
    }
  }
}

/**
 * Puts a platform package together, ready to be packed or published.
 *
 * @param {PlatformPackage} platformPackage
 * @param {string} addon  The addon built for it.
 * @returns {string}  The folder.
 */
export function stagePlatformPackage({ crate, target, folder }, addon) {
  const staged = path.join(cacheFolder, "platform-packages", `${crate.name}-${target}`);
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(staged, { recursive: true });
  for (const file of [
    path.join(folder, "package.json"),
    path.join(folder, "README.md"),
    path.join(root, "LICENSE"),
    thirdPartyFile(crate),
  ]) {
    copyFileSync(file, path.join(staged, path.basename(file)));
  }
  copyFileSync(addon, path.join(staged, addonName(crate)));
  return staged;
}

/**
 * The addon in a platform package.
 *
 * @param {NativeCrate} crate
 */
function addonName({ name }) {
  return `${name}.node`;
}

/**
 * What depends on the platform, in the manifest of its package.
 *
 * @param {NativeCrate} crate
 * @param {string} target
 * @param {string} version
 */
function manifestOf(crate, target, version) {
  const [os, cpu, abi] = target.split("-");
  const libc = abi === "gnu" ? "glibc" : abi;
  return {
    name: `${crate.packageName}-${target}`,
    version,
    license: "Apache-2.0",
    main: addonName(crate),
    files: [addonName(crate), "THIRD-PARTY.md", "README.md", "LICENSE"],
    os: [os],
    cpu: [cpu],
    ...(os === "linux" ? { libc: [libc] } : {}),
    scripts: undefined,
  };
}

/** @param {string} folder */
function readManifest(folder) {
  return JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
}

/**
 * @param {string} folder
 * @param {object} manifest
 */
function writeManifest(folder, manifest) {
  writeFileSync(path.join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}
