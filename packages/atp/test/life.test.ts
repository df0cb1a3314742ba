import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { isStowageError, type NdArray } from "@stowage/core";
import { describe, expect, test } from "vitest";
import { AtpFile, type CodecName, Molecule } from "../src/index.js";
import { toSpec } from "./arbitrary-file.js";
import { buildChild, ended, startChild } from "./child-process.js";
import { bits } from "./equal-bits.js";
import { isNative } from "./kernel-spy.js";
import { numberedMolecule } from "./numbered-molecule.js";
import { codeOf } from "./outcome.js";
import { temporaryFile } from "./temporary-folder.js";

const CODECS = ["none", "lz4", "zstd"] as const;

/** A molecule of many bytes that do not compress: files of some of them have many pages. */
function large(i: number, nAtoms = 400): Molecule {
  const positions = new Float32Array(3 * nAtoms).map((_, k) => Math.fround(Math.sin(i * 1000 + k)) + 2);
  const atomicNumbers = new Uint8Array(nAtoms).fill(1 + (i % 100));
  return new Molecule({ positions, atomicNumbers, energy: i + 0.5 });
}

function fileOf(count: number, codec: CodecName = "none"): string {
  const path = temporaryFile();
  using db = AtpFile.create(path, { codec });
  db.append(Array.from({ length: count }, (_, i) => large(i)));
  db.close();
  return path;
}

const same = (molecule: Molecule, i: number) =>
  expect(bits(toSpec(molecule))).toEqual(bits(toSpec(large(i))));
const energies = (db: AtpFile, indices: number[]) =>
  Array.from(db.flat(indices).energy!.data as Float64Array);
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Everything that a handle can be asked for. */
const uses: [string, (db: AtpFile) => unknown][] = [
  ["at", (db) => db.at(0)],
  ["getMany", (db) => db.getMany([0, 1])],
  ["flat", (db) => db.flat([0])],
  ["flat of some", (db) => db.flat([0], { fields: [] })],
  ["length", (db) => db.length],
  ["schema", (db) => db.schema],
  ["refresh", (db) => db.refresh()],
  ["iteration", (db) => [...db]],
];

describe.each(CODECS)("a file that is closed (%s)", (codec) => {
  test.each(uses)("refuses %s", (_, use) => {
    const db = AtpFile.open(fileOf(3, codec));
    use(db);
    db.close();
    expect(codeOf(() => use(db))).toBe("ERR_CLOSED");
  });

  test("leaves molecules, batches and arrays read before as they were", () => {
    const db = AtpFile.open(fileOf(300, codec));
    const one = db.at(3);
    const read = [...db.getMany([5, 7]), db.at(-1)];
    const positions = one.positions.data;
    const batch = db.flat([1, 2]);
    const iterated = db[Symbol.iterator]().next().value as Molecule;
    db.close();
    same(one, 3);
    for (const [k, i] of [5, 7, 299].entries()) same(read[k]!, i);
    same(iterated, 0);
    expect(positions.length).toBe(1200);
    expect(Array.from(batch.energy!.data as Float64Array)).toEqual([1.5, 2.5]);
    expect(batch.positions.data.length).toBe(2400);
  });

  test("inside an iteration ends it with an error, between blocks or within one", () => {
    const db = AtpFile.open(fileOf(900, codec));
    const seen: number[] = [];
    const iterate = () => {
      for (const molecule of db) {
        seen.push(molecule.energy! - 0.5);
        if (seen.length === 100) db.close();
      }
    };
    expect(codeOf(iterate)).toBe("ERR_CLOSED");
    expect(seen.length).toBeGreaterThanOrEqual(100);
    expect(seen).toEqual(range(seen.length));
  });
});

/** Values as they were, or an error that says what happened. */
function rightOrError(read: () => number[], right: number[]): string {
  try {
    const found = read();
    expect(found).toEqual(right);
    return "right";
  } catch (error) {
    if (isStowageError(error)) return error.code;
    throw error;
  }
}

