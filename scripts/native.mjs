// node scripts/native.mjs: builds the native addon of packages/mmap and puts it where its loader looks.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import path from "node:path";
import { cargo, cargoVersion } from "./lib/cargo.mjs";
import { contentHash } from "./lib/content-hash.mjs";
import { keyedFolder } from "./lib/keyed-folder.mjs";
import { cacheFolder, isEntryPoint, root } from "./lib/repository.mjs";

/** The crate. */
export const nativeFolder = path.join(root, "packages/mmap/native");

const fileName = `stowage-mmap.${process.platform}-${process.arch}.node`;

/** Where the loader of packages/mmap looks first. */
export const nativeFile = path.join(nativeFolder, fileName);

const libraryNames = {
  linux: "libstowage_mmap.so",
  darwin: "libstowage_mmap.dylib",
  win32: "stowage_mmap.dll",
};

/**
 * Builds the addon, unless it was built from the same sources by the same compiler before.
 *
 * `NATIVE_ADDON=FILE` puts an addon in its place that was built elsewhere: what CI tests is what it publishes.
 *
 * @returns {Promise<string | null>}  The addon's file; `null` if this machine has no Rust, which is said in a line.
 * @throws {Error} with the compiler's output if the addon does not build, or if there is no Rust and the addon is
 *   required: with `REQUIRE_NATIVE=1`, or with `CI=true`.
 */
export async function buildNative() {
  const { NATIVE_ADDON } = process.env;
  if (NATIVE_ADDON !== undefined) {
    place(path.resolve(root, NATIVE_ADDON));
    return nativeFile;
  }
  const compiler = await cargoVersion();
  if (compiler === null) {
    const found = "The native addon is skipped: there is no cargo on this machine";
    if (isRequired()) throw new Error(`${found}, and it is required (REQUIRE_NATIVE=1, or CI=true)`);
    console.log(`${found}; ${consequence()}`);
    return null;
  }
  const hash = contentHash([...inputs(), compiler, process.platform, process.arch]);
  const folder = await keyedFolder(path.join(cacheFolder, "native"), "stowage-mmap", hash, async (target) => {
    const { code, output } = await cargo(["build", "--release", "--locked"]);
    if (code !== 0) throw new Error(`The native addon does not build: cargo ended with ${code}\n${output}`);
    mkdirSync(target);
    copyFileSync(builtLibrary(), path.join(target, fileName));
  });
  place(path.join(folder, fileName));
  return nativeFile;
}

/**
 * As {@link buildNative}, for what works without the addon, too: a failing build is a line, not an error.
 *
 * @throws {Error} only if the addon is required, as above.
 */
export async function buildNativeIfPossible() {
  try {
    return await buildNative();
  } catch (error) {
    if (isRequired()) throw error;
    const { message } = /** @type {Error} */ (error);
    console.log(`The native addon is skipped; ${consequence()}\n${message.replaceAll(/^/gm, "  | ")}`);
    return null;
  }
}

/** Said where no addon is built: nothing is broken, it is only slower. */
function consequence() {
  return existsSync(nativeFile) ? "an older build stays in use" : "files are read by positional reads";
}

/** In CI a missing addon is a mistake, whoever forgot to say so. */
function isRequired() {
  const { REQUIRE_NATIVE, CI } = process.env;
  return REQUIRE_NATIVE === undefined ? CI === "true" : REQUIRE_NATIVE === "1";
}

/** What the addon is made from, as names and contents. */
function inputs() {
  const sources = readdirSync(path.join(nativeFolder, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".rs"))
    .map((file) => path.join("src", file))
    .sort();
  return ["Cargo.toml", "Cargo.lock", "build.rs", ".cargo/config.toml", ...sources].flatMap((file) => [
    file,
    readFileSync(path.join(nativeFolder, file)),
  ]);
}

function builtLibrary() {
  const name = libraryNames[/** @type {keyof typeof libraryNames} */ (process.platform)];
  if (name === undefined) throw new Error(`Cannot name the native library of ${process.platform}`);
  return path.join(cacheFolder, "native", "target", "release", name);
}

/**
 * Copies the addon to its place by a rename: a process that has the older file mapped keeps it.
 *
 * @param {string} built
 */
function place(built) {
  if (existsSync(nativeFile) && readFileSync(nativeFile).equals(readFileSync(built))) return;
  const unfinished = `${nativeFile}.${process.pid}.node`;
  copyFileSync(built, unfinished);
  renameSync(unfinished, nativeFile);
}

if (isEntryPoint(import.meta.url)) {
  const file = await buildNative().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
    return null;
  });
  if (file !== null) console.log(path.relative(root, file));
}
