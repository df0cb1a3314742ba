import { readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AtpFile, type CodecName, Molecule } from "../src/index.js";
import { lz4Compress } from "../src/lz4.js";
import { zstdCompress } from "../src/zstd.js";
import {
  type ForgedFile,
  type ForgedRecord,
  f64,
  forge,
  join,
  record,
  u8,
  u32,
  utf8,
} from "./forged-file.js";
import { countKernels, isNative } from "./kernel-spy.js";
import { MUTATIONS, mendChecksums, sampleFiles } from "./mutations.js";
import { freshSeed } from "./seed.js";
import { temporaryFile } from "./temporary-folder.js";
import { askBoth, at, exceptUnnoticed, flat, many, outcomeOf, type Question } from "./two-ways.js";

const seed = freshSeed("native hostile");
const CASE_MS = 20_000;
/** More by hand: STOWAGE_RUNS=20000. */
const RUNS = Number(process.env.STOWAGE_RUNS ?? 40);

/** All of a small file and a few places of one that claims to be large, in every way. */
function questions(db: AtpFile): Question[] {
  const { length } = db;
  const count = Math.min(length, 10);
  const places = Array.from({ length: count }, (_, i) => Math.floor((i * length) / count));
  let names: string[] = [];
  const schema: Question = (db) => {
    names = db.schema.fields.map(({ name }) => name);
    return db.schema;
  };
  outcomeOf(() => schema(db));
  return [
    schema,
    ...places.map((place) => at(place)),
    ...places.flatMap((place) => [many([place]), flat([place]), flat([place])]),
    many(places),
    flat(places),
    flat(places.toReversed()),
    flat(places.concat(places)),
    ...names.slice(0, 6).map((name) => flat(places, [name])),
    flat(places, []),
    (db) => (length <= 64 ? Array.from(db, (molecule) => molecule.nAtoms) : null),
  ];
}

function expectSame(path: string, bytes: Uint8Array): unknown[] {
  const start = performance.now();
  const seen = [false, true].flatMap((recover) => {
    const { mapped, memory } = askBoth(path, bytes, questions, { recover });
    expect(exceptUnnoticed(mapped, memory)).toEqual(memory);
    return memory;
  });
  expect(performance.now() - start).toBeLessThan(CASE_MS);
  return seen;
}

const total = { values: 0, flat: 0, left: 0 };

describe.each(["none", "lz4", "zstd"] as const)("a %s file on disk with", (codec) => {
  test.each(Object.entries(MUTATIONS))("%s is what it is in memory", (_, mutate) => {
    const path = temporaryFile();
    const counted = countKernels();
    const files = sampleFiles(codec, seed);
    fc.assert(
      fc.property(fc.nat(files.length - 1), fc.infiniteStream(fc.nat()), fc.nat(2), (file, draws, times) => {
        const draw = () => draws.next().value;
        let bytes: Uint8Array = files[file]!.slice();
        for (let i = 0; i <= times && bytes.length > 8; i++) bytes = mutate(bytes, draw);
        if (draw() % 8 > 0) mendChecksums(bytes);
        total.values += expectSame(path, bytes).filter((outcome) => "value" in (outcome as object)).length;
      }),
      { seed, numRuns: RUNS },
    );
    total.flat += counted.flat;
    total.left += counted.flatLeft;
  });
});

test.runIf(isNative)("of all these, some were read by the kernel, and some it left to TypeScript", () => {
  expect(total.values).toBeGreaterThan(27 * RUNS);
  expect(total.flat).toBeGreaterThan(RUNS);
  expect(total.left).toBeGreaterThan(RUNS);
});

const X: ForgedRecord = { sections: [{ tag: 0, payload: f64(1) }] };
const SCALAR_X = { entries: [{ kind: 2, key: "x", tag: 0 }] };
const HUGE = [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 21, 2 ** 32 - 6, 2 ** 32 - 1];

/** A file made by hand is the same in both ways; whether anything of it could be read flat. */
function judge(file: ForgedFile): boolean {
  const seen = expectSame(temporaryFile(), forge(file));
  return JSON.stringify(seen).includes("nAtoms");
}

