import { readFileSync } from "node:fs";
import { isStowageError, MemorySource, ndarray } from "@stowage/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AtpFile } from "../src/index.js";
import { toSpec } from "./arbitrary-file.js";
import { bits } from "./equal-bits.js";
import { bitsOfFlat, flatOf } from "./flat-oracle.js";
import {
  type ForgedFile,
  type ForgedSection,
  f32,
  f64,
  forge,
  join,
  record,
  u8,
  u32,
  utf8,
} from "./forged-file.js";
import { MUTATIONS, mendChecksums, sampleFiles } from "./mutations.js";
import { codeOf } from "./outcome.js";
import { freshSeed } from "./seed.js";
import { atom } from "./small-file.js";
import { temporaryFile } from "./temporary-folder.js";

const seed = freshSeed("hostile");
const CASE_MS = 20_000;
/** More by hand: STOWAGE_RUNS=20000. */
const RUNS = Number(process.env.STOWAGE_RUNS ?? 150);

/**
 * Reads all that can be read of some bytes, in every way.
 *
 * @returns What was read, and the codes of the errors on the way. Anything but a value or a StowageError throws.
 */
function survey(bytes: Uint8Array): { codes: Set<string>; values: number } {
  const codes = new Set<string>();
  let values = 0;
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      const value = read();
      values++;
      return value;
    } catch (error) {
      if (!isStowageError(error)) throw error;
      codes.add(error.code);
      return undefined;
    }
  };
  for (const recover of [false, true]) {
    const db = attempt(() => AtpFile.open(new MemorySource(bytes), { recover }));
    if (db === undefined) continue;
    const schema = attempt(() => db.schema);
    for (const indices of batchesOf(db.length)) {
      const specs = indices.map((index) => attempt(() => toSpec(db.at(index))));
      const many = attempt(() => db.getMany(indices));
      const flat = attempt(() => db.flat(indices));
      const whole = specs.every((spec) => spec !== undefined);
      if (whole && many !== undefined)
        expect(many.map((each) => bits(toSpec(each)))).toEqual(specs.map(bits));
      // A flat read that succeeds has to be what the molecules are.
      if (whole && flat !== undefined && schema !== undefined) {
        expect(bitsOfFlat(flat)).toEqual(flatOf(specs, schema.fields, flat.positions.dtype));
      }
    }
    if (db.length <= 64) attempt(() => Array.from(db, toSpec));
  }
  return { codes, values };
}

/** All of a small file, a few places of one that claims to be large. */
function batchesOf(length: number): number[][] {
  const all = Array.from({ length: Math.min(length, 12) }, (_, i) =>
    Math.floor((i * length) / Math.min(length, 12)),
  );
  return [all, ...all.map((index) => [index])];
}

function timed<T>(action: () => T): T {
  const start = performance.now();
  const value = action();
  expect(performance.now() - start).toBeLessThan(CASE_MS);
  return value;
}

describe.each(["none", "lz4", "zstd"] as const)("a %s file with", (codec) => {
  test.each(Object.entries(MUTATIONS))("%s gives right values or errors with a code", (_, mutate) => {
    const files = sampleFiles(codec, seed);
    const seen = { codes: new Set<string>(), values: 0 };
    fc.assert(
      fc.property(fc.nat(files.length - 1), fc.infiniteStream(fc.nat()), fc.nat(2), (file, draws, times) => {
        const draw = () => draws.next().value;
        let bytes: Uint8Array = files[file]!.slice();
        for (let i = 0; i <= times && bytes.length > 8; i++) bytes = mutate(bytes, draw);
        if (draw() % 4 > 0) mendChecksums(bytes);
        const { codes, values } = timed(() => survey(bytes));
        for (const code of codes) seen.codes.add(code);
        seen.values += values;
      }),
      { seed, numRuns: RUNS },
    );
    expect(seen.values).toBeGreaterThan(0);
    expect(seen.codes.size).toBeGreaterThan(0);
  });
});

