import { rmSync } from "node:fs";
import { join } from "node:path";
import { XyzFile } from "@stowage/ase";
import { type Atoms, AtomsIOSync, registerPlugin } from "@stowage/core";
import lmdb from "@stowage/lmdb";
import { writeMdLike, writeSmall } from "./frames.js";
import { type BenchmarkCase, benchmarkCase, type PeerAnswer, runBenchmark } from "./harness.js";
import { memoryFolder } from "./molecules.js";
import { prepareOtherStores } from "./other-stores.js";
import { SeededRandom } from "./random.js";

// The workloads of asebytes' own benchmarks: 1000 frames with energy, forces and stress in a store, whole, one by one in
// random order, and one column of numbers. Our LMDB and memory beside its own, and our LMDB beside other stores of ASE.

const FRAMES = 1000;
const SINGLE_WRITES = 100;

registerPlugin(lmdb);
const folder = memoryFolder();
const others = prepareOtherStores(process.env.STOWAGE_BENCHMARKS ?? import.meta.url, currentPython());
if ("problem" in others) console.log(`ASE's LMDB and znh5md: not run (${others.problem})`);

const order = shuffled(FRAMES, 5);
const cases: BenchmarkCase[] = [];
for (const { size, write } of [
  { size: "9 atoms", write: writeSmall },
  { size: "108 atoms", write: writeMdLike },
]) {
  const source = join(folder, `${size.replace(" ", "-")}.xyz`);
  write(source, FRAMES, 3);
  const frames = readXyz(source);
  for (const store of ["LMDB", "memory"] as const) {
    const path = (name: string) =>
      store === "LMDB" ? join(folder, `${size[0]}-${name}.lmdb`) : `memory://${name}`;
    const filled = openNew(path("filled"));
    filled.extend(frames);
    const peer = (work: string) => ({ case: work, source, store, order, folder, count: SINGLE_WRITES });
    const entry = <S, R>(
      name: string,
      work: Omit<BenchmarkCase<S, R>, "name" | "units" | "unit">,
      units = FRAMES,
    ) => cases.push(benchmarkCase({ name: `${size}, ${store}: ${name}`, units, unit: "rows", ...work }));
    entry("write all, asebytes", {
      prepare: () => openNew(path("all")),
      ours: (db) => {
        db.extend(frames);
        db.flush();
        return db.length;
      },
      dispose: (db) => db.destroy(),
      peer: peer("write_all"),
      agrees: (length, answer) => length === answer.length,
    });
    entry(
      "write one by one, asebytes",
      {
        prepare: () => openNew(path("single")),
        ours: (db) => {
          for (let i = 0; i < SINGLE_WRITES; i++) db.append(frames[i]!);
          db.flush();
          return db.length;
        },
        dispose: (db) => db.destroy(),
        peer: peer("write_single"),
        agrees: (length, answer) => length === answer.length,
      },
      SINGLE_WRITES,
    );
    entry("read all, asebytes", {
      ours: () => filled.slice(0).toArray(),
      peer: peer("read_all"),
      agrees: agree,
    });
    entry("read one by one, shuffled, asebytes", {
      ours: () => order.map((i) => filled.at(i)),
      peer: peer("read_single"),
      agrees: agree,
    });
    entry("column calc.energy, asebytes", {
      ours: () => filled.column("calc.energy").toArray() as Float64Array,
      peer: peer("column"),
      agrees: (energies, answer) => energies.at(-1) === answer.energy && energies.length === answer.length,
    });
    if (store === "memory") continue;
    for (const other of [
      "ASE SQLite",
      ...("python" in others ? ["ASE LMDB", "znh5md"] : []),
      "extxyz by ASE",
    ]) {
      const request = { source, store: other, order, folder, ...others };
      entry(`write all, ${other}`, {
        prepare: () => openNew(path("all")),
        ours: (db) => {
          db.extend(frames);
          db.flush();
        },
        dispose: (db) => db.destroy(),
        peer: { case: "other_write_all", ...request },
      });
      entry(`read all, ${other}`, {
        ours: () => filled.slice(0).toArray(),
        peer: { case: "other_read_all", ...request },
        agrees: agree,
      });
      if (other === "extxyz by ASE") continue;
      entry(`read one by one, shuffled, ${other}`, {
        ours: () => order.map((i) => filled.at(i)),
        peer: { case: "other_read_single", ...request },
        agrees: agree,
      });
    }
  }
}
await runBenchmark("stores", cases);

function openNew(path: string): AtomsIOSync {
  if (!path.startsWith("memory:")) rmSync(path, { recursive: true, force: true });
  return AtomsIOSync.open(path, { mode: "w", overwrite: true });
}

function readXyz(path: string): Atoms[] {
  using file = XyzFile.open(path);
  return [...file];
}

/** The same frames: how many there are, and the last one's energy and last coordinate. */
function agree(frames: (Atoms | null)[], answer: PeerAnswer): boolean {
  const last = frames.at(-1)!;
  const sameEnergy = Math.abs((last.calc.energy as number) - (answer.energy as number)) < 1e-9;
  const close = Math.abs((last.positions.data.at(-1) as number) - (answer.last as number)) < 1e-6;
  return frames.length === answer.length && sameEnergy && close;
}

function shuffled(length: number, seed: number): number[] {
  const random = new SeededRandom(seed);
  const order = Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = random.integer(0, i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

function currentPython(): string {
  const peers = JSON.parse(process.env.STOWAGE_PEERS ?? "{}") as Record<string, { python?: string }>;
  return peers.current?.python ?? "python3";
}
