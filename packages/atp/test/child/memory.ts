/*
 * Does a task and tells how much the anonymous memory of the process has grown over it at most:
 * { dataBytes, grown, answer }.
 *
 *   memory write <path> <codec> | iterate <path> | flat <path> | claim <codec number> | atoms | overlap
 */
import fs from "node:fs";
import { isStowageError, MemorySource, ndarray } from "@stowage/core";
import { AtpFile } from "../../src/atp-file.js";
import type { CodecName } from "../../src/codec.js";
import { type ForgedFile, forge } from "../forged-file.js";

const [task, path = "", codec = "none"] = process.argv.slice(2);
const COUNT = 900;
const ATOMS = 80_000; // two megabytes each

/** What the molecules take, decompressed. */
const DATA_BYTES = COUNT * ATOMS * 25;

/** Anonymous memory in bytes: mapped pages of files belong to the system. */
function anonymous(): number {
  const [, kilobytes] = /RssAnon:\s+(\d+) kB/.exec(fs.readFileSync("/proc/self/status", "latin1"))!;
  return Number(kilobytes) * 1024;
}

let peak = 0;
function look(): void {
  peak = Math.max(peak, anonymous());
}

/** Stacked arrays of one molecule at a time: what is written is forgotten. Zeros, so that zstd makes the file small. */
function write(): number {
  let sum = 0;
  using db = AtpFile.create(path, { codec: codec as CodecName, level: 1 });
  const floats = new Float32Array(3 * ATOMS);
  for (let i = 0; i < COUNT; i++) {
    db.appendArrays({
      positions: ndarray(floats, [1, ATOMS, 3]),
      atomicNumbers: new Uint8Array(ATOMS),
      energy: Float64Array.of(i),
      forces: ndarray(floats, [1, ATOMS, 3]),
    });
    sum += i;
    if (i % 50 === 0) db.flush();
    look();
  }
  db.flush();
  return sum;
}

function iterate(): number {
  using db = AtpFile.open(path);
  let sum = 0;
  for (const molecule of db) {
    sum += molecule.energy! + 0 * molecule.forces!.data.length;
    look();
  }
  return sum;
}

function flat(): number {
  using db = AtpFile.open(path);
  let sum = 0;
  for (let i = 0; i < db.length; i += 3) {
    const indices = [i, i + 1, i + 2].filter((index) => index < db.length);
    for (const energy of db.flat(indices, { fields: ["energy"] }).energy!.data as Float64Array) sum += energy;
    look();
  }
  return sum;
}

/** The code of the error that reading a crafted file ends with, in each way. */
function crafted(file: ForgedFile): string {
  const db = AtpFile.open(new MemorySource(forge(file)));
  const all = Array.from({ length: db.length }, (_, i) => i);
  const codes = [() => db.getMany(all), () => db.flat(all)].map((read) => {
    try {
      return `read ${read()}`;
    } catch (error) {
      return isStowageError(error) ? error.code : String(error);
    } finally {
      look();
    }
  });
  return codes.find((code) => !code.startsWith("ERR_ATP")) ?? codes[0]!;
}

const schema = { entries: [] };
const TASKS: Record<string, () => number | string> = {
  write,
  iterate,
  flat,
  claim: () =>
    crafted({
      records: [new Uint8Array(200)],
      entry: (right) => ({ ...right, recordSize: 2 ** 30, nAtoms: 2 ** 26 }),
      slots: { codec: Number(path) },
      schema,
    }),
  atoms: () => crafted({ records: [{}], entry: (right) => ({ ...right, nAtoms: 2 ** 32 - 1 }), schema }),
  overlap: () =>
    crafted({
      records: Array.from({ length: 1000 }, () => new Uint8Array(4000)),
      entry: () => ({ offset: 8192, storedSize: 4_000_000, recordSize: 4_000_000, nAtoms: 0 }),
      schema,
    }),
};

AtpFile.open(new MemorySource(forge({ records: [{}], schema }))).flat([0]); // what the first use takes
globalThis.gc!();
const before = anonymous();
const answer = TASKS[task!]!();
look();
console.log(JSON.stringify({ dataBytes: DATA_BYTES, grown: peak - before, answer }));
