import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { run } from "./command.mjs";
import { npm } from "./npm.mjs";
import { listPlatformPackages, stagePlatformPackage, thisTarget } from "./platform-packages.mjs";
import { cacheFolder, listLibraries, listPackages, root, toolPath } from "./repository.mjs";

// What users get: the tarballs, installed into a project that has nothing else.

const tarballFolder = path.join(cacheFolder, "pack");

/** What npm packs whatever "files" says, but only if it is there. */
const requiredFiles = ["package.json", "README.md", "LICENSE"];

/**
 * Packs every package into .cache/pack, and for each addon the platform package of this machine.
 *
 * @param {readonly import("../native.mjs").Addon[]} addons  The built addons.
 * @returns {Promise<string[]>}  The tarballs' paths.
 * @throws {Error} if a package cannot be packed, or its tarball lacks its readme, its licence or what it builds.
 */
export async function packPackages(addons) {
  rmSync(tarballFolder, { recursive: true, force: true });
  mkdirSync(tarballFolder, { recursive: true });
  const workspaces = listPackages().map(({ folder }) => `--workspace=${folder}`);
  const args = ["pack", "--json", `--pack-destination=${tarballFolder}`, ...workspaces];
  const tarballs = await pack(args, root);
  for (const addon of addons) tarballs.push(...(await packPlatformPackage(addon)));
  const problems = tarballs.flatMap(({ name, files }) => {
    const paths = files.map((file) => file.path);
    const isNative = paths.some((file) => file.endsWith(".node"));
    const missing = [...requiredFiles, ...(isNative ? ["THIRD-PARTY.md"] : [])].filter(
      (file) => !paths.includes(file),
    );
    if (!isNative && !paths.some((file) => file.startsWith("dist/"))) missing.push("dist");
    return missing.map((file) => `${name} is packed without ${file}`);
  });
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return tarballs.map(({ filename }) => path.join(tarballFolder, filename));
}

/** @param {import("../native.mjs").Addon} addon */
async function packPlatformPackage({ crate, file }) {
  const target = thisTarget();
  const found = listPlatformPackages([crate]).find((one) => one.target === target);
  if (found === undefined) throw new Error(`${crate.packageName} has no package for ${target}`);
  const tarballs = await pack(
    ["pack", "--json", `--pack-destination=${tarballFolder}`],
    stagePlatformPackage(found, file),
  );
  if (!tarballs.some(({ files }) => files.some((file) => file.path.endsWith(".node")))) {
    throw new Error(`${crate.packageName}-${target} is packed without the addon`);
  }
  return tarballs;
}

/**
 * @param {readonly string[]} args
 * @param {string} cwd
 * @returns {Promise<{ name: string, filename: string, files: { path: string }[] }[]>}
 */
async function pack(args, cwd) {
  const { code, stdout, output } = await npm(args, { cwd });
  if (code !== 0) throw new Error(`npm pack failed with exit code ${code}\n${output}`);
  return JSON.parse(stdout);
}

/**
 * Installs tarballs into an empty project outside the repository, with the files of interop/smoke.
 *
 * @param {readonly string[]} tarballs
 * @returns {Promise<string>}  The project's folder; it is removed when this process ends.
 */
export async function installTarballs(tarballs) {
  const folder = mkdtempSync(path.join(tmpdir(), "stowage-consumer-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  cpSync(path.join(root, "interop/smoke"), folder, { recursive: true });
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  writeImports(folder);
  // All in one command, so that npm takes what they need of each other from here and not from the registry.
  const typesOfNode = `@types/node@${rootManifest().devDependencies["@types/node"]}`;
  const args = ["install", "--no-audit", "--no-fund", "--no-package-lock", ...tarballs, typesOfNode];
  const { code, output } = await npm(args, { cwd: folder });
  if (code !== 0) throw new Error(`npm install failed with exit code ${code}\n${output}`);
  return folder;
}

/**
 * Compiles the consumer's programs strictly, declarations included.
 *
 * @param {string} folder
 */
export function compileConsumer(folder) {
  return run(process.execPath, [toolPath("typescript", "tsc"), "--project", folder], { cwd: folder });
}

/**
 * Writes programs that import every library, as an ES module and as CommonJS.
 *
 * @param {string} folder
 */
function writeImports(folder) {
  const names = listLibraries();
  const esm = names.map((name, i) => `import * as p${i} from "${name}";`);
  const cjs = names.map((name, i) => `import p${i} = require("${name}");`);
  const uses = names.map((_, i) => `p${i}`).join(", ");
  writeFileSync(path.join(folder, "every-library.ts"), `${esm.join("\n")}\nexport const all = [${uses}];\n`);
  writeFileSync(path.join(folder, "every-library.cts"), `${cjs.join("\n")}\nexport const all = [${uses}];\n`);
}

function rootManifest() {
  return JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
}