test("two files spliced at any place give right values or errors with a code", () => {
  const files = (["none", "lz4", "zstd"] as const).flatMap((codec) => sampleFiles(codec, seed));
  const codes = new Set<string>();
  fc.assert(
    fc.property(
      fc.nat(files.length - 1),
      fc.nat(files.length - 1),
      fc.nat(),
      fc.boolean(),
      (a, b, at, atHeader) => {
        const [first, second] = [files[a]!, files[b]!];
        const cut = atHeader ? 4096 * (1 + (at % 2)) : at % first.length;
        const bytes = join(first.subarray(0, cut), second.subarray(cut));
        for (const code of timed(() => survey(bytes)).codes) codes.add(code);
      },
    ),
    { seed, numRuns: 2 * RUNS },
  );
  expect(codes.size).toBeGreaterThan(2);
});

/** The outcome of reading molecule 0 and all, of a file made by hand. */
function outcome(file: ForgedFile): (string | undefined)[] {
  const bytes = forge(file);
  timed(() => survey(bytes));
  const db = AtpFile.open(new MemorySource(bytes));
  return [codeOf(() => toSpec(db.at(0))), codeOf(() => db.flat([0]))];
}

const BOTH_REFUSE = ["ERR_ATP_RECORD", "ERR_ATP_RECORD"];
const NOTHING_WRONG = [undefined, undefined];

describe("an index entry", () => {
  const entries: [string, ForgedFile["entry"], boolean?][] = [
    ["before the data", (right) => ({ ...right, offset: 8191 })],
    ["past the end", (right) => ({ ...right, offset: 10 ** 9 })],
    ["past 2^53", (right) => ({ ...right, offset: 2n ** 63n })],
    ["at the end of all numbers", (right) => ({ ...right, offset: 2n ** 64n - 1n })],
    ["longer than the file", (right) => ({ ...right, storedSize: 2 ** 32 - 1, recordSize: 2 ** 32 - 1 })],
    ["of two sizes without a codec", (right) => ({ ...right, recordSize: right.storedSize + 1 })],
    ["of no bytes", (right) => ({ ...right, storedSize: 0, recordSize: 0, nAtoms: 0 })],
    ["of one atom too few", (right) => ({ ...right, nAtoms: 0 })],
    ["of one atom too many", (right) => ({ ...right, nAtoms: 2 })],
    ["of all atoms there can be", (right) => ({ ...right, nAtoms: 2 ** 32 - 1 })],
  ];

  test.each(entries)("%s is refused", (_, entry) => {
    expect(
      outcome({ records: [{ sections: [{ tag: 0, payload: f64(1) }] }], schema: SCALAR_X, entry }),
    ).toEqual(BOTH_REFUSE);
  });

  test("that is not as many as the header says makes the file unreadable", () => {
    for (const indexCount of [0, 2, 2n ** 64n - 1n]) {
      expect(codeOf(() => AtpFile.open(new MemorySource(forge({ records: [{}], indexCount }))))).toBe(
        "ERR_ATP_FORMAT",
      );
    }
  });

  test("that all others overlap with is read alone, and refused together", () => {
    const records = Array.from({ length: 40 }, () =>
      record({ sections: [{ tag: 2, payload: new Uint8Array(1000) }] }),
    );
    const entry: ForgedFile["entry"] = (right, i) => ({ ...right, offset: 8192 + i });
    const same: ForgedFile["entry"] = (right) => ({
      ...right,
      offset: 8192,
      storedSize: 40_000,
      recordSize: 40_000,
    });
    const db = AtpFile.open(new MemorySource(forge({ records, entry: same, schema: TEXT_X })));
    const all = records.map((_, i) => i);
    expect(db.at(39).nAtoms).toBe(1);
    expect([codeOf(() => db.getMany(all)), codeOf(() => db.flat(all))]).toEqual([
      "ERR_ATP_FORMAT",
      "ERR_ATP_FORMAT",
    ]);
    // The same molecule as often as one likes is no overlap.
    expect(db.getMany(all.map(() => 7)).length).toBe(40);
    expect(timed(() => survey(forge({ records, entry, schema: TEXT_X }))).codes).toContain("ERR_ATP_RECORD");
  });
});

const SCALAR_X = { entries: [{ kind: 2, key: "x", tag: 0 }] };
const TEXT_X = { entries: [{ kind: 2, key: "x", tag: 2, elemBytes: 0, slotBytes: 0 }] };

