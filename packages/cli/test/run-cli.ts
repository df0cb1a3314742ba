import { type SpawnOptions, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NdArray, ndarray, type Row } from "@stowage/core";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { buildCli } from "./built-cli.js";

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions extends Pick<SpawnOptions, "cwd" | "uid" | "gid"> {
  readonly env?: Record<string, string>;
  /** Sends a signal as soon as this is true, asked every few milliseconds. */
  readonly interruptWhen?: () => boolean;
  readonly signal?: NodeJS.Signals;
  /** How many times it is sent. Default once. */
  readonly signalCount?: number;
}

/** The plugin with the `.rows` format. */
export const ROWS_PLUGIN: string = join(import.meta.dirname, "rows-plugin.mjs");

/** Runs the command line as a child process, with the format of the tests known to it. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const { env = {}, interruptWhen, signal = "SIGINT", signalCount = 1, ...spawnOptions } = options;
  const program = await buildCli();
  const child = spawn(process.execPath, [program, "--plugin", ROWS_PLUGIN, ...args], {
    ...spawnOptions,
    // The colours and widths of whoever runs the tests must not matter.
    env: { ...process.env, NO_COLOR: "", FORCE_COLOR: "", COLUMNS: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  let signals = 0;
  const timer =
    interruptWhen &&
    setInterval(() => {
      if (signals < signalCount && interruptWhen() && child.kill(signal)) signals++;
    }, 5);
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  clearInterval(timer);
  return { code, ...output };
}

/** A folder for one test file; remove it with the function returned. */
export function makeFolder(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "stowage-cli-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Where one test works. */
export interface WorkFolder {
  readonly path: string;
  /** The path of a file there. */
  at(name: string): string;
  /** Runs the command line there; what it makes for the time being lies there too. */
  run(...args: string[]): Promise<CliResult>;
}

/** A new folder for each test of a file, with 100 molecules as `water.rows` in it. */
export function eachInFolder(): WorkFolder {
  const { folder, remove } = makeFolder();
  let path = "";
  const at = (name: string): string => join(path, name);
  beforeAll(buildCli, 60_000);
  afterAll(remove);
  beforeEach(() => {
    path = mkdtempSync(join(folder, "test-"));
    writeRows(at("water.rows"), molecules(100));
  });
  return {
    get path() {
      return path;
    },
    at,
    run: (...args) => runCli(args, { cwd: path, env: { TMPDIR: path } }),
  };
}

/** A molecule with `nAtoms` atoms, all values from its index. */
export function molecule(index: number, nAtoms: number = 3 + (index % 4)): Row {
  return {
    cell: ndarray(Float64Array.of(8, 0, 0, 0, 8, 0, 0, 0, 8), [3, 3]),
    pbc: ndarray(Uint8Array.of(1, 1, index % 2), [3], "bool"),
    "arrays.numbers": ndarray(Uint8Array.from({ length: nAtoms }, (_, i) => (i === 0 ? 8 : 1))),
    "arrays.positions": ndarray(
      Float64Array.from({ length: 3 * nAtoms }, (_, i) => index + i / 7),
      [nAtoms, 3],
    ),
    "calc.energy": -4 * nAtoms - index / 100,
    "info.name": `molecule ${index}`,
  };
}

/** Writes rows in the format of the tests; a string stands as it is. */
export function writeRows(path: string, rows: readonly (Row | string)[]): string {
  const lines = rows.map((row) => (typeof row === "string" ? row : JSON.stringify(row, replaceArray)));
  writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
  return path;
}

function replaceArray(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("dtype" in value)) return value;
  const { dtype, shape, data } = value as NdArray;
  const numbers = Array.from(data as Iterable<number | bigint>);
  return { dtype, shape, data: numbers.map(exactNumber) };
}

/** What JSON would lose as text. */
function exactNumber(item: number | bigint): number | string {
  if (Object.is(item, -0)) return "-0";
  return typeof item === "number" && Number.isFinite(item) ? item : String(item);
}

export function molecules(count: number): Row[] {
  return Array.from({ length: count }, (_, i) => molecule(i));
}
