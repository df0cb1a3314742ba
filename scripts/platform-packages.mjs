// node scripts/platform-packages.mjs align    gives the packages of packages/*/npm the version of the package they are for
// node scripts/platform-packages.mjs publish  publishes them, each with its addon in the folder NATIVE_ADDONS
import { readFileSync } from "node:fs";
import path from "node:path";
import { npm } from "./lib/npm.mjs";
import {
  alignVersions,
  builtElsewhere,
  listPlatformPackages,
  stagePlatformPackage,
} from "./lib/platform-packages.mjs";

const [command] = process.argv.slice(2);
if (command === "align") alignVersions();
else if (command === "publish") await publish();
else throw new Error(`Cannot do "${command}": align or publish`);

/** Puts all of them together before any is published, so that a missing addon stops it all. */
async function publish() {
  const folders = listPlatformPackages().map((one) =>
    stagePlatformPackage(one, builtElsewhere(one.crate, one.target)),
  );
  for (const cwd of folders) {
    const { name, version } = JSON.parse(readFileSync(path.join(cwd, "package.json"), "utf8"));
    const known = await npm(["view", `${name}@${version}`, "version"], { cwd });
    if (known.code === 0 && known.stdout.trim() === version) {
      console.log(`${name} ${version} is published already`);
      continue;
    }
    const { code, output } = await npm(["publish", "--access", "public"], { cwd });
    if (code !== 0) throw new Error(`Cannot publish ${name}: npm ended with ${code}\n${output}`);
    console.log(`${name} ${version} is published`);
  }
}
