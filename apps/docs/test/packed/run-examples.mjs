// Runs examples one after another in whatever runtime runs this: `node run-examples.mjs FOLDER…`.
//
// Each FOLDER holds an example.mjs, which runs with it as the current folder. Prints a line of JSON for each: what it
// printed, and the error that ended it, if one did.
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { format } from "node:util";

const print = console.log;
for (const folder of process.argv.slice(2)) {
  process.chdir(folder);
  /** @type {string[]} */
  const printed = [];
  // The pages show values as Node prints them; other runtimes break lines elsewhere.
  console.log = (...values) => {
    printed.push(...format(...values).split("\n"));
  };
  let error = null;
  try {
    await import(pathToFileURL(path.join(folder, "example.mjs")).href);
  } catch (thrown) {
    error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  }
  print(JSON.stringify({ folder, printed: printed.filter((line) => line !== ""), error }));
}
