// node scripts/native.mjs: builds the native addons of all packages that have one and puts them where their loader looks.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import path from "node:path";
import { cargo, cargoTarget, cargoVersion } from "./lib/cargo.mjs";
import { contentHash } from "./lib/content-hash.mjs";
import { listCrates } from "./lib/crates.mjs";
import { keyedFolder } from "./lib/keyed-folder.mjs";
import { builtElsewhere, thisTarget } from "./lib/platform-packages.mjs";
import { cacheFolder, isEntryPoint, root } from "./lib/repository.mjs";

/**
 * @typedef {import("./lib/crates.mjs").NativeCrate} NativeCrate
 *
 * @typedef {object} Addon
 * @property {NativeCrate} crate
 * @property {string} file  Where the loader of the crate's package looks first.
 */

/**
 * Builds the addons, each unless it was built from the same sources by the same compiler before.
 *
 * `NATIVE_ADDONS=FOLDER` puts addons in their place that were built elsewhere, as `<target>/stowage-….node` in that
 * folder: what CI tests is what it publishes.
 *
 * @returns {Promise<Addon[]>}  None if this machine has no Rust, which is said in a line.
 * @throws {Error} with the compiler's output if an addon does not build, or if there is no Rust and the addons are
 *   required: with `REQUIRE_NATIVE=1`, or with `CI=true`.
 */
export function buildNative() {
  return buildEach((crate, error) => {
    throw new Error(`There is no native addon of ${crate.packageName}: ${error.message}`);
  });
}

/**
 * As {@link buildNative}, for what works without the addons, too: one that does not build is a line, not an error.
 *
 * @throws {Error} only if the addons are required, as above.
 */
export function buildNativeIfPossible() {
  return buildEach((crate, error) => {
    const found = `The native addon of ${crate.packageName} is skipped`;
    const output = error.message.replaceAll(/^/gm, "  | ");
    if (isRequired()) throw new Error(`${found}, and it is required\n${output}`);
    console.log(`${found}; ${consequence([crate])}\n${output}`);
  });
}

/** @param {(crate: NativeCrate, error: Error) => void} onFailure */
async function buildEach(onFailure) {
  if (process.env.NATIVE_ADDONS !== undefined) {
    return await placeEach(async (crate) => builtElsewhere(crate, thisTarget()), onFailure);
  }
  const compiler = await cargoVersion();
  if (compiler !== null) return await placeEach((crate) => buildAddon(crate, compiler), onFailure);
  const found = "The native addons are skipped: there is no cargo on this machine";
  if (isRequired()) throw new Error(`${found}, and they are required (REQUIRE_NATIVE=1, or CI=true)`);
  console.log(`${found}; ${consequence(listCrates())}`);
  return [];
}

/**
 * One after the other: cargo lets only one process at a time into its folder.
 *
 * @param {(crate: NativeCrate) => Promise<string>} make  Returns the addon's file.
 * @param {(crate: NativeCrate, error: Error) => void} onFailure
 */
async function placeEach(make, onFailure) {
  /** @type {Addon[]} */
  const addons = [];
  for (const crate of listCrates()) {
    const file = addonFile(crate);
    try {
      place(await make(crate), file);
      addons.push({ crate, file });
    } catch (error) {
      onFailure(crate, /** @type {Error} */ (error));
    }
  }
  return addons;
}

/**
 * @param {NativeCrate} crate
 * @param {string} compiler
 */
async function buildAddon(crate, compiler) {
  const hash = contentHash([...inputs(crate), compiler, process.platform, process.arch]);
  const fileName = path.basename(addonFile(crate));
  const folder = await keyedFolder(path.join(cacheFolder, "native"), crate.name, hash, async (target) => {
    const { code, output } = await cargo(crate.folder, ["build", "--release", "--locked"]);
    if (code !== 0) throw new Error(`cargo ended with ${code}\n${output}`);
    mkdirSync(target);
    copyFileSync(builtLibrary(crate), path.join(target, fileName));
  });
  return path.join(folder, fileName);
}

/**
 * Where the loader of the crate's package looks first.
 *
 * @param {NativeCrate} crate
 */
function addonFile({ name, folder }) {
  return path.join(folder, `${name}.${process.platform}-${process.arch}.node`);
}

/**
 * Said where addons are not built: nothing is broken.
 *
 * @param {readonly NativeCrate[]} crates
 */
function consequence(crates) {
  if (crates.every((crate) => existsSync(addonFile(crate)))) return "an older build stays in use";
  return 'what does without is slower, what does not says so: "npx stowage info --env"';
}

/** In CI a missing addon is a mistake, whoever forgot to say so. */
function isRequired() {
  const { REQUIRE_NATIVE, CI } = process.env;
  return REQUIRE_NATIVE === undefined ? CI === "true" : REQUIRE_NATIVE === "1";
}

/**
 * What an addon is made from, as names and contents: all of the crate's folder but what was built there.
 *
 * @param {NativeCrate} crate
 */
function inputs({ folder }) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".node"))
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith(`target${path.sep}`))
    .sort()
    .flatMap((file) => [file, readFileSync(path.join(folder, file))]);
}

/**
 * What cargo made of the crate.
 *
 * @param {NativeCrate} crate
 */
function builtLibrary({ name }) {
  const stem = name.replaceAll("-", "_");
  const names = { linux: `lib${stem}.so`, darwin: `lib${stem}.dylib`, win32: `${stem}.dll` };
  const found = names[/** @type {keyof typeof names} */ (process.platform)];
  if (found === undefined) throw new Error(`Cannot name the native library of ${process.platform}`);
  return path.join(cargoTarget, "release", found);
}

/**
 * Copies an addon to its place by a rename: a process that has the older file mapped keeps it.
 *
 * @param {string} built
 * @param {string} file
 */
function place(built, file) {
  if (existsSync(file) && readFileSync(file).equals(readFileSync(built))) return;
  const unfinished = `${file}.${process.pid}.node`;
  copyFileSync(built, unfinished);
  renameSync(unfinished, file);
}

if (isEntryPoint(import.meta.url)) {
  const addons = await buildNative().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
    return [];
  });
  for (const { file } of addons) console.log(path.relative(root, file));
}
