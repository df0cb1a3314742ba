import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CodeBlock, expectedOutput } from "./code-blocks.js";
import { blocks, exampleFolder, pages, root, toJavaScript } from "./pages.js";

// Every example runs as a reader would run it: in a folder of its own beside the real data, on the built packages.
const scratch = join(root, ".cache/docs-examples");
const run = promisify(execFile);

beforeAll(() => rmSync(scratch, { recursive: true, force: true }));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

it("finds examples on the pages", () => {
  expect(blocks.filter(({ language }) => language === "ts").length).toBeGreaterThan(10);
  expect(blocks.filter(({ language }) => language === "sh").length).toBeGreaterThan(3);
});

describe.each(pages)("%s", (page) => {
  const ofPage = blocks.filter((block) => block.page === page);
  it("is there and says something", () =>
    expect(readFileSync(join(root, page), "utf8").length).toBeGreaterThan(200));
  for (const block of ofPage.filter(({ language }) => language === "ts")) {
    it.skipIf(block.needsAddon && process.env.STOWAGE_NATIVE === "0")(
      `runs the example at line ${block.line}`,
      () => runTypeScript(block),
    );
  }
  for (const block of ofPage.filter(({ language }) => language === "sh")) {
    it(`runs the commands at line ${block.line}`, () => runCommands(block));
  }
});

async function runTypeScript(block: CodeBlock): Promise<void> {
  const folder = exampleFolder(scratch, block);
  writeFileSync(join(folder, "example.mjs"), await toJavaScript(block));
  const { stdout } = await run(process.execPath, ["example.mjs"], { cwd: folder });
  expect(stdout.trimEnd().split("\n").filter(Boolean)).toEqual(expectedOutput(block.code));
}

/** Runs the lines that call `stowage`; a line with another program is for readers only. */
async function runCommands(block: CodeBlock): Promise<void> {
  const folder = exampleFolder(scratch, block);
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const main = join(root, "packages/cli/dist/main.js");
  writeFileSync(join(bin, "stowage"), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`, {
    mode: 0o755,
  });
  const lines = block.code.split("\n").map((line) => line.replace(/^(npx )?stowage /, "stowage "));
  const script = lines.filter((line) => line.startsWith("stowage ")).join("\n");
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, NO_COLOR: "1" };
  const { stderr } = await run("sh", ["-euc", script], { cwd: folder, env });
  expect(stderr).not.toContain("stowage: Cannot");
}

it("lists every error code", () => {
  const sources = readdirSync(join(root, "packages")).map((name) => join(root, "packages", name, "src"));
  const declared = sources
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((file) => file.endsWith(".ts"))
        .map((file) => join(folder, file)),
    )
    .flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/^\s+(ERR_\w+): \{/gm)].map(([, code]) => code),
    );
  const listed = [...readFileSync(join(root, "apps/docs/errors.md"), "utf8").matchAll(/^\| `(ERR_\w+)`/gm)];
  expect(listed.map(([, code]) => code)).toEqual([...new Set(declared)].sort());
});
