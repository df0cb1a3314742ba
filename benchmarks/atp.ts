import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { AtpFile, type CodecName, type StackedMolecules } from "@stowage/atp";
import { type BenchmarkCase, benchmarkCase, memcpy, runBenchmark } from "./harness.js";
import {
  bytesPerMolecule,
  exportBatches,
  generateMolecules,
  type MoleculeSet,
  memoryFolder,
} from "./molecules.js";
import { SeededRandom } from "./random.js";

// Reading and writing .atp beside atompack-db, on the same bytes. Each run reads 51,200 molecules or writes 20,000.

const BATCH = 512;
const READ_BATCHES = 100;
const WRITE_MOLECULES = 20_000;
const CODECS: readonly CodecName[] = ["none", "lz4", "zstd"];

const folder = memoryFolder();
const sets: readonly MoleculeSet[] = [
  generateMolecules("64 atoms", { nMolecules: 100_000, batchSize: 1000, atoms: [64, 64], seed: 1 }),
  generateMolecules("3-29 atoms", { nMolecules: 200_000, batchSize: 500, atoms: [3, 29], seed: 2 }),
  generateMolecules("mixed float64", {
    nMolecules: 60_000,
    batchSize: 500,
    atoms: [3, 29],
    mixed: true,
    seed: 3,
  }),
];

const sizes: string[] = [];
const cases: BenchmarkCase[] = [openCase(1_000_000)];
for (const set of sets) for (const codec of CODECS) cases.push(...casesOf(set, codec));
await runBenchmark("atp", cases);
if (sizes.length > 0)
  console.log(`\nfile sizes, ours and the peer's, of ${WRITE_MOLECULES} molecules\n${sizes.join("\n")}`);

function casesOf(set: MoleculeSet, codec: CodecName): BenchmarkCase[] {
  const name = `${set.name}, ${codec}`;
  const slug = name.replaceAll(/\W+/g, "-");
  const path = join(folder, `${slug}.atp`);
  const random = new SeededRandom(7);
  let db: AtpFile | undefined;
  const open = (): AtpFile => {
    db ??= makeFile(path, set.batches, codec);
    return db;
  };
  const shuffled = startingWithAbsence(
    random.permutation(set.nMolecules).slice(0, READ_BATCHES * BATCH),
    set,
  );
  const inOrder = Uint32Array.from(shuffled, (_, i) => i);
  const limit = memcpy(Math.round(bytesPerMolecule(set) * shuffled.length));
  const at = (order: Uint32Array, label: string): BenchmarkCase =>
    benchmarkCase({
      name: `${name}: at(i), 4 fields, ${label}`,
      units: order.length,
      unit: "molecules",
      prepare: open,
      ours: (file: AtpFile) => readOneByOne(file, order),
      peer: { case: "one_by_one", path, order },
      agrees: (sum, answer) => sum === answer.energy,
      limit,
    });
  return [
    benchmarkCase({
      name: `${name}: flat, shuffled batches of ${BATCH}`,
      units: shuffled.length,
      unit: "molecules",
      prepare: open,
      ours: (file: AtpFile) => readFlat(file, shuffled),
      peer: { case: "flat", path, order: shuffled, batch: BATCH },
      agrees: (sum, answer) => sum === answer.energy,
      limit,
    }),
    at(inOrder, "in order"),
    at(shuffled, "shuffled"),
    writeCase(set, codec, name, slug),
  ];
}

/** Opening a long file, up to the first value of one of its molecules. */
function openCase(nMolecules: number): BenchmarkCase {
  const path = join(folder, "long.atp");
  const index = Math.floor(nMolecules / 3);
  let made = false;
  return benchmarkCase({
    name: `${nMolecules.toLocaleString("en")} molecules: open and read one`,
    units: 1,
    unit: "files",
    prepare: () => {
      if (!made) makeLongFile(path, nMolecules);
      made = true;
    },
    ours: () => {
      using db = AtpFile.open(path);
      return db.at(index).energy!;
    },
    peer: { case: "open_one", path, index },
    agrees: (energy, answer) => energy === answer.energy,
  });
}

function makeLongFile(path: string, nMolecules: number): void {
  const [batch] = generateMolecules("8 atoms", {
    nMolecules: 1000,
    batchSize: 1000,
    atoms: [8, 8],
    seed: 4,
  }).batches;
  using db = AtpFile.create(path);
  for (let written = 0; written < nMolecules; written += 1000) db.appendArrays(batch!);
}

/**
 * The peer reads a batch with absent fields only if its first molecule is one that lacks them: it fails otherwise.
 * Every third stacked batch of a mixed set lacks the forces.
 */
function startingWithAbsence(order: Uint32Array, set: MoleculeSet): Uint32Array {
  const lacks = set.batches.map(({ forces }) => forces === undefined);
  if (!lacks.includes(true)) return order;
  const perBatch = set.batches[0]!.positions.shape[0]!;
  for (let start = 0; start < order.length; start += BATCH) {
    const at = order.subarray(start, start + BATCH).findIndex((i) => lacks[Math.floor(i / perBatch)]);
    [order[start], order[start + at]] = [order[start + at]!, order[start]!];
  }
  return order;
}

function writeCase(set: MoleculeSet, codec: CodecName, name: string, slug: string): BenchmarkCase {
  const batches = set.batches.slice(0, WRITE_MOLECULES / set.batches[0]!.positions.shape[0]!);
  const arrays = join(folder, `${set.name.replaceAll(/\W+/g, "-")}-arrays`);
  const ours = join(folder, `${slug}-ours.atp`);
  const theirs = join(folder, `${slug}-peer.atp`);
  return benchmarkCase({
    name: `${name}: appendArrays and flush`,
    units: WRITE_MOLECULES,
    unit: "molecules",
    prepare: () => {
      if (codec === "none") exportBatches(arrays, batches);
      rmSync(ours, { force: true });
    },
    ours: () => makeFile(ours, batches, codec).close(),
    peer: { case: "write", path: theirs, arrays, batches: batches.length, codec },
    agrees: (_, answer) => {
      const [left, right] = [statSync(ours).size, Number(answer.bytes)];
      sizes.push(`${name}: ${left} ${right} ${(left / right).toFixed(3)}`);
      return codec !== "none" || left === right;
    },
    limit: memcpy(Math.round(bytesPerMolecule(set) * WRITE_MOLECULES)),
  });
}

function makeFile(path: string, batches: readonly StackedMolecules[], codec: CodecName): AtpFile {
  const db = AtpFile.create(path, { codec });
  for (const batch of batches) db.appendArrays(batch);
  db.flush();
  return db;
}

function readFlat(db: AtpFile, order: Uint32Array): number {
  let sum = 0;
  for (let start = 0; start < order.length; start += BATCH) {
    const batch = db.flat(order.subarray(start, start + BATCH));
    for (const energy of batch.energy!.data) sum += Number(energy);
  }
  return sum;
}

function readOneByOne(db: AtpFile, order: Uint32Array): number {
  let sum = 0;
  for (const index of order) {
    const molecule = db.at(index);
    if (molecule.positions.data.length < 3 * molecule.atomicNumbers.length)
      throw new RangeError("positions are short");
    sum += molecule.energy! + 0 * (molecule.forces?.data.length ?? 0);
  }
  return sum;
}
