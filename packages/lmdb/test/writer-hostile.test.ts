import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type BlobRow, LmdbRows } from "../src/index.js";
import { numbered } from "./blob-rows.js";
import { buildChild, ended, startChild } from "./child-process.js";
import { freshSeed, randomIntegers } from "./seed.js";
import { temporaryFolder } from "./temporary-folder.js";
import { writable } from "./writable.js";

const seed = freshSeed("hostile files to write");
const RUNS = Number(process.env.STOWAGE_RUNS ?? 600);

let child = "";
beforeAll(() => {
  child = buildChild("write-damaged");
});

/** A store with all that there is: branches, overflow pages, free pages, several blocks. */
function soundFile(folder: string): string {
  const random = randomIntegers(7);
  using rows = LmdbRows.open(join(folder, "sound.lmdb"), { mode: "r+" });
  const some = (): BlobRow => {
    const length = random(12) === 0 ? random(20_000) : random(400);
    return new Map([["v", new Uint8Array(length).fill(random(256))], ...numbered(0, 1)[0]!]);
  };
  rows.append(Array.from({ length: 300 }, some));
  rows.append(numbered(0, 900));
  for (let i = 0; i < 8; i++) {
    rows.delete([5 + i, 100, 200]);
    rows.insert(random(300), [some()]);
    rows.set([random(250)], [some()]);
  }
  return rows.path;
}

describe.runIf(writable)("a damaged store", () => {
  it(
    "is refused or written, and never ends the process",
    async () => {
      const folder = temporaryFolder();
      const source = soundFile(folder);
      const { code, signal, stdout, stderr } = await ended(
        startChild(child, [source, folder, seed, 0, RUNS]),
      );
      const lines = stdout.trimEnd().split("\n");
      // Such as: after damage 17, SIGSEGV.
      expect([lines.at(code === 0 ? -2 : -1), code, signal, stderr.slice(0, 2000)]).toEqual([
        `${RUNS - 1}`,
        0,
        null,
        "",
      ]);
      const outcomes = JSON.parse(lines.at(-1)!) as Record<string, number>;
      console.log(`lmdb hostile files to write: ${lines.at(-1)}`);
      expect(outcomes.done).toBeGreaterThan(RUNS);
      expect(
        Object.keys(outcomes).filter(
          (name) => !/^(done|ERR_(LMDB_|UNSUPPORTED|INDEX_RANGE|FILE_ACCESS))/.test(name),
        ),
      ).toEqual([]);
      expect(outcomes.ERR_LMDB_FORMAT).toBeGreaterThan(RUNS / 10);
    },
    30_000 + 100 * RUNS,
  );
});