describe("a record", () => {
  const x = { tag: 0, payload: f64(1) };
  const records: [string, NonNullable<ForgedFile["records"]>[number]][] = [
    ["of five bytes", u8(1, 0, 0, 0, 0)],
    ["with more sections than there are", { sections: [x], sectionCount: 2 }],
    ["with all sections that there can be", { sections: [x], sectionCount: 65_535 }],
    ["with a key past its end", join(record({ sectionCount: 1 }), u8(2, 255, 65, 66))],
    ["with a section of one byte", join(record({ sectionCount: 1 }), u8(2))],
    ["with a payload past its end", { sections: [{ ...x, payloadLength: 9 }] }],
    ["with a payload of four gigabytes", { sections: [{ ...x, payloadLength: 2 ** 32 - 1 }] }],
    ["with a scalar of seven bytes", { sections: [{ tag: 0, payload: new Uint8Array(7) }] }],
    ["with an unknown type", { sections: [{ tag: 18, payload: f64(1) }] }],
    ["with a type that only builtins have", { sections: [{ tag: 9, payload: u8(1, 0, 1) }] }],
    ["with one key twice", { sections: [x, x] }],
    ["with a key that is not UTF-8", { sections: [{ ...x, key: u8(0xff) }] }],
    ["with text that is not UTF-8", { sections: [{ tag: 2, payload: u8(0xc0, 0x80) }] }],
    ["with half of a surrogate pair", { sections: [{ tag: 2, payload: u8(0xed, 0xa0, 0x80) }] }],
    ["with None that holds a byte", { sections: [{ tag: 13, payload: u8(0) }] }],
    ["with half a number", { sections: [{ tag: 3, payload: new Uint8Array(12) }] }],
    ["with half a row", { sections: [{ tag: 4, payload: new Uint8Array(16) }] }],
  ];

  test.each(records)("%s is refused", (_, forged) => {
    expect(outcome({ records: [forged], schema: SCALAR_X })).toEqual(BOTH_REFUSE);
  });

  test("with sections of a later release is read without them", () => {
    const sections: ForgedSection[] = [
      { kind: 3, tag: 200, payload: u8(1) },
      x,
      { kind: 255, key: "x", tag: 0, payload: u8() },
    ];
    expect(outcome({ records: [{ sections }], schema: SCALAR_X })).toEqual(NOTHING_WRONG);
  });

  test("with bytes after its sections is read without them", () => {
    expect(outcome({ records: [{ sections: [x], trailing: u8(1, 2, 3) }], schema: SCALAR_X })).toEqual(
      NOTHING_WRONG,
    );
  });

  test("with tens of thousands of sections is read in time, or refused for one that stands twice", () => {
    const sections = Array.from({ length: 65_535 }, (_, i) => ({ tag: 0, key: `k${i}`, payload: f64(i) }));
    const entries = sections.map(({ key, tag }) => ({ kind: 2, key, tag }));
    const open = (inRecord: ForgedSection[]) =>
      AtpFile.open(
        // The schema has them the other way round, so that no key is found where it is expected.
        new MemorySource(
          forge({ records: [{ sections: inRecord }], schema: { entries: entries.toReversed() } }),
        ),
      );
    const many = open(sections);
    const molecule = timed(() => many.at(0).copy());
    expect(molecule.propertyKeys().length).toBe(65_535);
    expect(timed(() => many.flat([0])).properties.k65534).toEqual(ndarray(Float64Array.of(65_534)));
    expect(timed(() => molecule.propertyKeys().every((key) => molecule.hasProperty(key)))).toBe(true);
    const twice = open([...sections.slice(1), sections[65_534]!]);
    expect(codeOf(() => timed(() => twice.at(0).propertyKeys()))).toBe("ERR_ATP_RECORD");
    expect(codeOf(() => timed(() => twice.flat([0])))).toBe("ERR_ATP_RECORD");
  });

  test("of record format 3 needs a schema that tells the type of positions", () => {
    const slots = { recordFormat: 3 };
    for (const schema of [undefined, { positions: 255, entries: [] }]) {
      expect(outcome({ records: [{}], schema, slots })).toEqual(["ERR_ATP_FORMAT", "ERR_ATP_FORMAT"]);
    }
    const positions = f64(1, 2, 3);
    expect(outcome({ records: [{ positions }], schema: { positions: 7, entries: [] }, slots })).toEqual(
      NOTHING_WRONG,
    );
    expect(outcome({ records: [{}], schema: { positions: 7, entries: [] }, slots })).toEqual(BOTH_REFUSE);
  });
});

