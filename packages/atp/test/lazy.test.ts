import { beforeAll, describe, expect, test, vi } from "vitest";
import { AtpFile, atp } from "../src/index.js";
import { RecordView } from "../src/record.js";
import { buildChild, ended, startChild } from "./child-process.js";
import { CountingSource } from "./counting-source.js";
import { type ForgedFile, f64, forge, join, record, slot, u8, u32, u64, utf8 } from "./forged-file.js";
import { atom } from "./small-file.js";
import { temporaryFile } from "./temporary-folder.js";

const HEADER = 8192;
const PAGE = 512 * 20;

/** A million molecules that share one record. */
function millionMolecules(): { bytes: Uint8Array; recordBytes: number; schemaBytes: number } {
  const one = record({ sections: [{ kind: 0, key: "energy", tag: 0, payload: f64(-1.5) }] });
  const schema = join(u32(1), u8(4), u32(1), u8(0, 0, 0), u8(6, 0), u32(8), u32(8), utf8("energy"));
  const count = 1_000_000;
  const index = new Uint8Array(8 + 20 * count);
  index.set(u64(count));
  const entry = join(u64(HEADER), u32(one.length), u32(one.length), u32(1));
  for (let i = 0; i < count; i++) index.set(entry, 8 + 20 * i);
  const schemaOffset = HEADER + one.length;
  const head = slot({
    generation: 1,
    indexOffset: schemaOffset + schema.length,
    indexLength: index.length,
    nMolecules: count,
    schemaOffset,
    schemaLength: schema.length,
  });
  return {
    bytes: join(slot(), head, one, schema, index),
    recordBytes: one.length,
    schemaBytes: schema.length,
  };
}

describe("of a million molecules", () => {
  let file: ReturnType<typeof millionMolecules>;
  beforeAll(() => {
    file = millionMolecules();
  });

  test("opening reads the header, the schema and one number of the index", () => {
    const source = new CountingSource(file.bytes);
    const db = AtpFile.open(source);
    expect([db.length, db.schema.fields.length]).toEqual([1_000_000, 1]);
    expect([source.reads, source.bytes]).toEqual([3, HEADER + file.schemaBytes + 8]);
  });

  test("one is read with a page of the index and its record, its neighbour with its record alone", () => {
    const source = new CountingSource(file.bytes);
    const db = AtpFile.open(source);
    expect(source.during(() => db.at(777_777).energy)).toEqual({ reads: 2, bytes: PAGE + file.recordBytes });
    expect(source.during(() => db.at(777_776).energy)).toEqual({ reads: 1, bytes: file.recordBytes });
    expect(source.during(() => db.at(-1).positions).reads).toBe(2);
  });

  test("some are read with the pages they need", () => {
    const source = new CountingSource(file.bytes);
    const db = AtpFile.open(source);
    const indices = [5, 500_000, 6, 999_999];
    expect(source.during(() => db.getMany(indices))).toEqual({
      reads: 4,
      bytes: 2 * PAGE + 64 * 20 + file.recordBytes,
    });
    expect(source.during(() => db.flat(indices))).toEqual({ reads: 1, bytes: file.recordBytes });
  });
});

