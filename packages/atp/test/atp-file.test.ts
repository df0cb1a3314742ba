import { readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import {
  BlobSource,
  float64,
  int64,
  MemorySource,
  type NdArray,
  ndarray,
  scalar,
  type Value,
} from "@stowage/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { emptyHeader } from "../src/header.js";
import { AtpFile, Molecule, type MoleculeInit } from "../src/index.js";
import { AtpWriter, createAtpFile } from "../src/writer.js";
import { arbitraryFile, toMolecule, toSpec } from "./arbitrary-file.js";
import { bits } from "./equal-bits.js";
import { forge } from "./forged-file.js";
import { codeOf } from "./outcome.js";
import { freshSeed } from "./seed.js";
import { atom, atomicNumbersOf, smallFile } from "./small-file.js";
import { temporaryFile } from "./temporary-folder.js";

const seed = freshSeed("atp-file");

test.each(["none", "lz4", "zstd"] as const)("what is appended comes back bit-equal (%s)", (codec) => {
  const path = temporaryFile();
  fc.assert(
    fc.property(arbitraryFile(), ({ molecules, keys }) => {
      const tensors = keys.filter(({ type }) => type === "tensor").map(({ key }) => key);
      using db = AtpFile.create(path, { codec, overwrite: true, tensors });
      db.append(molecules.map(toMolecule));
      const expected = molecules.map(bits);
      const all = molecules.map((_, i) => i);
      expect(all.map((i) => bits(toSpec(db.at(i))))).toEqual(expected);
      db.flush();
      using reader = AtpFile.open(path);
      expect(all.map((i) => bits(toSpec(reader.at(i))))).toEqual(expected);
      expect(reader.getMany(all).map((molecule) => bits(toSpec(molecule)))).toEqual(expected);
    }),
    { seed, numRuns: 80 },
  );
});

describe("an index", () => {
  const numbers = [1, 2, 3];
  const reading = (): AtpFile => AtpFile.open(new MemorySource(smallFile([[1, 2], [3]])));

  test("may count from the end, in every read", () => {
    const db = reading();
    expect(numbers.map((n) => db.at(n - 4).atomicNumbers[0])).toEqual(numbers);
    expect(db.getMany([-1, 0, -3, 0]).map((m) => m.atomicNumbers[0])).toEqual([3, 1, 1, 1]);
    expect(Array.from(db.flat(Int32Array.of(-1, 1)).atomicNumbers)).toEqual([3, 2]);
  });

  test("out of range is refused with the length", () => {
    const db = reading();
    for (const index of [3, -4, 2 ** 40]) {
      for (const read of [() => db.at(index), () => db.getMany([0, index]), () => db.flat([index])]) {
        expect(read).toThrow(
          expect.objectContaining({ code: "ERR_INDEX_RANGE", details: { index, length: 3 } }),
        );
      }
    }
    expect([db.getMany([]), db.flat([]).nAtoms.length]).toEqual([[], 0]);
  });

  test("that is no whole number is a wrong argument", () => {
    const db = reading();
    for (const index of [0.5, Number.NaN, "0" as unknown as number, undefined as unknown as number]) {
      expect(() => db.at(index)).toThrow(TypeError);
      expect(() => db.getMany([index])).toThrow(TypeError);
    }
  });
});

describe("a file", () => {
  test("tells what it is", () => {
    const path = temporaryFile();
    using db = AtpFile.create(path, { codec: "zstd", level: 7 });
    expect([db.path, db.length, db.codec, db.level, db.recordFormat, db.generation, db.recovery]).toEqual([
      path,
      0,
      "zstd",
      7,
      2,
      0,
      null,
    ]);
    expect([db.schema, db.uncommittedBytes]).toEqual([{ positions: null, fields: [] }, 0]);
    db.append(atom());
    expect([db.length, db.generation, db.schema.positions]).toEqual([1, 0, "float32"]);
    db.flush();
    expect([db.length, db.generation]).toEqual([1, 1]);
    expect(AtpFile.create(temporaryFile(), { codec: "lz4", level: 9 }).level).toBe(0);
  });

  test("tells its fields", () => {
    using db = AtpFile.create(temporaryFile());
    const molecule = atom().setProperty("gap", 1.5).setProperty("n", 1).setProperty("none", null);
    molecule.setProperty("text", "x").setProperty("v", new Float32Array(4));
    molecule.setProperty("rows", ndarray(new Float64Array(6), [2, 3]));
    molecule.setProperty("t", ndarray(new Int32Array(4), [2, 2]));
    molecule.setProperty("q", new Float64Array(1), { scope: "atom" });
    molecule.setProperty("w", ndarray(new Float32Array(3), [1, 3]), { scope: "atom" });
    molecule.energy = 1;
    molecule.forces = new Float32Array(3);
    molecule.cell = new Float64Array(9);
    molecule.pbc = [true, true, true];
    molecule.name = "x";
    db.append(molecule);
    const { fields } = db.schema;
    expect(
      fields.map(({ name, dtype, shape, perAtom }) => [name, dtype, JSON.stringify(shape), perAtom]),
    ).toEqual([
      ["cell", "float64", "[3,3]", false],
      ["energy", "float64", "[]", false],
      ["forces", "float32", "[null,3]", true],
      ["name", "string", "[]", false],
      ["pbc", "bool", "[3]", false],
      ["atomProperties.q", "float64", "[null]", true],
      ["atomProperties.w", "float32", "[null,3]", true],
      ["properties.gap", "float64", "[]", false],
      ["properties.n", "int64", "[]", false],
      ["properties.none", "null", "[]", false],
      ["properties.rows", "float64", "[2,3]", false],
      ["properties.t", "int32", "null", false],
      ["properties.text", "string", "[]", false],
      ["properties.v", "float32", "[4]", false],
    ]);
    expect(fields.find(({ key }) => key === "q")).toMatchObject({ scope: "atom" });
    db.flush();
    expect(AtpFile.open(db.path).schema).toEqual(db.schema);
  });

  test("opened for reading refuses to be written, and stays as it is", () => {
    const path = temporaryFile();
    const bytes = smallFile([[1]]);
    writeFileSync(path, bytes);
    using db = AtpFile.open(path);
    const stacked = { positions: ndarray(new Float32Array(3), [1, 1, 3]), atomicNumbers: new Uint8Array(1) };
    for (const write of [
      () => db.append(atom()),
      () => db.append([]),
      () => db.appendArrays(stacked),
      () => db.flush(),
    ]) {
      expect(codeOf(write)).toBe("ERR_READ_ONLY");
    }
    expect(codeOf(() => AtpFile.open(new MemorySource(bytes), { mode: "r+" }))).toBe("ERR_READ_ONLY");
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  test("that is closed answers nothing but its end", () => {
    for (const mode of ["r", "r+"] as const) {
      const path = temporaryFile();
      writeFileSync(path, smallFile([[1]]));
      const db = AtpFile.open(path, { mode });
      db.close();
      db.close();
      db.discard();
      const uses: (() => unknown)[] = [
        () => db.at(0),
        () => db.getMany([0]),
        () => db.getMany([]),
        () => db.flat([]),
        () => db.length,
        () => db.schema,
        () => [...db],
        () => db.append(atom()),
        () => db.flush(),
        () => db.refresh(),
      ];
      expect(uses.map(codeOf)).toEqual(uses.map(() => "ERR_CLOSED"));
    }
  });

  test("flushes when it is closed or goes out of scope, not when it is discarded", () => {
    const path = temporaryFile();
    const lengths: number[] = [];
    {
      using db = AtpFile.create(path);
      db.append(atom(1));
    }
    lengths.push(AtpFile.open(path).length);
    const closed = AtpFile.open(path, { mode: "r+" });
    closed.append(atom(2));
    closed.close();
    lengths.push(AtpFile.open(path).length);
    const discarded = AtpFile.open(path, { mode: "r+" });
    discarded.append(atom(3));
    discarded.discard();
    lengths.push(AtpFile.open(path).length);
    expect(lengths).toEqual([1, 2, 2]);
    const before = readFileSync(path);
    AtpFile.open(path, { mode: "r+" }).close(); // nothing new: nothing is written
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("without news is not written by a flush", () => {
    const path = temporaryFile();
    using db = AtpFile.create(path);
    db.append(atom());
    db.flush();
    const bytes = readFileSync(path);
    db.flush();
    db.append([]);
    db.flush();
    expect([db.generation, readFileSync(path).equals(bytes)]).toEqual([1, true]);
  });

  test("shows appended molecules at once here, to others after the flush", () => {
    const path = temporaryFile();
    using db = AtpFile.create(path);
    using reader = AtpFile.open(path);
    db.append([atom(1), atom(2)]);
    expect([atomicNumbersOf(db), Array.from(db.flat([1, 0]).atomicNumbers)]).toEqual([
      [1, 2],
      [2, 1],
    ]);
    expect([reader.refresh(), reader.length, AtpFile.open(path).length]).toEqual([false, 0, 0]);
    db.flush();
    expect([reader.refresh(), reader.length, reader.refresh(), db.refresh()]).toEqual([
      true,
      2,
      false,
      false,
    ]);
    db.append(atom(3));
    db.flush();
    expect([reader.length, reader.refresh(), atomicNumbersOf(reader)]).toEqual([2, true, [1, 2, 3]]);
  });

  test("of another kind, or none, is refused with a code", () => {
    const path = temporaryFile();
    expect(codeOf(() => AtpFile.open(path))).toBe("ERR_FILE_MISSING");
    expect(codeOf(() => AtpFile.open(dirname(path)))).toBe("ERR_FILE_ACCESS");
    writeFileSync(path, "3\nwater\nO 0 0 0\n".repeat(1000));
    expect(codeOf(() => AtpFile.open(path))).toBe("ERR_ATP_FORMAT");
    expect(codeOf(() => AtpFile.create(path, { codec: "gzip" as "zstd" }))).toBe("ERR_OPTION");
    expect(codeOf(() => AtpFile.create(path, { codec: "zstd", level: 1.5 }))).toBe("ERR_OPTION");
    expect(codeOf(() => AtpFile.open(path, { mode: "w" as "r" }))).toBe("ERR_OPTION");
    expect(() => AtpFile.open(new BlobSource(new Blob([])) as unknown as MemorySource)).toThrow(TypeError);
  });

  test("in memory is left to whoever made it", () => {
    const source = new MemorySource(smallFile([[1]]));
    const db = AtpFile.open(source);
    db.close();
    expect(source.byteLength).toBeGreaterThan(8192);
    expect(db.path).toBe("memory");
  });
});

describe("the first append decides the record format", () => {
  const of = (init: Partial<MoleculeInit>) =>
    new Molecule({ positions: new Float32Array(3), atomicNumbers: [1], ...init });

  test.each([
    ["float64 positions", of({ positions: new Float64Array(3) }), 3],
    ["float64 forces", of({ forces: new Float64Array(3) }), 3],
    ["float64 velocities", of({ velocities: new Float64Array(3) }), 3],
    ["float32 charges", of({ charges: new Float32Array(1) }), 3],
    ["a float32 cell", of({ cell: new Float32Array(9) }), 3],
    ["a float32 stress", of({ stress: new Float32Array(9) }), 3],
    ["a float32 energy", of({ energy: scalar(1, "float32") }), 3],
    [
      "the types of the second format",
      of({ forces: new Float32Array(3), charges: new Float64Array(1), energy: 1 }),
      2,
    ],
    ["custom tensors", of({}).setProperty("t", ndarray(new Float32Array(8), [2, 2, 2])), 2],
  ])("with %s", (_, molecule, format) => {
    using db = AtpFile.create(temporaryFile());
    db.append(molecule);
    expect(db.recordFormat).toBe(format);
    db.flush();
    expect(AtpFile.open(db.path).recordFormat).toBe(format);
  });

  test("once and for all, over the whole list", () => {
    using db = AtpFile.create(temporaryFile());
    db.append([atom(), of({ cell: new Float32Array(9) })]);
    expect(db.recordFormat).toBe(3);
    using second = AtpFile.create(temporaryFile());
    second.append([]);
    second.append(atom());
    for (const append of [
      () => second.append(of({ cell: new Float32Array(9) })),
      () => second.append(of({ energy: scalar(1, "float32") })),
    ]) {
      expect(append).toThrow(
        expect.objectContaining({
          code: "ERR_ATP_SCHEMA",
          hint: expect.stringContaining("write a new file"),
        }),
      );
    }
    expect([second.recordFormat, second.length]).toEqual([2, 1]);
  });

  test("also in a file that was flushed empty and opened again", () => {
    const path = temporaryFile();
    {
      using db = AtpFile.create(path);
      db.flush();
    }
    using db = AtpFile.open(path, { mode: "r+" });
    db.append(of({ positions: new Float64Array(3) }));
    db.flush();
    expect([db.generation, AtpFile.open(path).at(0).positions.dtype]).toEqual([2, "float64"]);
  });

  test("also of a failed append nothing is decided", () => {
    using db = AtpFile.create(temporaryFile());
    expect(codeOf(() => db.append([of({ positions: new Float64Array(3) }), atom()]))).toBe("ERR_ATP_SCHEMA");
    db.append(atom());
    expect([db.recordFormat, db.schema.positions]).toEqual([2, "float32"]);
  });
});

describe("a plain number", () => {
  const gap = (value: Value) => atom().setProperty("gap", value);
  const stored = (...batches: Value[][]) => {
    using db = AtpFile.create(temporaryFile());
    for (const batch of batches) db.append(batch.map(gap));
    return Array.from(db, (molecule) => (molecule.storedProperty("gap") as NdArray).dtype);
  };

  test("takes the type that the key has in the file, or else that of its list", () => {
    expect(stored([1], [2])).toEqual(["int64", "int64"]);
    expect(stored([1.5], [2])).toEqual(["float64", "float64"]);
    expect(stored([1, 2, 2.5])).toEqual(["float64", "float64", "float64"]);
    expect(stored([1, float64(2)])).toEqual(["float64", "float64"]);
    expect(stored([1, int64(2)], [3])).toEqual(["int64", "int64", "int64"]);
    expect(stored([-0])).toEqual(["float64"]);
    expect(stored([2 ** 63])).toEqual(["float64"]);
    expect(stored([-(2 ** 62)])).toEqual(["int64"]);
    expect(stored([Number.NaN])).toEqual(["float64"]);
  });

  test("that is a fraction after whole numbers is refused, and the hint says how to begin", () => {
    using db = AtpFile.create(temporaryFile());
    db.append(gap(1));
    expect(() => db.append(gap(1.5))).toThrow(
      expect.objectContaining({ code: "ERR_ATP_SCHEMA", hint: expect.stringContaining("float64(x)") }),
    );
  });
});

describe("arrays of the molecule", () => {
  const v = (length: number) => atom().setProperty("v", new Float64Array(length));

  test("of one length are vectors, of several in one list tensors from then on", () => {
    using db = AtpFile.create(temporaryFile());
    db.append([v(2), v(3)]);
    db.append(v(7));
    expect(Array.from(db, (m) => (m.getProperty("v") as NdArray).shape)).toEqual([[2], [3], [7]]);
    expect(db.schema.fields).toMatchObject([{ shape: null }]);
    using vectors = AtpFile.create(temporaryFile());
    vectors.append([v(2), v(2)]);
    expect(() => vectors.append(v(3))).toThrow(
      expect.objectContaining({ code: "ERR_ATP_SCHEMA", hint: expect.stringContaining('tensors: ["v"]') }),
    );
  });

  test("under a key of the option tensors may differ from the first on, also when opened again", () => {
    const path = temporaryFile();
    {
      using db = AtpFile.create(path, { tensors: ["v"] });
      db.append(v(2));
      db.append(v(3));
    }
    using db = AtpFile.open(path, { mode: "r+" });
    db.append(v(4));
    db.append(atom().setProperty("v", ndarray(new Float64Array(6), [2, 3])));
    expect(Array.from(db, (m) => (m.getProperty("v") as NdArray).shape)).toEqual([[2], [3], [4], [2, 3]]);
    expect(codeOf(() => db.append(atom().setProperty("v", new Float32Array(2))))).toBe("ERR_ATP_SCHEMA");
  });
});

describe("molecules of another file", () => {
  test("are stored as they are, byte by byte, in any codec", () => {
    const source = smallFile([[1, 2], [3]]);
    const from = AtpFile.open(new MemorySource(source));
    for (const codec of ["none", "lz4", "zstd"] as const) {
      using db = AtpFile.create(temporaryFile(), { codec });
      db.append(from.getMany([2, 0]));
      db.append([from.at(1), atom(9)]);
      expect(atomicNumbersOf(db)).toEqual([3, 1, 2, 9]);
      expect(Buffer.from(db.at(0).record!.bytes).equals(from.at(2).record!.bytes)).toBe(true);
    }
  });

  test("that are damaged are not carried on", () => {
    const bytes = forge({
      records: [{ sections: [{ tag: 2, payload: Uint8Array.of(0xff) }] }],
      schema: { entries: [{ kind: 2, key: "x", tag: 2, elemBytes: 0, slotBytes: 0 }] },
    });
    using db = AtpFile.create(temporaryFile());
    const molecule = AtpFile.open(new MemorySource(bytes)).at(0);
    expect(codeOf(() => db.append(molecule))).toBe("ERR_ATP_RECORD");
    expect(db.length).toBe(0);
  });

  test("of the file itself can be appended to it", () => {
    using db = AtpFile.create(temporaryFile(), { codec: "lz4" });
    db.append([atom(1), atom(2)]);
    db.append(db.getMany([1, 0]));
    db.flush();
    db.append([...db]);
    expect(atomicNumbersOf(db)).toEqual([1, 2, 2, 1, 1, 2, 2, 1]);
  });
});

describe("iteration", () => {
  test("goes through all molecules in order, whatever their sizes", () => {
    using db = AtpFile.create(temporaryFile(), { codec: "zstd" });
    const sizes = [0, 3 << 20, 10, 700_000, 700_000, ...Array.from({ length: 600 }, (_, i) => i)];
    db.append(sizes.map((size, i) => atom(i & 255).setProperty("t", "x".repeat(size))));
    expect(Array.from(db, (m) => (m.getProperty("t") as string).length)).toEqual(sizes);
  });

  test("of a file that grows meanwhile sees what comes", () => {
    using db = AtpFile.create(temporaryFile());
    db.append(atom(1));
    const seen: number[] = [];
    for (const molecule of db) {
      seen.push(molecule.atomicNumbers[0]!);
      if (seen.length < 4) db.append(atom(seen.length + 1));
    }
    expect(seen).toEqual([1, 2, 3, 4]);
  });
});

describe("limits of the format", () => {
  test("are told before anything is written", () => {
    using db = AtpFile.create(temporaryFile());
    const many = atom();
    for (let i = 0; i <= 65_535; i++) many.setProperty(`k${i}`, null);
    expect(codeOf(() => db.append(many))).toBe("ERR_ATP_LIMIT");
    many.deleteProperty("k0");
    db.append(many);
    expect(db.at(0).propertyKeys().length).toBe(65_535);
    const shape = Array.from({ length: 256 }, () => 1);
    expect(codeOf(() => db.append(atom().setProperty("t", ndarray(new Float32Array(1), shape))))).toBe(
      "ERR_ATP_LIMIT",
    );
    db.append(atom().setProperty("t", ndarray(new Float32Array(1), shape.slice(1))));
    expect(db.at(1).getProperty("t")).toMatchObject({ shape: shape.slice(1) });
  });

  test("also that of a record which could not be read again", () => {
    const path = temporaryFile();
    const header = emptyHeader("lz4", 0);
    const lock = createAtpFile(path, header, false);
    const head = new Uint8Array(readFileSync(path));
    const writer = new AtpWriter(path, lock, { header, slot: "A", head, byteLength: 8192 });
    const draft = { nAtoms: 0, byteLength: 2 ** 30 + 1, write: () => undefined };
    expect(codeOf(() => writer.append([draft]))).toBe("ERR_ATP_LIMIT");
    writer.close();
  });
});
