import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AtpFile } from "@stowage/atp";
import { ndarray } from "@stowage/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildCli } from "./built-cli.js";
import { makeFolder, runCli } from "./run-cli.js";

const { folder, remove } = makeFolder();

/** Molecules of 100 atoms with forces, 5 kB each. */
function writeMolecules(path: string, count: number): void {
  const db = AtpFile.create(path);
  const perAtom = (n: number) =>
    ndarray(
      Float64Array.from({ length: 300 * n }, (_, i) => i / 7),
      [n, 100, 3],
    );
  for (let done = 0; done < count; done += 1000) {
    db.appendArrays({
      positions: perAtom(1000),
      forces: perAtom(1000),
      atomicNumbers: ndarray(new Uint8Array(100_000).fill(6), [1000, 100]),
      energy: ndarray(new Float64Array(1000)),
    });
  }
  db.close();
}

beforeAll(async () => {
  await buildCli();
  writeMolecules(join(folder, "small.atp"), 12_000);
  writeMolecules(join(folder, "large.atp"), 80_000);
}, 60_000);
afterAll(remove);

/**
 * The most memory of its own that the command was seen to hold, in bytes.
 *
 * Pages of mapped files are the system's, which takes them back when it needs them: on Linux a thread of the command
 * looks at the rest every few milliseconds. Elsewhere only the sum is known, and files are not mapped.
 */
async function peakMemory(args: readonly string[]): Promise<number> {
  const report = join(folder, "peak");
  const script =
    process.platform === "linux"
      ? `import { isMainThread, Worker } from "node:worker_threads"; if (isMainThread) new Worker(${JSON.stringify(watchMemory(report))}, { eval: true }).unref();`
      : `import { writeFileSync } from "node:fs";` +
        `process.on("exit", () => writeFileSync(${JSON.stringify(report)}, String(process.resourceUsage().maxRSS)));`;
  const env: Record<string, string> = {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}`,
  };
  if (process.platform !== "linux") env.STOWAGE_NATIVE = "0";
  const { code, stderr } = await runCli(args, { cwd: folder, env });
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  return Number(readFileSync(report, "utf8")) * 1024;
}

/** A thread's program that keeps the peak of the process's anonymous memory, in KiB, in a file. */
function watchMemory(report: string): string {
  return `
    const { readFileSync, writeFileSync } = require("node:fs");
    let peak = 0;
    setInterval(() => {
      const now = Number(/^RssAnon:\\s+(\\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))[1]);
      if (now > peak) writeFileSync(${JSON.stringify(report)}, String((peak = now)));
    }, 5);`;
}

test.each([
  [["info"]],
  [["verify"]],
  [["stats", "--keys", "calc.energy,calc.forces", "--bins", "0"]],
  [["convert", "copy.atp", "--overwrite"]],
  [["select", "C,natoms=100", "copy.atp", "--overwrite"]],
  [["split", "copy.atp", "--fractions", "0.5,0.5", "--shuffle", "--stratify", "size", "--overwrite"]],
  [["try", "--no-rates"]],
])(
  "memory does not grow with the file: stowage %j",
  async ([command = "", ...rest]) => {
    // 60 MB and 400 MB: were rows kept, memory would grow by the difference of 340 MB. What the garbage collector lets
    // stand differs by some 100 MB from run to run.
    const small = await peakMemory([command, "small.atp", ...rest]);
    const large = await peakMemory([command, "large.atp", ...rest]);
    expect(large - small).toBeLessThan(200e6);
  },
  60_000,
);
