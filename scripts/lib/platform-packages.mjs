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
import { cacheFolder, root } from "./repository.mjs";

// packages/mmap/npm holds one package for each platform, with nothing but the addon built for it; @stowage/mmap names
// them as optional dependencies, of which npm installs the one that fits. They are no workspaces: their manifests and
// readmes are committed, the addon is not, and the rest is added when a package is put together.

const mmapFolder = path.join(root, "packages/mmap");
const npmFolder = path.join(mmapFolder, "npm");

/** The addon in a platform package. */
export const addonName = "stowage-mmap.node";

/** Licences of what is linked into the addon. */
export const thirdPartyFile = path.join(npmFolder, "THIRD-PARTY.md");

/**
 * @typedef {object} PlatformPackage
 * @property {string} target  "linux-x64-gnu"; the folder in packages/mmap/npm.
 * @property {string} folder
 */

/** @returns {PlatformPackage[]} */
export function listPlatformPackages() {
  return readdirSync(npmFolder)
    .filter((target) => existsSync(path.join(npmFolder, target, "package.json")))
    .map((target) => ({ target, folder: path.join(npmFolder, target) }));
}

/** The platform package for this machine. */
export function thisTarget() {
  const platform = `${process.platform}-${process.arch}`;
  if (process.platform === "win32") return `${platform}-msvc`;
  if (process.platform !== "linux") return platform;
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return `${platform}-${header.glibcVersionRuntime === undefined ? "musl" : "gnu"}`;
}

/**
 * Looks for platform packages that do not fit @stowage/mmap or its Cargo.lock.
 *
 * @returns {string[]}  What is wrong, a line each.
 */
export function checkPlatformPackages() {
  const { version, optionalDependencies } = readManifest(mmapFolder);
  const problems = Object.entries(optionalDependencies)
    .filter(([, wanted]) => wanted !== version)
    .map(([name, wanted]) => `@stowage/mmap ${version} wants ${name} ${wanted}`);
  const found = listPlatformPackages().map(({ target, folder }) => {
    const manifest = readManifest(folder);
    const expected = { ...manifest, ...manifestOf(target, version) };
    if (JSON.stringify(manifest) !== JSON.stringify(expected)) {
      problems.push(`packages/mmap/npm/${target}/package.json should be ${JSON.stringify(expected)}`);
    }
    if (!existsSync(path.join(folder, "README.md"))) problems.push(`${target} has no README.md`);
    return manifest.name;
  });
  const named = Object.keys(optionalDependencies);
  for (const name of named.filter((name) => !found.includes(name))) {
    problems.push(`@stowage/mmap wants ${name}, which packages/mmap/npm lacks`);
  }
  for (const name of found.filter((name) => !named.includes(name))) {
    problems.push(`@stowage/mmap does not want ${name}, which packages/mmap/npm has`);
  }
  if (!existsSync(thirdPartyFile) || !readFileSync(thirdPartyFile, "utf8").includes(lockHash())) {
    problems.push(
      "packages/mmap/npm/THIRD-PARTY.md is of another Cargo.lock: run node scripts/third-party.mjs",
    );
  }
  return problems;
}

/** A mark of the crates that are linked, by which their licences are known to be up to date. */
export function lockHash() {
  return contentHash([readFileSync(path.join(mmapFolder, "native/Cargo.lock"))]);
}

/** Gives every platform package, and what @stowage/mmap wants of it, the version of @stowage/mmap. */
export function alignVersions() {
  const manifest = readManifest(mmapFolder);
  const { version } = manifest;
  for (const name of Object.keys(manifest.optionalDependencies))
    manifest.optionalDependencies[name] = version;
  writeManifest(mmapFolder, manifest);
  for (const { folder } of listPlatformPackages()) {
    writeManifest(folder, { ...readManifest(folder), version });
  }
}

/**
 * Puts a platform package together, ready to be packed or published.
 *
 * @param {PlatformPackage} platformPackage
 * @param {string} addon  The addon built for it.
 * @returns {string}  The folder.
 * @throws {Error} if there is no such addon.
 */
export function stagePlatformPackage({ target, folder }, addon) {
  if (!existsSync(addon))
    throw new Error(`The addon for ${target} is missing: ${path.relative(root, addon)}`);
  const staged = path.join(cacheFolder, "platform-packages", target);
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(staged, { recursive: true });
  for (const file of [
    path.join(folder, "package.json"),
    path.join(folder, "README.md"),
    path.join(root, "LICENSE"),
    thirdPartyFile,
  ]) {
    copyFileSync(file, path.join(staged, path.basename(file)));
  }
  copyFileSync(addon, path.join(staged, addonName));
  return staged;
}

/**
 * What depends on the platform, in the manifest of its package.
 *
 * @param {string} target
 * @param {string} version
 */
function manifestOf(target, version) {
  const [os, cpu, abi] = target.split("-");
  const libc = abi === "gnu" ? "glibc" : abi;
  return {
    name: `@stowage/mmap-${target}`,
    version,
    license: "Apache-2.0",
    main: addonName,
    files: [addonName, "THIRD-PARTY.md", "README.md", "LICENSE"],
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