describe("a field that nobody asks for", () => {
  const size = 100_000;
  const sections = [
    { kind: 0, key: "energy", tag: 0, payload: f64(-1) },
    { kind: 0, key: "forces", tag: 4, payload: new Uint8Array(12 * size) },
    { tag: 3, key: "spectrum", payload: new Uint8Array(8 * size) },
  ];
  const file = {
    records: [
      { nAtoms: size, positions: new Uint8Array(12 * size), numbers: new Uint8Array(size), sections },
    ],
    schema: {
      entries: [
        { kind: 0, key: "energy", tag: 0 },
        { kind: 0, key: "forces", tag: 4, perAtom: 1, elemBytes: 12, slotBytes: 12 },
        { kind: 2, key: "spectrum", tag: 3, slotBytes: 8 * size },
      ],
    },
  } satisfies ForgedFile;

  test("is not decoded, by a molecule", () => {
    const decode = vi.spyOn(RecordView.prototype, "decode");
    const db = AtpFile.open(new CountingSource(forge(file)));
    const molecule = db.at(0);
    expect([molecule.nAtoms, decode.mock.calls.length]).toEqual([size, 0]);
    expect([molecule.energy, molecule.energy, molecule.propertyKeys()]).toEqual([-1, -1, ["spectrum"]]);
    expect(decode.mock.calls.length).toBe(0); // a number takes no array
    expect(molecule.storedField("energy")).toBe(molecule.storedField("energy"));
    expect(decode.mock.calls.map(([each]) => each.key)).toEqual(["energy"]); // and that once
    decode.mockRestore();
  });

  test("is not decoded, by rows of some keys", () => {
    const path = temporaryFile();
    const db = AtpFile.create(path);
    const molecule = atom().setProperty("gap", 1.5).setProperty("v", new Float64Array(9));
    molecule.energy = -2;
    db.append(molecule);
    db.close();
    const decode = vi.spyOn(RecordView.prototype, "decode");
    const store = atp.openSync!(path);
    expect(store.getMany([0], ["calc.energy"])).toEqual([{ "calc.energy": -2 }]);
    expect(decode.mock.calls.map(([each]) => each.key)).toEqual(["energy"]);
    expect(store.column!("info.gap", [0]).values).toMatchObject({ data: Float64Array.of(1.5) });
    expect(decode.mock.calls.length).toBe(1); // a column is a flat read of one field
    store.close();
    decode.mockRestore();
  });

  test("takes no memory in a flat read of others", () => {
    const db = AtpFile.open(new CountingSource(forge(file)));
    const batch = db.flat([0], { fields: ["energy"] });
    expect(Object.keys(batch).sort()).toEqual(
      ["atomProperties", "atomicNumbers", "energy", "missing", "nAtoms", "positions", "properties"].sort(),
    );
    expect(batch.energy?.data).toEqual(Float64Array.of(-1));
  });

  test("is passed over even where it is damaged", () => {
    const damaged = forge(file);
    damaged.set(utf8("spectruM"), indexOf(damaged, utf8("spectrum")));
    damaged[indexOf(damaged, utf8("forces")) + 6] = 7; // another type
    const db = AtpFile.open(new CountingSource(damaged));
    expect(db.flat([0], { fields: ["energy"] }).energy?.data).toEqual(Float64Array.of(-1));
    expect(db.at(0).energy).toBe(-1);
  });
});

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(part);
}

describe("in a process of its own", () => {
  let child: string;
  beforeAll(() => {
    child = buildChild("memory");
  });

  interface Memory {
    /** What the molecules of the file take, decompressed. */
    readonly dataBytes: number;
    /** Of anonymous memory, at most. */
    readonly grown: number;
    readonly answer: number | string;
  }

  async function run(task: string, ...args: string[]): Promise<Memory> {
    const { code, stdout, stderr } = await ended(
      startChild(child, [task, ...args], ["--max-old-space-size=48", "--expose-gc"]),
    );
    expect([code, stderr]).toEqual([0, ""]);
    return JSON.parse(stdout) as Memory;
  }

  /** V8 lets 64 MB of buffers pile up before it looks for those that nobody holds any more. */
  const ALLOWED = 85 << 20;

  test.each([
    ["none", ["iterate", "flat"]],
    ["zstd", ["iterate"]],
  ])(
    "data twenty times larger than the memory allowed are written and read through (%s)",
    async (codec, tasks) => {
      const path = temporaryFile();
      const written = await run("write", path, codec);
      expect(written.dataBytes).toBeGreaterThan(20 * ALLOWED);
      const seen = [["write", written.answer, written.grown < ALLOWED || written.grown]];
      for (const task of tasks) {
        const { grown, answer } = await run(task, path);
        seen.push([task, answer, grown < ALLOWED || grown]);
      }
      expect(seen).toEqual(["write", ...tasks].map((task) => [task, written.answer, true]));
    },
    120_000,
  );

  test.each([
    ["claims a gigabyte for a record of 200 bytes, in zstd", "claim", "2"],
    ["claims a gigabyte for a record of 200 bytes, in lz4", "claim", "1"],
    ["claims four billion atoms", "atoms", "0"],
    ["has a thousand records that all are the whole file", "overlap", "0"],
  ])("a crafted file that %s takes no memory", async (_, task, codec) => {
    const { grown, answer } = await run(task, codec);
    expect(answer).toMatch(/^ERR_ATP_(RECORD|FORMAT|LIMIT)$/);
    expect(grown).toBeLessThan(ALLOWED);
  });
});