describe("a file without a schema, as those of 0.2,", () => {
  const open = (...records: ForgedSection[][]) =>
    AtpFile.open(new MemorySource(forge({ records: records.map((sections) => ({ sections })) })));
  const x = { tag: 0, payload: f64(1) };

  test("has that of its records", () => {
    const db = open(
      [x],
      [{ kind: 0, key: "energy", tag: 0, payload: f64(2) }],
      [{ kind: 0, key: "later", tag: 99 }],
    );
    expect(db.schema.fields.map(({ name, dtype }) => [name, dtype])).toEqual([
      ["energy", "float64"],
      ["properties.x", "float64"],
    ]);
    expect(db.flat([0, 1, 2]).missing).toEqual({ energy: u8(1, 0, 1), "properties.x": u8(0, 1, 1) });
  });

  test("may have several types under one key: then there are molecules, but no schema", () => {
    const db = open([x], [{ tag: 2, payload: utf8("text") }]);
    expect([db.at(0).getProperty("x"), db.at(1).getProperty("x")]).toEqual([1, "text"]);
    for (const read of [() => db.schema, () => db.flat([0])]) {
      expect(read).toThrow(
        expect.objectContaining({
          code: "ERR_ATP_SCHEMA",
          message: 'Cannot tell the schema of memory: "x" is string in molecule 1, float64 before it',
        }),
      );
    }
  });

  test.each([
    ["of an unknown type", { tag: 18 }],
    ["of a type that only builtins have", { tag: 10, payload: new Uint8Array(72) }],
    ["of half a number", { tag: 3, payload: new Uint8Array(4) }],
  ])("with a property %s is damaged", (_, section) => {
    const db = open([x], [section]);
    expect([codeOf(() => db.schema), codeOf(() => db.flat([0]))]).toEqual(BOTH_REFUSE);
  });
});

describe("a builtin", () => {
  test.each([
    ["energy", 1, f64(1), 8, 0],
    ["energy", 2, utf8("-1.5"), 0, 0],
    ["energy", 3, f64(1), 8, 0],
    ["forces", 14, join(u8(2), u32(1), u32(3), f32(1, 2, 3)), 4, 1],
    ["charges", 5, f64(1), 8, 1],
    ["cell", 7, f64(...Array.from({ length: 9 }, (_, i) => i)), 24, 0],
    ["name", 13, u8(), 0, 0],
    ["pbc", 2, utf8("yes"), 0, 0],
  ] as const)("%s of type %i is refused", (key, tag, payload, elemBytes, perAtom) => {
    const sections = [{ kind: 0, key, tag, payload }];
    expect(outcome({ records: [{ sections }], schema: { entries: [] } })).toEqual(BOTH_REFUSE);
    const slotBytes = perAtom ? elemBytes : payload.length;
    const schema = { entries: [{ kind: 0, key, tag, elemBytes, slotBytes, perAtom }] };
    expect(codeOf(() => AtpFile.open(new MemorySource(forge({ records: [{ sections }], schema }))))).toBe(
      "ERR_ATP_FORMAT",
    );
  });

  test.each([
    ["forces", 4, new Uint8Array(24), 12],
    ["velocities", 7, new Uint8Array(0), 24],
    ["charges", 3, new Uint8Array(16), 8],
  ] as const)("%s of another number of atoms is refused", (key, tag, payload, elemBytes) => {
    const schema = { entries: [{ kind: 0, key, tag, perAtom: 1, elemBytes, slotBytes: elemBytes }] };
    const records = [{ sections: [{ kind: 0, key, tag, payload }] }];
    expect(outcome({ records, schema })).toEqual(BOTH_REFUSE);
  });

  test("of booleans takes any byte but 0 for true", () => {
    const schema = { entries: [{ kind: 0, key: "pbc", tag: 9, elemBytes: 3, slotBytes: 3 }] };
    const bytes = forge({
      records: [{ sections: [{ kind: 0, key: "pbc", tag: 9, payload: u8(0, 1, 200) }] }],
      schema,
    });
    const db = AtpFile.open(new MemorySource(bytes));
    expect(db.at(0).pbc).toEqual([false, true, true]);
    expect(db.flat([0]).pbc).toEqual({ dtype: "bool", shape: [1, 3], data: u8(0, 1, 1) });
    expect(bytes.includes(200)).toBe(true); // the file is not changed by looking at it
  });
});

