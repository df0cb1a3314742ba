import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { threadId } from "node:worker_threads";
import { buildSync } from "esbuild";

const PACKAGE = join(import.meta.dirname, "..");

/**
 * Bundles a program of `test/child` with the packages that it uses, so that plain Node can run it. It lies as deep as a
 * module of `src`: the addon is found from there.
 */
export function buildChild(name: string): string {
  const folder = join(PACKAGE, ".cache");
  mkdirSync(folder, { recursive: true });
  // Several tests may make the same one at once.
  const outfile = join(folder, `${name}-${process.pid}-${threadId}.mjs`);
  buildSync({
    entryPoints: [join(PACKAGE, "test/child", `${name}.ts`)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    alias: Object.fromEntries(
      ["core", "mmap"].map((each) => [`@stowage/${each}`, join(PACKAGE, `../${each}/src/index.ts`)]),
    ),
  });
  const file = join(folder, `${name}.mjs`);
  renameSync(outfile, file);
  return file;
}

/** Starts a bundled program; arguments are in `process.argv` from index 2 on. */
export function startChild(file: string, args: readonly (string | number)[]): ChildProcess {
  return spawn(process.execPath, [file, ...args.map(String)], { stdio: ["ignore", "pipe", "pipe"] });
}

export interface Ended {
  /** `null` for one that was killed. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function ended(child: ChildProcess): Promise<Ended> {
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  return { code, signal, stdout, stderr };
}
