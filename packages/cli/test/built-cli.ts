import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { build } from "tsup";

const PACKAGES = join(import.meta.dirname, "../..");
const CACHE = join(import.meta.dirname, "../.cache");
const LIBRARIES = ["core", "mmap", "atp", "ase", "lmdb"].filter((name) =>
  existsSync(join(PACKAGES, name, "src/index.ts")),
);

/**
 * Builds the command line and the packages it needs from their sources, as they would lie in `node_modules`.
 *
 * Done once for each state of the sources: test files run at the same time and share the result.
 *
 * @returns The program to run.
 */
export async function buildCli(): Promise<string> {
  const target = join(CACHE, `cli-${hashSources()}`);
  if (existsSync(target)) return join(target, "main.js");
  const draft = join(CACHE, `draft-${process.pid}-${Math.random().toString(36).slice(2)}`);
  await bundle("cli", "main.ts", draft);
  for (const name of LIBRARIES) {
    const folder = join(draft, "node_modules/@stowage", name);
    await bundle(name, "index.ts", join(folder, "dist"));
    writeFileSync(join(folder, "package.json"), JSON.stringify(manifestOf(name)));
    copyAddon(name, join(folder, "native"));
  }
  try {
    renameSync(draft, target);
  } catch {
    rmSync(draft, { recursive: true, force: true }); // another worker was faster
  }
  removeOld(target);
  return join(target, "main.js");
}

async function bundle(name: string, entry: string, outDir: string): Promise<void> {
  const folder = join(PACKAGES, name);
  mkdirSync(outDir, { recursive: true });
  await build({
    config: false,
    silent: true,
    entry: [join(folder, "src", entry)],
    outDir,
    format: ["esm"],
    target: "node20",
    platform: "node",
    outExtension: () => ({ js: ".js" }),
    skipNodeModulesBundle: true,
    external: [/^@stowage\//],
    tsconfig: join(folder, "tsconfig.json"),
  });
}

function manifestOf(name: string): object {
  return {
    name: `@stowage/${name}`,
    version: "0.0.0",
    type: "module",
    exports: { ".": "./dist/index.js", "./package.json": "./package.json" },
  };
}

/** A package's native addon, if it has one and it is built: its loader looks for it where it lies in the repository. */
function addons(name: string): string[] {
  const folder = join(PACKAGES, name, "native");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => /^stowage-\w+\.[\w-]+\.node$/.test(file))
    .map((file) => join(folder, file));
}

function copyAddon(name: string, folder: string): void {
  for (const file of addons(name)) {
    mkdirSync(folder, { recursive: true });
    copyFileSync(file, join(folder, basename(file)));
  }
}

function hashSources(): string {
  const hash = createHash("sha1");
  for (const file of LIBRARIES.flatMap(addons)) {
    const { mtimeMs, size } = statSync(file);
    hash.update(`${file} ${mtimeMs} ${size}\n`);
  }
  for (const name of ["cli", ...LIBRARIES]) {
    const folder = join(PACKAGES, name, "src");
    for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
      const { mtimeMs, size } = statSync(join(folder, entry));
      hash.update(`${name}/${entry} ${mtimeMs} ${size}\n`);
    }
  }
  return hash.digest("hex").slice(0, 12);
}

/** Builds of sources that have changed since; not those that a running test may still use. */
function removeOld(current: string): void {
  for (const entry of readdirSync(CACHE)) {
    const path = join(CACHE, entry);
    if (path !== current && Date.now() - statSync(path).mtimeMs > 600_000) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}