describe("numbers at the end of their range", () => {
  const places = [2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 4096n, 2n ** 64n - 20n, 2n ** 64n - 1n];

  test.each(places)("in the offset of a record: %i", (offset) => {
    judge({ records: [X, X], schema: SCALAR_X, entry: (right) => ({ ...right, offset }) });
    judge({ records: [X], schema: SCALAR_X, entry: (right) => ({ ...right, offset: offset - 8n }) });
  });

  test.each([0, 1, 2])("in the sizes of a record (codec %i)", (codec) => {
    for (const size of HUGE) {
      for (const nAtoms of [0, 1, 2 ** 28, ...HUGE]) {
        for (const entry of [
          { storedSize: size, recordSize: size, nAtoms },
          { storedSize: 40, recordSize: size, nAtoms },
          { storedSize: size, recordSize: 40, nAtoms },
        ]) {
          judge({
            records: [X],
            schema: SCALAR_X,
            slots: { codec },
            entry: (right) => ({ ...right, ...entry }),
          });
        }
      }
    }
  });

  test.each(places)("in the header: %i", (place) => {
    for (const slotB of [
      { indexOffset: place },
      { indexLength: place },
      { nMolecules: place },
      { nMolecules: place, indexLength: (place * 20n + 8n) % 2n ** 64n },
      { dataStart: place },
      { schemaOffset: place },
      { schemaLength: place },
      { indexOffset: place, indexLength: 2n ** 64n - place },
    ]) {
      expectSame(temporaryFile(), forge({ records: [X], schema: SCALAR_X, slotB }));
    }
  });

  test("in the number of atoms, of a record that agrees with its entry", () => {
    for (const nAtoms of [2, 2 ** 28, ...HUGE]) {
      const bytes = join(u32(nAtoms), record(X).subarray(4));
      judge({ records: [bytes, X], schema: SCALAR_X });
    }
  });

  test("in what a stored byte can stand for", () => {
    for (const [codec, most] of [
      [1, 255],
      [2, 2 ** 15],
    ] as const) {
      for (const change of [-1, 0, 1]) {
        judge({
          records: [X],
          schema: SCALAR_X,
          slots: { codec },
          entry: (right) => ({ ...right, recordSize: right.storedSize * most + change, nAtoms: 1 }),
        });
      }
    }
  });

  test("in the extents of a tensor whose shape is known", () => {
    const tensor = (rank: number, extents: number[], bytes: number) =>
      join(u8(rank), ...extents.map(u32), new Uint8Array(bytes).fill(7));
    for (const kind of [1, 2]) {
      const lead = kind === 1 ? [1] : [];
      const sound = tensor(2 + lead.length, [...lead, 2, 2], 32);
      const wrong = [
        u8(),
        u8(2),
        tensor(2 + lead.length, [...lead, 2, 2], 24),
        tensor(2 + lead.length, [...lead, 2, 2], 40),
        tensor(2 + lead.length, [...lead, 2 ** 31, 2], 0),
        tensor(2 + lead.length, [...lead, 2 ** 32 - 1, 2], 32),
        tensor(3 + lead.length, [...lead, 2, 2, 1], 32),
        tensor(1 + lead.length, [...lead, 4], 32),
        tensor(2 + lead.length, [...lead.map(() => 2), 2, 2], 64),
        tensor(255, [...lead, 2, 2], 32),
        tensor(2 + lead.length, [...lead.map(() => 0), 2, 2], 0),
      ];
      for (const payload of wrong) {
        const of = (bytes: Uint8Array) => ({ sections: [{ kind, tag: 15, payload: bytes }] });
        const schema = {
          entries: [{ kind, key: "x", tag: 15, perAtom: kind === 1 ? 1 : 0, elemBytes: 8, slotBytes: 0 }],
        };
        const path = temporaryFile();
        const bytes = forge({ records: [of(sound), of(payload), of(sound)], schema });
        const { mapped, memory } = askBoth(path, bytes, () =>
          [[0], [0, 2], [1], [0, 1], [2], [1, 2]].map((each) => flat(each)),
        );
        expect(exceptUnnoticed(mapped, memory)).toEqual(memory);
      }
    }
  });
});

