import { cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { type CodeBlock, codeBlocks } from "./code-blocks.js";

export const root: string = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

/** Every page that readers see, relative to the root. */
export const pages: readonly string[] = [
  "README.md",
  ...markdownIn("apps/docs"),
  ...readdirSync(join(root, "packages")).map((name) => `packages/${name}/README.md`),
];

export const blocks: readonly CodeBlock[] = pages.flatMap((page) =>
  codeBlocks(page, readFileSync(join(root, page), "utf8")),
);

/** Where a block runs. */
export function folderOf(parent: string, block: CodeBlock): string {
  return join(parent, `${block.page.replaceAll(/\W/g, "-")}-${block.line}`);
}

/** Makes a block's own folder, with the real data that the pages speak of. */
export function exampleFolder(parent: string, block: CodeBlock): string {
  const folder = folderOf(parent, block);
  mkdirSync(folder, { recursive: true });
  cpSync(join(root, "examples/data"), folder, { recursive: true });
  return folder;
}

/** The block as a module for Node 20, which knows neither types nor `using`. */
export async function toJavaScript(block: CodeBlock): Promise<string> {
  return (await transform(block.code, { loader: "ts", target: "node20", format: "esm" })).code;
}

function markdownIn(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.name.endsWith(".md") && !entry.parentPath.includes("node_modules"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}
