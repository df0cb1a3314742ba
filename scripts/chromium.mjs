import { existsSync } from "node:fs";
import path from "node:path";
import { run } from "./lib/command.mjs";
import { isEntryPoint } from "./lib/repository.mjs";

/** Where browsers of this kind lie that are in no PATH. */
const places = [
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/**
 * Finds the browser that Stowage is tested in: the one that STOWAGE_CHROMIUM names, else what is installed. Where there
 * is none and we may, the system's package is installed.
 *
 * @returns {Promise<{ executable: string } | { problem: string }>}
 */
export async function prepareChromium() {
  const named = process.env.STOWAGE_CHROMIUM;
  if (named !== undefined) {
    return existsSync(named)
      ? { executable: named }
      : { problem: `STOWAGE_CHROMIUM names ${named}, which is not there` };
  }
  const installed = findChromium();
  if (installed !== undefined) return { executable: installed };
  const failure = await installChromium();
  const executable = findChromium();
  if (executable !== undefined) return { executable };
  return {
    problem: `There is no Chromium: install it, or name a browser of its kind in STOWAGE_CHROMIUM. ${failure}`,
  };
}

/** @returns {string | undefined} */
function findChromium() {
  const names = ["chromium", "google-chrome", "google-chrome-stable", "chromium-browser"];
  const folders = (process.env.PATH ?? "").split(path.delimiter);
  return [...names.flatMap((name) => folders.map((folder) => path.join(folder, name))), ...places].find(
    existsSync,
  );
}

/** @returns {Promise<string>}  Why it is not there. */
async function installChromium() {
  if (process.platform !== "linux" || !existsSync("/usr/bin/apt-get")) return "This system has no apt-get.";
  if (process.getuid?.() !== 0) return "apt-get install chromium needs root.";
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [["update"], ["install", "-y", "--no-install-recommends", "chromium"]]) {
    const { code, output } = await run("apt-get", args, { env });
    if (code !== 0) return `apt-get ${args.join(" ")} ended with ${code}:\n${output.slice(-2000)}`;
  }
  return "";
}

if (isEntryPoint(import.meta.url)) {
  const prepared = await prepareChromium();
  console.log("problem" in prepared ? prepared.problem : prepared.executable);
  process.exitCode = "problem" in prepared ? 1 : 0;
}