describe("a tensor", () => {
  const tensor = (rank: number, extents: number[], bytes: number) =>
    join(u8(rank), ...extents.map(u32), new Uint8Array(bytes));
  const of = (payload: Uint8Array, kind = 2): ForgedFile => ({
    records: [{ sections: [{ kind, tag: 15, payload }] }],
    schema: {
      entries: [{ kind, key: "x", tag: 15, perAtom: kind === 1 ? 1 : 0, elemBytes: 8, slotBytes: 0 }],
    },
  });

  test.each([
    ["without a rank", u8()],
    ["whose extents are cut", u8(2, 1, 0, 0, 0)],
    ["with fewer elements than its shape", tensor(2, [2, 2], 24)],
    ["with more elements than its shape", tensor(2, [2, 2], 40)],
    ["whose product overflows 32 bits to the right size", tensor(2, [2 ** 31, 2], 0)],
    ["whose product overflows 64 bits to the right size", tensor(4, [2 ** 16, 2 ** 16, 2 ** 16, 2 ** 16], 0)],
    [
      "whose product overflows a double",
      tensor(
        255,
        Array.from({ length: 255 }, () => 2 ** 32 - 1),
        8,
      ),
    ],
    ["whose huge product is off by one element", tensor(3, [2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], 8)],
  ])("%s is refused", (_, payload) => {
    expect(outcome(of(payload))).toEqual(BOTH_REFUSE);
  });

  test("of rank 0, of rank 255 and without elements is read", () => {
    const shapes = [
      [],
      Array.from({ length: 255 }, () => 1),
      [0],
      [2 ** 32 - 1, 0],
      [3, 0, 2 ** 32 - 1, 2 ** 32 - 1],
    ];
    for (const shape of shapes) {
      const elements = shape.includes(0) ? 0 : 1;
      const bytes = forge(of(tensor(shape.length, shape, 8 * elements)));
      const db = AtpFile.open(new MemorySource(bytes));
      expect(db.at(0).storedProperty("x")).toEqual({
        dtype: "float64",
        shape,
        data: new Float64Array(elements),
      });
      expect(db.flat([0]).properties.x).toMatchObject({ shape: [1, ...shape] });
    }
  });

  test("of no atoms may claim any row, and takes no memory for it", () => {
    const claim = (...extents: number[]) => ({
      nAtoms: 0,
      sections: [{ kind: 1, tag: 15, payload: tensor(1 + extents.length, [0, ...extents], 0) }],
    });
    const { schema } = of(u8(), 1);
    for (const extents of [
      [2 ** 32 - 1],
      [2 ** 30],
      [2 ** 32 - 1, 2 ** 32 - 1],
      Array.from({ length: 254 }, () => 2 ** 32 - 1),
    ]) {
      const db = AtpFile.open(
        new MemorySource(forge({ records: [claim(...extents), { nAtoms: 1 }], schema })),
      );
      expect(db.at(0).getProperty("x")).toMatchObject({ shape: [0, ...extents] });
      expect(codeOf(() => db.flat([0, 1]))).toBe("ERR_ATP_LIMIT");
      expect(db.flat([1]).atomProperties).toEqual({});
    }
  });

  test("of the atoms has one row an atom", () => {
    expect(outcome(of(tensor(2, [1, 2], 16), 1))).toEqual(NOTHING_WRONG);
    expect(outcome(of(tensor(2, [2, 1], 16), 1))).toEqual(BOTH_REFUSE);
    expect(outcome(of(tensor(0, [], 8), 1))).toEqual(BOTH_REFUSE);
  });
});

