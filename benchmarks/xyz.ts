import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeXyz, XyzFile } from "@stowage/ase";
import type { Atoms } from "@stowage/core";
import { writeMdLike, writeQm9Like } from "./frames.js";
import { type BenchmarkCase, benchmarkCase, memcpy, runBenchmark } from "./harness.js";
import { memoryFolder } from "./molecules.js";

// Reading and writing extended XYZ beside ase.io.

const folder = memoryFolder();
const inputs = [
  { name: "QM9-like, 15 keys", frames: 20_000, write: writeQm9Like },
  { name: "108 atoms, forces and stress", frames: 2_000, write: writeMdLike },
];

const cases: BenchmarkCase[] = [];
for (const { name, frames, write } of inputs) {
  const path = join(folder, `${name.replaceAll(/\W+/g, "-")}.xyz`);
  const output = join(folder, "ours.xyz");
  write(path, frames, 11);
  const limit = memcpy(statSync(path).size);
  const atoms: Atoms[] = [];
  cases.push(
    benchmarkCase({
      name: `${name}: read all frames`,
      units: frames,
      unit: "frames",
      ours: () => readAll(path).length,
      peer: { case: "read_all", path },
      agrees: (count, answer) => count === answer.frames,
      limit,
    }),
    benchmarkCase({
      name: `${name}: frame count and index`,
      units: frames,
      unit: "frames",
      ours: () => {
        using file = XyzFile.open(path);
        return file.length;
      },
      limit,
    }),
    benchmarkCase({
      name: `${name}: write all frames`,
      units: frames,
      unit: "frames",
      prepare: () => {
        if (atoms.length === 0) atoms.push(...readAll(path));
        rmSync(output, { force: true });
      },
      ours: () => writeXyz(output, atoms),
      peer: { case: "write_all", path, output: join(folder, "peer.xyz") },
      limit,
    }),
  );
}
await runBenchmark("xyz", cases);

function readAll(path: string): Atoms[] {
  using file = XyzFile.open(path);
  return [...file];
}
