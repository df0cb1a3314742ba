import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeXyz, XyzFile } from "@stowage/ase";
import type { Atoms } from "@stowage/core";
import { writeFullPrecision, writeLarge, writeMdLike, writeQm9Like } from "./frames.js";
import { type BenchmarkCase, benchmarkCase, memcpy, type PeerAnswer, runBenchmark } from "./harness.js";
import { memoryFolder } from "./molecules.js";
import { prepareOxyz } from "./oxyz.js";

// Reading and writing extended XYZ beside ase.io, the C parser of extxyz, and oxyz on all cores.

const folder = memoryFolder();
const inputs = [
  { name: "QM9-like, 15 keys", frames: 20_000, write: writeQm9Like },
  { name: "108 atoms, forces and stress", frames: 2_000, write: writeMdLike },
  { name: "5,000 atoms, forces", frames: 40, write: writeLarge },
  { name: "108 atoms, 17 digits", frames: 1_500, write: writeFullPrecision },
];

const oxyz = prepareOxyz(process.env.STOWAGE_BENCHMARKS ?? import.meta.url);
if ("problem" in oxyz) console.log(`oxyz: not run (${oxyz.problem})`);
const readers: { name: string; request: { case: string; [parameter: string]: unknown } }[] = [
  { name: "ASE", request: { case: "read_ase" } },
  { name: "extxyz", request: { case: "read_extxyz", grammar: true } },
  { name: "extxyz without its grammar", request: { case: "read_extxyz", grammar: false } },
  ...("python" in oxyz ? [{ name: "oxyz", request: { case: "read_oxyz", python: oxyz.python } }] : []),
];

const cases: BenchmarkCase[] = [];
for (const { name, frames, write } of inputs) {
  const path = join(folder, `${name.replaceAll(/\W+/g, "-")}.xyz`);
  const output = join(folder, "ours.xyz");
  write(path, frames, 11);
  const limit = memcpy(statSync(path).size);
  const atoms: Atoms[] = [];
  for (const { name: reader, request } of readers) {
    cases.push(
      benchmarkCase({
        name: `${name}: read all frames, ${reader}`,
        units: frames,
        unit: "frames",
        ours: () => readAll(path),
        peer: { ...request, path },
        agrees: agree,
        limit,
      }),
    );
  }
  cases.push(
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
      name: `${name}: write all frames, ASE`,
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

/** The same frames, down to the last number. */
function agree(frames: Atoms[], answer: PeerAnswer): boolean {
  const nAtoms = frames.reduce((sum, atoms) => sum + atoms.nAtoms, 0);
  const last = frames.at(-1)?.positions.data.at(-1);
  return frames.length === answer.frames && nAtoms === answer.atoms && last === answer.last;
}