describe.each(CODECS)("while a file is open for reading (%s)", (codec) => {
  const all = range(60);
  const right = all.map((i) => i + 0.5);
  const ways: [string, (db: AtpFile) => number[]][] = [
    ["flat", (db) => energies(db, all)],
    ["getMany", (db) => db.getMany(all).map((each) => each.energy!)],
    ["at", (db) => all.map((i) => db.at(i).energy!)],
    ["iteration", (db) => Array.from(db, (each) => each.energy!)],
  ];

  test.each(ways)("it may be cut anywhere: %s gives right values or an error", (_, read) => {
    const whole = fileOf(60, codec);
    const size = statSync(whole).size;
    for (const share of [0, 0.05, 0.3, 0.7, 0.95, 0.9999]) {
      const path = temporaryFile();
      copyFileSync(whole, path);
      const db = AtpFile.open(path);
      db.at(0);
      truncateSync(path, Math.floor(size * share));
      const outcome = rightOrError(() => read(db), right);
      if (share < 0.5) expect(outcome).toMatch(/^ERR_(MAPPING|SOURCE)_(TRUNCATED|BOUNDS)|^ERR_ATP_/);
      // Again: what was noticed once is not forgotten.
      expect(rightOrError(() => read(db), right)).toBe(outcome);
      db.close();
    }
  });

  test("it may be cut and grow again: nobody takes the zeros for values", () => {
    const path = fileOf(60, codec);
    const size = statSync(path).size;
    const db = AtpFile.open(path);
    truncateSync(path, 20_000);
    expect(rightOrError(() => energies(db, all), right)).not.toBe("right");
    truncateSync(path, size);
    for (const [, read] of ways) expect(rightOrError(() => read(db), right)).not.toBe("right");
    db.close();
  });

  test("it may be replaced, by create with overwrite or by a rename: the reader keeps what it opened", () => {
    for (const replace of [
      (path: string) => AtpFile.create(path, { overwrite: true }).close(),
      (path: string) => renameSync(fileOf(2), path),
    ]) {
      const path = fileOf(60, codec);
      using db = AtpFile.open(path);
      db.at(5);
      replace(path);
      for (const [, read] of ways) expect(read(db)).toEqual(right);
      expect(db.refresh()).toBe(false); // the file it opened is the old one, without a name
      for (const [, read] of ways) expect(read(db)).toEqual(right);
      using again = AtpFile.open(path);
      expect(again.length).toBeLessThan(60);
    }
  });

  test("it may grow by anything, which is not looked at", () => {
    const path = fileOf(60, codec);
    using db = AtpFile.open(path);
    appendFileSync(path, randomBytes(100_000));
    for (const [, read] of ways) expect(read(db)).toEqual(right);
    expect(db.refresh()).toBe(false);
    for (const [, read] of ways) expect(read(db)).toEqual(right);
  });

  test("a writer may cut off a tail: nobody is disturbed", () => {
    const path = fileOf(60, codec);
    appendFileSync(path, randomBytes(300_000));
    using db = AtpFile.open(path);
    for (const [, read] of ways) expect(read(db)).toEqual(right);
    using writer = AtpFile.open(path, { mode: "r+" });
    writer.append(large(60)); // cuts
    for (const [, read] of ways) expect(read(db)).toEqual(right);
    writer.flush();
    for (const [, read] of ways) expect(read(db)).toEqual(right);
    expect(db.refresh()).toBe(true);
    expect(energies(db, [60, 0])).toEqual([60.5, 0.5]);
    same(db.at(60), 60);
  });

  test("what is kept over a refresh goes on", () => {
    const path = fileOf(900, codec);
    using db = AtpFile.open(path);
    const kept = db.getMany([0, 899]);
    const iterator = db[Symbol.iterator]();
    const seen = [iterator.next().value as Molecule];
    using writer = AtpFile.open(path, { mode: "r+" });
    writer.append(range(50).map((i) => large(900 + i)));
    writer.flush();
    expect(db.refresh()).toBe(true);
    for (let next = iterator.next(); !next.done; next = iterator.next()) seen.push(next.value);
    expect(seen.map((each) => each.energy)).toEqual(range(950).map((i) => i + 0.5));
    same(kept[0]!, 0);
    same(kept[1]!, 899);
    expect(db.refresh()).toBe(false);
  });
});

