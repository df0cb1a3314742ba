import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, availableParallelism, platform, release, totalmem } from "node:os";
import { CATALOG } from "@stowage/core";
import { nativeStatus } from "@stowage/mmap";
import { version } from "../package.json";
import { formatBytes } from "./render/number.js";
import { renderTable } from "./render/table.js";
import type { Terminal } from "./terminal.js";

/** What a bug report has to say about the machine. Nothing in it names the person or their files. */
export interface Environment {
  readonly stowage: string;
  readonly runtime: string;
  /** `null`, as the next two, where the runtime may not ask (Deno without --allow-sys). */
  readonly system: string | null;
  readonly cores: number | null;
  readonly memoryBytes: number | null;
  readonly reads: ReadPath;
  readonly lmdb: LmdbAccess;
  /** Installed packages by name; `null` for what is not installed. */
  readonly packages: { readonly [name: string]: string | null };
}

/** How files are read. */
export interface ReadPath {
  readonly by: "memory-mapped" | "positional reads";
  /** What the native addon was loaded from, or why it is not in use. */
  readonly reason: string;
  /** Cores that decompress and copy batches. */
  readonly threads: number;
}

/** What can be done with LMDB stores. */
export interface LmdbAccess {
  /** Reading takes no addon. */
  readonly writes: boolean;
  /** What the native addon that writes was loaded from, or why it is not in use. */
  readonly reason: string;
}

export async function describeEnvironment(): Promise<Environment> {
  const names = ["@stowage/core", "@stowage/mmap", ...new Set(CATALOG.map((entry) => entry.package))];
  return {
    stowage: version,
    runtime: runtimeName(),
    system: allowed(() => `${platform()} ${arch()}, ${release()}`),
    cores: allowed(availableParallelism),
    memoryBytes: allowed(totalmem),
    reads: readPath(),
    lmdb: await lmdbAccess(),
    packages: Object.fromEntries(names.map((name) => [name, installedVersion(name)])),
  };
}

function readPath(): ReadPath {
  const { available, reason, threads } = nativeStatus();
  return { by: available ? "memory-mapped" : "positional reads", reason, threads };
}

/** The package is loaded here only: most commands have no use for it. */
async function lmdbAccess(): Promise<LmdbAccess> {
  const { nativeStatus } = await import("@stowage/lmdb");
  const { available, reason } = nativeStatus();
  return { writes: available, reason };
}

function allowed<T>(ask: () => T): T | null {
  try {
    return ask();
  } catch {
    return null;
  }
}

/** Bun and Deno also claim to be some version of Node. */
function runtimeName(): string {
  const { bun, deno, node } = process.versions as { bun?: string; deno?: string; node?: string };
  if (bun !== undefined) return `Bun ${bun}`;
  if (deno !== undefined) return `Deno ${deno}`;
  return `Node.js ${node}`;
}

function installedVersion(name: string): string | null {
  try {
    const path = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
  } catch {
    return null;
  }
}

export function renderEnvironment(environment: Environment, terminal: Terminal): string[] {
  const { stowage, runtime, system, cores, memoryBytes, reads, lmdb, packages } = environment;
  const rows: string[][] = [
    ["stowage", stowage],
    ["runtime", runtime],
    ["system", system ?? "unknown"],
    ["cores", cores === null ? "unknown" : String(cores)],
    ["memory", memoryBytes === null ? "unknown" : formatBytes(memoryBytes)],
    ["reads", renderReadPath(reads)],
    ["LMDB", `${lmdb.writes ? "reads and writes" : "reads only"} (${lmdb.reason})`],
    ...Object.entries(packages).map(([name, found]) => [name, found ?? "not installed"]),
  ];
  return renderTable(rows, [{ paint: terminal.paint.dim }, {}], { width: terminal.width, indent: 0, gap: 3 });
}

function renderReadPath({ by, reason, threads }: ReadPath): string {
  if (by === "positional reads") return `${by} (${reason})`;
  return `${by} (${reason}, ${threads} ${threads === 1 ? "thread" : "threads"})`;
}
