// Damages a sound store in many ways and writes into each: what comes of it must be an error with a code, or nothing.
//
//   node write-damaged.mjs <data file> <folder> <seed> <from> <to>
//
// Prints the number of each damage before it is tried, and at the end how many writes were done and refused.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { isStowageError } from "@stowage/core";
import { LmdbRows } from "../../src/index.js";
import { numbered } from "../blob-rows.js";
import { randomIntegers } from "../seed.js";

const [source, folder, seed, from, to] = process.argv.slice(2) as [string, string, string, string, string];
const sound = readFileSync(source);
const PAGE = 4096;

/** The file with a few bytes or numbers changed, or its end cut off. */
function damaged(number: number): Buffer {
  const random = randomIntegers(Number(seed) + 7919 * number);
  const file = Buffer.from(sound);
  if (number % 10 === 9) {
    const length = random(4) === 0 ? random(3 * PAGE) : random(file.length);
    return file.subarray(0, random(2) === 0 ? length : length - (length % PAGE));
  }
  for (let changes = 1 + random(3); changes > 0; changes--) {
    const page = random(file.length / PAGE);
    const places = [
      () => 16 + random(136),
      () => PAGE + 16 + random(136),
      () => page * PAGE + random(16),
      () => page * PAGE + 16 + random(60),
      () => page * PAGE + file.readUInt16LE(page * PAGE + 16 + 2 * random(20)) + random(24),
      () => random(file.length),
    ];
    const at = Math.min(places[random(places.length)]!(), file.length - 8);
    const edits = [
      () => void file.writeUInt8(file[at]! ^ (1 << random(8)), at),
      () => void file.writeUInt16LE([0, 1, 4095, 4096, 0xffff, 0x8000][random(6)]!, at),
      () => void file.writeUInt32LE([0, 2, page, file.length / PAGE, 0xffffffff][random(5)]!, at),
      () => void file.copy(file, at, random(file.length - 8), random(file.length)),
    ];
    edits[random(3) === 0 ? random(edits.length) : 0]!();
  }
  return file;
}

const outcomes: Record<string, number> = { done: 0 };

function attempt(write: () => void): void {
  try {
    write();
    outcomes.done!++;
  } catch (error) {
    if (!isStowageError(error)) throw error;
    outcomes[error.code] = (outcomes[error.code] ?? 0) + 1;
  }
}

for (let number = Number(from); number < Number(to); number++) {
  writeSync(1, `${number}\n`);
  const path = join(folder, `${number}`);
  const file = join(path, "default", "data.mdb");
  mkdirSync(join(path, "default"), { recursive: true });
  const bytes = damaged(number);
  writeFileSync(file, bytes);
  attempt(() => {
    using rows = LmdbRows.open(path, { mode: "r+" });
    const random = randomIntegers(number);
    const some = () => Math.min(random(300), Math.max(0, rows.length - 1));
    attempt(() => rows.update([some()], [new Map([["x", new Uint8Array(random(9000))]])]));
    attempt(() => rows.append(numbered(0, 1 + random(40))));
    attempt(() => rows.delete([some()]));
    attempt(() => rows.insert(some(), numbered(0, 1)));
    attempt(() => rows.set([some()], [new Map([["big", new Uint8Array(40_000)]])]));
    attempt(() => rows.delete(Array.from({ length: Math.min(150, rows.length) }, (_, i) => i)));
    attempt(() => rows.append(Array.from({ length: 30 }, () => new Map([["v", new Uint8Array(1500)]]))));
    if (number % 3 === 0) attempt(() => rows.clear());
    attempt(() => rows.append(numbered(0, 200)));
  });
  const { size } = statSync(file);
  // No larger than its map may be, whatever its last page is said to be.
  if (size > 2 ** 34) throw new Error(`the file of ${bytes.length} bytes has ${size} now`);
  rmSync(path, { recursive: true });
}
writeSync(1, `${JSON.stringify(outcomes)}\n`);