describe.each(CODECS)("a handle that appends (%s)", (codec) => {
  test("reads what it appended, before and after the flush, again and again", () => {
    const path = fileOf(5, codec);
    using db = AtpFile.open(path, { mode: "r+" });
    let length = 5;
    for (let round = 0; round < 6; round++) {
      for (const count of [1, 40]) {
        db.append(range(count).map((i) => large(length + i)));
        length += count;
        same(db.at(-1), length - 1);
        const order = range(length).reverse();
        expect(energies(db, order)).toEqual(order.map((i) => i + 0.5));
        expect(db.getMany(order).map((each) => each.energy)).toEqual(order.map((i) => i + 0.5));
        expect(Array.from(db, (each) => each.energy)).toEqual(range(length).map((i) => i + 0.5));
      }
      if (round % 2 === 0) db.flush();
    }
    same(db.at(3), 3);
  });

  test.each([0, 1, 300_000])("reads it though the file had a tail of %i bytes", (tail) => {
    for (const [touch, read] of [
      [true, (db: AtpFile) => db.getMany(range(9)).map((each) => each.energy!)],
      [true, (db: AtpFile) => range(9).map((i) => db.at(i).energy!)],
      [true, (db: AtpFile) => energies(db, range(9))],
      [false, (db: AtpFile) => db.getMany(range(9)).map((each) => each.energy!)],
      [false, (db: AtpFile) => energies(db, range(9))],
    ] as const) {
      const path = fileOf(5, codec);
      appendFileSync(path, randomBytes(tail));
      using db = AtpFile.open(path, { mode: "r+" });
      if (touch) same(db.at(0), 0);
      db.append(large(5));
      if (touch) same(db.at(4), 4);
      db.append([large(6), large(7), large(8)]);
      expect(read(db)).toEqual(range(9).map((i) => i + 0.5));
      db.flush();
      expect(read(db)).toEqual(range(9).map((i) => i + 0.5));
    }
  });

  test("forgets an append that failed, and reads and writes on", () => {
    const path = fileOf(5, codec);
    using db = AtpFile.open(path, { mode: "r+" });
    db.append(large(5));
    expect(db.at(5).energy).toBe(5.5); // in the file by now
    const wrong = large(6).setProperty("late", "text");
    const clash = large(7).setProperty("late", 1.5);
    for (let i = 0; i < 3; i++) {
      expect(codeOf(() => db.append([large(6), wrong, clash]))).toBe("ERR_ATP_SCHEMA");
      expect(db.length).toBe(6);
      expect(codeOf(() => db.at(6))).toBe("ERR_INDEX_RANGE");
      expect(codeOf(() => db.flat([6]))).toBe("ERR_INDEX_RANGE");
      expect(energies(db, [5, 0])).toEqual([5.5, 0.5]);
    }
    db.append(large(6));
    expect(energies(db, [6, 5])).toEqual([6.5, 5.5]);
    db.close();
    expect(energies(AtpFile.open(path), range(7))).toEqual(range(7).map((i) => i + 0.5));
  });
});

test.runIf(isNative)("a reader learns of a file that a whole other one is written over", () => {
  // In place, byte by byte, as cp does: what was open shows a mixture, which no reader can tell from damage.
  const path = fileOf(60);
  const other = readFileSync(fileOf(3));
  const db = AtpFile.open(path);
  db.at(0);
  writeFileSync(path, other);
  expect(["ERR_MAPPING_TRUNCATED", "ERR_ATP_RECORD"]).toContain(codeOf(() => db.at(59)));
  db.refresh();
  expect(db.length).toBe(3);
  expect(energies(db, [2])).toEqual([2.5]);
  const fd = openSync(path, "r+");
  ftruncateSync(fd, 100);
  closeSync(fd);
  expect(codeOf(() => db.refresh())).toBeDefined();
  expect(codeOf(() => db.at(0))).toBeDefined();
  db.close();
});

describe("a writer in another process", () => {
  const program = buildChild("write-forever");

  test.each([
    ["none", "append"],
    ["lz4", "append"],
    ["zstd", "append"],
    ["zstd", "overwrite"],
  ] as const)("is followed by refresh (%s, %s)", async (codec, mode) => {
    const path = temporaryFile();
    const child = startChild(program, [path, codec, mode]);
    const gone = ended(child);
    try {
      await once(child.stdout!, "data"); // the first commit
      child.stdout!.resume();
      let db = AtpFile.open(path);
      const start = performance.now();
      let [last, grown, reopened] = [0, 0, 0];
      // On a busy machine it takes longer; then the test's own time limit ends it.
      while (performance.now() - start < 1500 || grown + reopened <= 5) {
        if (db.refresh()) grown++;
        expect(db.length).toBeGreaterThanOrEqual(last);
        last = db.length;
        if (last > 0) {
          const indices = [0, last - 1, last >> 1, Math.floor(last / 3)];
          const numbers = indices.map((i) => i);
          expect(Array.from((db.flat(indices).properties.n as NdArray<"int64">).data, Number)).toEqual(
            numbers,
          );
          expect(db.getMany(indices).map((each) => each.getProperty("n"))).toEqual(numbers);
          const [found, right] = [db.at(last - 1), numberedMolecule(last - 1)];
          expect(bits(found.positions)).toEqual(bits(right.positions));
          expect([found.energy, found.getProperty("text")]).toEqual([
            right.energy,
            right.getProperty("text"),
          ]);
        }
        if (mode === "overwrite") {
          // The one that was opened stays; another is there under its name.
          db.close();
          db = AtpFile.open(path);
          last = 0;
          reopened++;
        }
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      db.close();
      expect(mode === "append" ? grown : reopened).toBeGreaterThan(5);
    } finally {
      child.kill("SIGKILL");
      await gone;
    }
  });
});