describe("a schema", () => {
  const open = (schema: ForgedFile["schema"], slots = {}) =>
    codeOf(() => AtpFile.open(new MemorySource(forge({ records: [{}], schema, slots }))));
  const x = { kind: 2, key: "x", tag: 0 };

  test.each([
    ["of another version", { version: 2, entries: [] }],
    ["with positions of another type", { positions: 5, entries: [] }],
    ["with float64 positions in record format 2", { positions: 7, entries: [] }],
    ["with an entry cut", { entries: [x], count: 2 }],
    ["with four billion entries", { entries: [], count: 2 ** 32 - 1 }],
    ["with bytes after its entries", { entries: [x], trailing: u8(0) }],
    ["with entries after its count", { entries: [x], count: 0 }],
    ["with an unknown kind", { entries: [{ ...x, kind: 3 }] }],
    ["with an unknown type", { entries: [{ ...x, tag: 18 }] }],
    ["with a flag of 2", { entries: [{ ...x, perAtom: 2 }] }],
    ["with one key twice", { entries: [x, x] }],
    ["with a key that is not UTF-8", { entries: [{ ...x, key: u8(0xff) }] }],
    ["with a property of the molecule for each atom", { entries: [{ ...x, perAtom: 1 }] }],
    ["with a property of the atoms for the molecule", { entries: [{ ...x, kind: 1, tag: 3 }] }],
    ["with elements of another size", { entries: [{ ...x, elemBytes: 4 }] }],
    ["with a scalar of another size", { entries: [{ ...x, slotBytes: 16 }] }],
    ["with part of an element", { entries: [{ ...x, tag: 3, slotBytes: 12 }] }],
    ["with a type that only builtins have", { entries: [{ ...x, tag: 10, elemBytes: 72, slotBytes: 72 }] }],
    ["with a builtin of another type", { entries: [{ ...x, kind: 0, key: "energy", tag: 1 }] }],
  ])("%s makes the file unreadable", (_, schema) => {
    expect(open(schema)).toBe("ERR_ATP_FORMAT");
  });

  test("of less than its head makes the file unreadable", () => {
    const bytes = forge({ records: [{}], schema: { entries: [] } });
    bytes.set(u32(8), 4096 + 68);
    mendChecksums(bytes);
    expect(codeOf(() => AtpFile.open(new MemorySource(bytes)))).toBe("ERR_ATP_FORMAT");
  });

  test("that says another type than a record is believed nowhere", () => {
    const records = [{ sections: [{ tag: 0, payload: f64(1) }] }];
    const schema = { entries: [{ kind: 2, key: "x", tag: 1 }] };
    expect(outcome({ records, schema })).toEqual([undefined, "ERR_ATP_RECORD"]);
  });

  test("may claim any length for what no record has", () => {
    const schema = { entries: [{ kind: 2, key: "x", tag: 3, slotBytes: 2 ** 32 - 8 }] };
    const db = AtpFile.open(new MemorySource(forge({ records: [{}, {}], schema })));
    expect(timed(() => db.flat([0, 1])).properties).toEqual({});
  });
});

test("text keeps a byte order mark, in values and in keys", () => {
  const key = "\ufeffkey";
  const sections = [{ tag: 2, key, payload: utf8("\ufefftext") }];
  const schema = { entries: [{ kind: 2, key, tag: 2, elemBytes: 0, slotBytes: 0 }] };
  const db = AtpFile.open(new MemorySource(forge({ records: [{ sections }], schema })));
  expect(db.at(0).propertyKeys()).toEqual([key]);
  expect(db.at(0).getProperty(key)).toBe("\ufefftext");
  expect(db.flat([0]).properties[key]).toEqual(["\ufefftext"]);
});

describe("stored bytes that are no compressed record", () => {
  test.each(["lz4", "zstd"] as const)("are refused (%s)", (codec) => {
    const path = temporaryFile();
    using db = AtpFile.create(path, { codec });
    db.append(atom(5).setProperty("t", "water ".repeat(50)));
    db.flush();
    const whole = new Uint8Array(readFileSync(path));
    const index = new DataView(whole.buffer, whole.length - 20);
    const [offset, size] = [Number(index.getBigUint64(0, true)), index.getUint32(8, true)];
    let refused = 0;
    for (let cut = 0; cut < size; cut++) {
      const bytes = whole.slice();
      bytes.fill(0xff, offset + cut, offset + size);
      refused += survey(bytes).codes.has("ERR_ATP_RECORD") ? 1 : 0;
    }
    expect(refused).toBe(size);
    // A record that is larger or smaller than the index says.
    for (const change of [-1, 1]) {
      const bytes = Uint8Array.from(whole);
      new DataView(bytes.buffer).setUint32(bytes.length - 8, index.getUint32(12, true) + change, true);
      expect([change, ...survey(bytes).codes]).toEqual([change, "ERR_ATP_RECORD"]);
    }
  });
});
