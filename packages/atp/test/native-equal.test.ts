import { readFileSync } from "node:fs";
import { ndarray } from "@stowage/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AtpFile, type CodecName, Molecule } from "../src/index.js";
import { arbitraryFile, arbitrarySteps, takeStep, toMolecule } from "./arbitrary-file.js";
import { countKernels, isNative } from "./kernel-spy.js";
import { codeOf } from "./outcome.js";
import { freshSeed } from "./seed.js";
import { temporaryFile } from "./temporary-folder.js";
import { askBoth, at, flat, many, type Question } from "./two-ways.js";

const seed = freshSeed("native equal");
/** More by hand: STOWAGE_RUNS=2000. */
const RUNS = Number(process.env.STOWAGE_RUNS ?? 40);

const forms = (["none", "lz4", "zstd"] as const).flatMap((codec) => [
  [codec, 2, true] as const,
  [codec, 3, false] as const,
]);

/** Batches of every kind: all, none, duplicates, from the end, in disorder, and out of range. */
function batches(draw: () => number, length: number): number[][] {
  const random = Array.from({ length: draw() % 12 }, () => (draw() % (2 * length)) - length);
  const all = Array.from({ length }, (_, i) => i);
  return [all, all.toReversed(), [], [0, 0, 0], [-1, 0, -length], random, random.concat(random), [length]];
}

function questions(draw: () => number): (db: AtpFile) => Question[] {
  return (db) => {
    const { length } = db;
    const names = db.schema.fields.map(({ name }) => name);
    const some = names.filter(() => draw() % 2 === 0);
    const lists = batches(draw, Math.max(1, length));
    return [
      ...Array.from({ length: length + 2 }, (_, i) => at(i - 1)),
      ...lists.map((indices) => many(indices)),
      // Twice: the second time shapes of tensors are known.
      ...lists.map((indices) => flat(indices)),
      ...lists.map((indices) => flat(indices)),
      ...names.map((name) => flat(lists[0]!, [name])),
      ...names.map((name) => flat(lists[5]!, [name])),
      ...lists.map((indices) => flat(indices, some)),
      flat(lists[0]!, some.toReversed()),
      flat(lists[0]!, []),
      flat(lists[0]!, ["properties.nobody has it"]),
      (db) => Array.from(db, (molecule) => molecule.nAtoms),
    ];
  };
}

describe("a mapped file and the same bytes in memory give the same", () => {
  test.each(forms)("whatever was written (%s, record format %i)", (codec, _, format2) => {
    const path = temporaryFile();
    const counted = countKernels();
    fc.assert(
      fc.property(arbitrarySteps({ format2 }), fc.infiniteStream(fc.nat()), (steps, draws) => {
        using db = AtpFile.create(path, { codec, overwrite: true });
        for (const step of steps) codeOf(() => takeStep(db, step));
        db.close();
        const { mapped, memory } = askBoth(
          path,
          readFileSync(path),
          questions(() => draws.next().value as number),
        );
        expect(mapped).toEqual(memory);
      }),
      { seed, numRuns: RUNS },
    );
    if (isNative) expect(counted.flat).toBeGreaterThan(5 * RUNS);
  });

  test("for 40 fields of which each molecule has some, in any order", () => {
    const path = temporaryFile();
    fc.assert(
      fc.property(
        fc.array(fc.uniqueArray(fc.nat(39), { maxLength: 40 }), { minLength: 1, maxLength: 30 }),
        fc.constantFrom("none", "lz4", "zstd"),
        fc.infiniteStream(fc.nat()),
        (molecules, codec, draws) => {
          using db = AtpFile.create(path, { codec: codec as CodecName, overwrite: true });
          db.append(molecules.map((keys, i) => manyFields(i, keys)));
          db.close();
          const { mapped, memory } = askBoth(
            path,
            readFileSync(path),
            questions(() => draws.next().value as number),
          );
          expect(mapped).toEqual(memory);
        },
      ),
      { seed, numRuns: RUNS / 4 },
    );
  });

  test("for batches large enough for several threads, all texts in their places", () => {
    const path = temporaryFile();
    for (const codec of ["none", "lz4", "zstd"] as const) {
      using db = AtpFile.create(path, { codec, overwrite: true });
      for (let i = 0; i < 3000; i++) {
        const keys = [0, 1, 2, 3, 4].filter((key) => (i >> key) % 3 !== 0);
        db.append(manyFields(i, keys));
      }
      db.close();
      const order = Array.from({ length: 3000 }, (_, i) => (i * 1031) % 3000);
      const { mapped, memory } = askBoth(path, readFileSync(path), () => [flat(order), many(order)]);
      expect(mapped).toEqual(memory);
    }
  });

  test("for tensors whose shapes agree in one batch and not in the next", () => {
    const path = temporaryFile();
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.constantFrom(0, 1, 2, 3), { minLength: 1, maxLength: 3 }), {
          minLength: 2,
          maxLength: 6,
        }),
        fc.array(fc.array(fc.nat(99), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 }),
        (shapes, lists) => {
          using db = AtpFile.create(path, { overwrite: true, tensors: ["a", "b"] });
          shapes.forEach((shape, i) => {
            const other = shapes[(i + 1) % shapes.length]!;
            db.append(
              new Molecule({ positions: new Float32Array(6), atomicNumbers: [i, 1] })
                .setProperty("a", zeros(shape))
                .setProperty("b", zeros(other))
                .setProperty("c", zeros([2, ...other, 2]), { scope: "atom" }),
            );
          });
          db.close();
          const batches = lists.map((list) => list.map((index) => index % shapes.length));
          const { mapped, memory } = askBoth(path, readFileSync(path), () =>
            batches.map((each) => flat(each)),
          );
          expect(mapped).toEqual(memory);
        },
      ),
      { seed, numRuns: 3 * RUNS },
    );
  });

  test("for tensors whose extents are the same numbers in a row", () => {
    // [[1], [1, 1]] and [[1, 1], [1]] are one text.
    const path = temporaryFile();
    using db = AtpFile.create(path, { tensors: ["a", "b"] });
    for (const [a, b] of [
      [[1], [1, 1]],
      [[1, 1], [1]],
    ]) {
      const molecule = new Molecule({ positions: new Float32Array(3), atomicNumbers: [1] });
      db.append(molecule.setProperty("a", zeros(a!)).setProperty("b", zeros(b!)));
    }
    db.close();
    const { mapped, memory } = askBoth(path, readFileSync(path), () => [0, 1, 0, 1, 0].map((i) => flat([i])));
    expect(mapped).toEqual(memory);
  });

  test("for indices that are no whole numbers", () => {
    const path = temporaryFile();
    using db = AtpFile.create(path);
    db.append([0, 1, 2].map((i) => manyFields(i, [0])));
    db.close();
    const wrong: unknown[] = [
      0.5,
      Number.NaN,
      Infinity,
      -Infinity,
      2 ** 53,
      -(2 ** 53),
      3,
      -4,
      "1",
      null,
      true,
    ];
    const lists = [...wrong.map((each) => [0, each]), new Array(2), [-0], new Int8Array([-1]), "12"];
    const { mapped, memory } = askBoth(path, readFileSync(path), () =>
      lists.flatMap((indices) => [flat(indices as number[]), many(indices as number[])]),
    );
    expect(mapped).toEqual(memory);
  });
});