describe("sections that lie", () => {
  const long = { tag: 3, payload: f64(1, 2, 3) };
  const cases: [string, ForgedRecord][] = [
    ["about a payload, one byte less", { sections: [{ ...long, payloadLength: 23 }, long] }],
    ["about a payload, one byte more", { sections: [{ ...long, payloadLength: 25 }, long] }],
    ["about a payload, up to the end", { sections: [{ ...long, payloadLength: 24 + 7 + 25 }, long] }],
    ["about a payload, one past the end", { sections: [{ ...long, payloadLength: 24 + 7 + 26 }, long] }],
    ["about a payload, four gigabytes", { sections: [{ ...long, payloadLength: 2 ** 32 - 1 }] }],
    ["about their number, one less", { sections: [long, { ...long, key: "y" }], sectionCount: 1 }],
    ["about their number, none", { sections: [long], sectionCount: 0 }],
    ["about their number, one more", { sections: [long], sectionCount: 2 }],
    ["about their number, all that there can be", { sections: [long], sectionCount: 65_535 }],
    ["about nothing, and bytes follow", { sections: [long], trailing: new Uint8Array(50) }],
    ["about a key they share", { sections: [long, long] }],
    ["about their key's length", { sections: [{ ...long, key: utf8("x".repeat(255)) }], sectionCount: 3 }],
  ];
  const schema = { entries: [{ kind: 2, key: "x", tag: 3, slotBytes: 24 }] };

  test.each(cases)("%s", (_, forged) => {
    for (const codec of [0, 1, 2]) {
      const bytes = record(forged);
      const stored = codec === 0 ? bytes : compressed(codec, bytes);
      judge({
        records: [stored, stored],
        schema,
        slots: { codec },
        entry: (right) => ({ ...right, recordSize: bytes.length, nAtoms: 1 }),
      });
    }
  });

  test("about a file without fields: unknown sections of any kind", () => {
    for (const kind of [0, 1, 2, 3, 255]) {
      judge({ records: [{ sections: [{ kind, key: "later", tag: 99 }] }], schema: { entries: [] } });
      judge({ records: [{ sections: [{ kind, key: u8(0xff), tag: 0 }] }], schema: { entries: [] } });
      judge({ records: [X, { sections: [{ kind, key: "y", tag: 0, payload: f64(1) }] }], schema: SCALAR_X });
    }
  });
});

function compressed(codec: number, bytes: Uint8Array): Uint8Array {
  const target = new Uint8Array(bytes.length + 1000);
  const size = codec === 1 ? lz4Compress(bytes, target) : zstdCompress(bytes, target, 3);
  return target.slice(0, size);
}

