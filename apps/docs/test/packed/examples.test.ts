import { execFile } from "node:child_process";
import { cpSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { expectedOutput } from "../code-blocks.js";
import { blocks, exampleFolder, folderOf, toJavaScript } from "../pages.js";

// The TypeScript examples of the pages, on the packages as npm installs them, in every runtime: one process for each,
// because starting one takes longer than most examples.

interface Runtime {
  readonly name: string;
  readonly executable: string;
  readonly arguments: readonly string[];
}

interface Outcome {
  readonly folder: string;
  readonly printed: readonly string[];
  readonly error: string | null;
}

const { STOWAGE_CONSUMER, STOWAGE_RUNTIMES } = process.env;
if (STOWAGE_CONSUMER === undefined || STOWAGE_RUNTIMES === undefined) {
  throw new Error("These tests run as a part of `npm test`, which packs and installs the packages");
}
const consumer = realpathSync(STOWAGE_CONSUMER);
const runtimes = JSON.parse(STOWAGE_RUNTIMES) as Runtime[];
const withAddon = process.env.STOWAGE_NATIVE !== "0";
const examples = blocks.filter(({ language, needsAddon }) => language === "ts" && (withAddon || !needsAddon));

describe.each(runtimes)("examples in $name", (runtime) => {
  const parent = join(consumer, "examples", runtime.name.replaceAll(/\W/g, "-"));
  let outcomes: Outcome[] = [];
  let output = "";

  beforeAll(async () => {
    mkdirSync(parent, { recursive: true });
    // Beside the examples, so that it may import what they may.
    cpSync(join(import.meta.dirname, "run-examples.mjs"), join(parent, "run-examples.mjs"));
    const folders = await Promise.all(
      examples.map(async (block) => {
        const folder = exampleFolder(parent, block);
        writeFileSync(join(folder, "example.mjs"), await toJavaScript(block));
        return folder;
      }),
    );
    output = await outputOf(runtime, [join(parent, "run-examples.mjs"), ...folders], parent);
    outcomes = output
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Outcome);
  });

  it.each(examples)("$page, line $line", (block) => {
    const outcome = outcomes.find(({ folder }) => folder === folderOf(parent, block));
    expect(outcome, `the example did not come to its end:\n${output}`).toBeDefined();
    expect(outcome?.error).toBeNull();
    expect(outcome?.printed).toEqual(expectedOutput(block.code));
  });
});

/** What a program prints on both streams, however it ends. */
function outputOf(runtime: Runtime, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(
      runtime.executable,
      [...runtime.arguments, ...args],
      { cwd, timeout: 100_000, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => resolve(`${stdout}\n${stderr}\n${error?.message ?? ""}`),
    );
  });
}
