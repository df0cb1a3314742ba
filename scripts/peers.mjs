import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { run } from "./lib/command.mjs";
import { contentHash } from "./lib/content-hash.mjs";
import { keyedFolder } from "./lib/keyed-folder.mjs";
import { cacheFolder, isEntryPoint, root } from "./lib/repository.mjs";

// Peers are the Python programs whose files we read and write. Each interop/requirements/<name>.txt pins one set of
// them, with everything that they need, and gets a virtual environment of its own.

/**
 * Where a peer's Python is, or why there is none.
 *
 * @typedef {{ python: string } | { problem: string }} Peer
 */

const requirementsFolder = path.join(root, "interop/requirements");
const peersFolder = path.join(cacheFolder, "peers");
const oldestPython = [3, 11];

/**
 * Makes the virtual environments that are missing.
 *
 * A peer that cannot be had is returned with its problem, so that the tests which need it fail and say why.
 *
 * @returns {Promise<Record<string, Peer>>}  By name: "current", "atompack-0.3.1", …
 */
export async function preparePeers() {
  const names = readdirSync(requirementsFolder)
    .filter((file) => file.endsWith(".txt"))
    .map((file) => path.basename(file, ".txt"));
  const python = await findPython();
  const peers = await Promise.all(names.map((name) => preparePeer(name, python)));
  return Object.fromEntries(names.map((name, i) => [name, peers[i]]));
}

/**
 * @param {string} name
 * @param {{ command: string, version: string } | { problem: string }} python
 * @returns {Promise<Peer>}
 */
async function preparePeer(name, python) {
  if ("problem" in python) return python;
  const file = path.join(requirementsFolder, `${name}.txt`);
  const requirements = readFileSync(file, "utf8");
  const hash = contentHash([requirements, python.version, process.platform, process.arch]);
  try {
    const folder = await keyedFolder(peersFolder, name, hash, (target) =>
      makeEnvironment(python.command, target, file, requirements),
    );
    return { python: pythonOf(folder) };
  } catch (error) {
    return {
      problem: `Cannot install ${path.relative(root, file)}: ${/** @type {Error} */ (error).message}`,
    };
  }
}

/**
 * @param {string} python
 * @param {string} folder
 * @param {string} file
 * @param {string} requirements
 */
async function makeEnvironment(python, folder, file, requirements) {
  await check(python, ["-m", "venv", folder]);
  // --no-deps: what is not pinned is not installed; `pip check` then says if something needed is not pinned.
  await check(pythonOf(folder), ["-m", "pip", "install", "--quiet", "--no-deps", "--requirement", file]);
  await check(pythonOf(folder), ["-m", "pip", "check"]);
  const installed = await check(pythonOf(folder), ["-m", "pip", "freeze"]);
  if (pins(installed) !== pins(requirements)) {
    throw new Error(`pinned are\n${pins(requirements)}\nbut installed were\n${pins(installed)}`);
  }
}

/** @param {string} text  Lines `name==version`. */
function pins(text) {
  return text
    .split(/\r?\n/)
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.toLowerCase().replaceAll("_", "-"))
    .sort()
    .join("\n");
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 */
async function check(command, args) {
  const { code, stdout, output } = await run(command, args, { cwd: root });
  if (code !== 0) throw new Error(`${[command, ...args].join(" ")} failed with exit code ${code}\n${output}`);
  return stdout;
}

/** @param {string} folder */
function pythonOf(folder) {
  return process.platform === "win32"
    ? path.join(folder, "Scripts", "python.exe")
    : path.join(folder, "bin", "python");
}

async function findPython() {
  const oldest = oldestPython.join(".");
  const tried = [];
  for (const command of ["python3", "python3.11", "python3.12", "python3.13", "python"]) {
    const { code, stdout } = await run(command, [
      "-c",
      "import sys; print(sys.version.replace(chr(10), ' '))",
    ]);
    const [major, minor] = stdout.split(".", 2).map(Number);
    if (code !== 0) tried.push(`${command} is absent`);
    else if (major === oldestPython[0] && minor >= oldestPython[1])
      return { command, version: stdout.trim() };
    else tried.push(`${command} is ${stdout.split(" ", 1)[0]}`);
  }
  return { problem: `The Python peers need Python ${oldest} or later: ${tried.join(", ")}` };
}

if (isEntryPoint(import.meta.url)) {
  for (const [name, peer] of Object.entries(await preparePeers())) {
    if ("problem" in peer) process.exitCode = 1;
    console.log(`${name}: ${"problem" in peer ? peer.problem : peer.python}`);
  }
}
