// npm start [-- FILE…]: shows what Stowage does with the files given, or with those in examples/data.
import { readdirSync } from "node:fs";
import path from "node:path";
import { build } from "./build.mjs";
import { install } from "./install.mjs";
import { runInTerminal } from "./lib/command.mjs";
import { root } from "./lib/repository.mjs";
import { buildNativeIfPossible } from "./native.mjs";

const examples = path.join(root, "examples/data");
// npm starts scripts in the root folder; a FILE is relative to where the person is.
const cwd = process.env.INIT_CWD ?? process.cwd();
const given = process.argv.slice(2);
const files = given.length > 0 ? given : exampleFiles();

try {
  await install();
  await Promise.all([build(), buildNativeIfPossible()]);
  const main = path.join(root, "packages/cli/dist/main.js");
  process.exitCode = await runInTerminal(process.execPath, [main, "try", ...files], { cwd });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function exampleFiles() {
  return readdirSync(examples)
    .filter((name) => name.endsWith(".xyz"))
    .sort()
    .map((name) => path.relative(cwd, path.join(examples, name)));
}