function zeros(shape: readonly number[]) {
  const length = shape.reduce((product, extent) => product * extent, 1);
  return ndarray(
    Float64Array.from({ length }, (_, i) => i + 1),
    shape,
  );
}

const TEXTS = ["", "ascii", "\0", "\ufeffbom", "é\u{1f9ea}", "x".repeat(500)];

/** The i-th molecule of a file of 40 fields, with some of them. */
function manyFields(i: number, keys: readonly number[]): Molecule {
  const nAtoms = i % 4;
  const molecule = new Molecule({
    positions: Float32Array.from({ length: 3 * nAtoms }, (_, k) => i + k),
    atomicNumbers: new Uint8Array(nAtoms).fill(i),
  });
  for (const key of keys) {
    const name = `field ${key}`;
    if (key % 5 === 0) molecule.setProperty(name, TEXTS[(i + key) % TEXTS.length]!);
    else if (key % 5 === 1) molecule.setProperty(name, new Float64Array(nAtoms).fill(key), { scope: "atom" });
    else if (key % 5 === 2) molecule.setProperty(name, i + key + 0.5);
    else if (key % 5 === 3) molecule.setProperty(name, new Int32Array(key).fill(i));
    else molecule.setProperty(name, null);
  }
  return molecule;
}

describe.runIf(isNative)("the kernel is in use", () => {
  test.each(["none", "lz4", "zstd"] as const)(
    "for every batch of a sound file, once tensors have shown their shapes (%s)",
    (codec) => {
      const path = temporaryFile();
      const counted = countKernels();
      fc.assert(
        fc.property(arbitraryFile({ tensors: false }), ({ molecules }) => {
          using made = AtpFile.create(path, { codec, overwrite: true });
          made.append(molecules.map(toMolecule));
          made.close();
          using db = AtpFile.open(path);
          counted.reset();
          const all = molecules.map((_, i) => i);
          for (const indices of [all, all.toReversed(), [0], [-1], all.concat(all)]) db.flat(indices);
          expect(counted).toMatchObject({ flat: 5, flatLeft: 0 });
          db.getMany(all);
          Array.from(db);
          db.at(0);
          expect(counted).toMatchObject({ decompressLeft: 0, records: 1, recordsLeft: 0 });
          if (codec !== "none") expect(counted.decompressed).toBeGreaterThanOrEqual(2);
        }),
        { seed, numRuns: RUNS },
      );
    },
  );

  test("for tensors from the second batch on, and again after a batch that it left", () => {
    const path = temporaryFile();
    using made = AtpFile.create(path, { tensors: ["t"] });
    for (let i = 0; i < 9; i++) {
      const molecule = new Molecule({ positions: new Float32Array(3), atomicNumbers: [i] });
      made.append(molecule.setProperty("t", zeros(i === 8 ? [3, 2] : [2, 3])));
    }
    made.close();
    const counted = countKernels();
    using db = AtpFile.open(path);
    db.flat([0, 1]);
    expect(counted).toMatchObject({ flat: 0 }); // no shape is known
    for (let i = 0; i < 5; i++) db.flat([2 + i, i]);
    expect(counted).toMatchObject({ flat: 5, flatLeft: 0 });
    expect(codeOf(() => db.flat([0, 8]))).toBe("ERR_FLAT_RAGGED");
    expect(counted).toMatchObject({ flat: 5, flatLeft: 1 });
    db.flat([0, 1]);
    db.flat([3]);
    expect(counted).toMatchObject({ flat: 7, flatLeft: 1 });
    db.flat([8]); // of another shape, which is learned
    db.flat([8]);
    db.flat([0]);
    db.flat([0]);
    expect(counted).toMatchObject({ flat: 9, flatLeft: 3 });
    expect(codeOf(() => db.flat([99]))).toBe("ERR_INDEX_RANGE");
    counted.reset();
    db.flat([0]);
    expect(counted).toMatchObject({ flat: 1, flatLeft: 0 });
  });
});
