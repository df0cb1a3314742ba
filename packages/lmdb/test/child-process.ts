import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { buildSync } from "esbuild";
import { afterAll } from "vitest";

const PACKAGE = join(import.meta.dirname, "..");

/**
 * Bundles a program of `test/child` with the packages that it uses, so that plain Node can run it. Removed after the
 * last test. It lies as deep as a module of `src`: the addon is found from there.
 */
export function buildChild(name: string): string {
  const folder = join(PACKAGE, ".cache");
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `${name}-${process.pid}-${process.env.VITEST_WORKER_ID ?? 0}.mjs`);
  afterAll(() => rmSync(outfile, { force: true }));
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
  return outfile;
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
