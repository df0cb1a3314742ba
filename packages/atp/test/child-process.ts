import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { buildSync } from "esbuild";
import { afterAll } from "vitest";

const PACKAGE = join(import.meta.dirname, "..");

/**
 * Bundles a program of `test/child` with this package and core, so that plain Node can run it. Removed after the last
 * test. It has to lie inside the package: what it depends on is found from there.
 */
export function buildChild(name: string): string {
  mkdirSync(join(PACKAGE, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(PACKAGE, ".cache/child-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const outfile = join(folder, `${name}.mjs`);
  buildSync({
    entryPoints: [join(PACKAGE, "test/child", `${name}.ts`)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    alias: { "@stowage/core": join(PACKAGE, "../core/src/index.ts") },
  });
  return outfile;
}

/** Starts a bundled program; arguments are in `process.argv` from index 2 on. */
export function startChild(file: string, args: readonly string[], nodeOptions: string[] = []): ChildProcess {
  return spawn(process.execPath, [...nodeOptions, file, ...args], { stdio: ["ignore", "pipe", "pipe"] });
}

export interface Ended {
  /** `null` for one that was killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function ended(child: ChildProcess): Promise<Ended> {
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, "close") as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}

/** Runs actions on the items, so many at a time. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const work = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: width }, work));
}