describe("a record that decompresses", () => {
  const sound = record({ sections: [{ tag: 0, payload: f64(1) }] });

  test.each([
    ["to one byte less than the index says", sound, sound.length + 1],
    ["to one byte more", sound, sound.length - 1],
    ["to far less", sound, 2000],
    ["to far more", join(sound, new Uint8Array(100_000)), sound.length],
    ["to too little for a record", new Uint8Array(4), 6],
    ["to what it should", sound, sound.length],
  ])("%s", (_, bytes, recordSize) => {
    for (const codec of [1, 2]) {
      const readable = judge({
        records: [compressed(codec, bytes)],
        schema: SCALAR_X,
        slots: { codec },
        entry: (right) => ({ ...right, recordSize, nAtoms: 1 }),
      });
      expect(readable).toBe(recordSize === sound.length && bytes === sound);
    }
  });

  test("from several frames, from frames to be skipped, or with bytes behind them", () => {
    const frame = compressed(2, sound);
    const [head, tail] = [compressed(2, sound.subarray(0, 10)), compressed(2, sound.subarray(10))];
    const skipped = join(u32(0x184d2a50), u32(3), u8(1, 2, 3));
    for (const stored of [
      join(head, tail),
      join(skipped, frame),
      join(frame, skipped),
      join(frame, u8(0)),
      join(frame, frame),
      join(skipped, skipped),
      frame.subarray(0, -1),
      frame.subarray(0, 4),
    ]) {
      judge({
        records: [stored],
        schema: SCALAR_X,
        slots: { codec: 2 },
        entry: (right) => ({ ...right, recordSize: sound.length, nAtoms: 1 }),
      });
    }
  });

  test("by a match of no distance is refused, as the format says", () => {
    // liblz4 reads zeros there.
    const zeros = new Uint8Array(23);
    const literals = sound.subarray(0, 17);
    const block = join(u8(0xf0 | 0, 2), literals, u8(0, 0), u8(0xf0, 8), zeros);
    const entry: ForgedFile["entry"] = (right) => ({ ...right, recordSize: 17 + 4 + 23, nAtoms: 1 });
    expect(judge({ records: [block], schema: { entries: [] }, slots: { codec: 1 }, entry })).toBe(false);
    block.set(u8(1, 0), 2 + 17);
    expect(judge({ records: [block], schema: { entries: [] }, slots: { codec: 1 }, entry })).toBe(true);
  });

  test.each([
    ["lz4", 1],
    ["zstd", 2],
  ] as const)("from damaged bytes of any kind is the same, or refused (%s)", (_, codec) => {
    const path = temporaryFile();
    const payload = Uint8Array.from({ length: 600 }, (_, i) => (i % 37) * (i >> 6));
    const whole = record({ sections: [{ tag: 2, payload: payload.map((byte) => byte & 127) }] });
    const stored = compressed(codec, whole);
    const schema = { entries: [{ kind: 2, key: "x", tag: 2, elemBytes: 0, slotBytes: 0 }] };
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(stored.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(0, 255))), {
          minLength: 1,
          maxLength: 4,
        }),
        (changes) => {
          const damaged = stored.slice();
          for (const [place, byte] of changes) damaged[place] = byte;
          const bytes = forge({
            records: [damaged],
            schema,
            slots: { codec },
            entry: (right) => ({ ...right, recordSize: whole.length, nAtoms: 1 }),
          });
          const { mapped, memory } = askBoth(path, bytes, () => [flat([0]), many([0]), at(0)]);
          expect(exceptUnnoticed(mapped, memory)).toEqual(memory);
        },
      ),
      { seed, numRuns: 8 * RUNS },
    );
  });
});

describe("damage in one record", () => {
  const make = (codec: CodecName, count: number) => {
    const path = temporaryFile();
    using db = AtpFile.create(path, { codec });
    for (let i = 0; i < count; i++) {
      const molecule = new Molecule({ positions: new Float32Array(3), atomicNumbers: [i & 255] });
      db.append(molecule.setProperty("n", i));
    }
    db.close();
    return path;
  };

  test.each(["none", "lz4", "zstd"] as const)("leaves the batches without it to the kernel (%s)", (codec) => {
    const path = make(codec, 100);
    const bytes = damageLast(path);
    writeFileSync(path, bytes);
    const counted = countKernels();
    using db = AtpFile.open(path);
    const all = Array.from({ length: 100 }, (_, i) => i);
    expect(outcomeOf(() => db.flat(all))).toMatchObject({
      code: "ERR_ATP_RECORD",
      details: expect.anything(),
    });
    if (isNative) expect(counted).toMatchObject({ flat: 0, flatLeft: 1 });
    for (let i = 0; i < 3; i++) expect(db.flat(all.slice(0, 99)).properties.n).toBeDefined();
    if (isNative) expect(counted).toMatchObject({ flat: 3, flatLeft: 1 });
  });

  test.each(["lz4", "zstd"] as const)("costs no more than reading the others again (%s)", (codec) => {
    const path = make(codec, 20_000);
    writeFileSync(path, damageLast(path));
    const counted = countKernels();
    using db = AtpFile.open(path);
    const all = Array.from({ length: 20_000 }, (_, i) => i);
    expect(outcomeOf(() => db.getMany(all))).toMatchObject({ code: "ERR_ATP_RECORD" });
    // Not each record of the block with all that follow it.
    if (isNative) expect(counted.decompressLeft).toBeLessThan(5);
  });
});

/** The bytes of a file whose last record says that it has other atoms, or is no compressed data. */
function damageLast(path: string): Uint8Array {
  const bytes = new Uint8Array(readFileSync(path));
  const offset = Number(new DataView(bytes.buffer).getBigUint64(bytes.length - 20, true));
  bytes.fill(0xff, offset, offset + 4);
  return bytes;
}
