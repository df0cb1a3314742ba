import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { formatXyz, openXyzStore, parseXyz, writeXyz, XyzFile, XyzWriter } from "@stowage/ase";
import {
  atomsToRow,
  bytesOf,
  float64,
  int64,
  isNdArray,
  isStowageError,
  MemorySource,
  type NdArray,
  ndarray,
  type Row,
  type Value,
} from "@stowage/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPeer, type Peer } from "./peer.js";
import { temporaryFolder } from "./temporary-folder.js";

/** A value with its type, as ase_xyz.py describes it. */
type Tagged = [string, ...unknown[]];
type TaggedRow = [string, Tagged][];
interface Case {
  text: string;
  /** Each frame's comment, and whether VEC lines make it text. */
  comments: [string, boolean][];
  rows?: TaggedRow[];
  error?: string;
}

const seed = Number(process.env.STOWAGE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const examples = new URL("../examples/data/", import.meta.url);

let peer: Peer;
beforeAll(() => {
  console.log(`ase-xyz: seed ${seed}`);
  peer = openPeer("current");
});
afterAll(() => peer?.close());

async function aseReads(file: string): Promise<TaggedRow[]> {
  return (await peer.call("ase_xyz", "read_file", { path: file })) as TaggedRow[];
}

function weRead(source: string | Uint8Array): { rows: Row[]; tagged: TaggedRow[] } {
  using file = XyzFile.open(typeof source === "string" ? source : new MemorySource(source));
  const rows = file.getMany(Array.from({ length: file.length }, (_, i) => i));
  expect(Object.keys(file.schema).sort()).toEqual([...new Set(rows.flatMap(Object.keys))].sort());
  return { rows, tagged: rows.map(tagRow) };
}

function tagRow(row: Row): TaggedRow {
  return Object.entries(row).map(([key, value]) => [key, tag(value)]);
}

function tag(value: Value, nested = false): Tagged {
  if (isNdArray(value)) return tagArray(value, nested);
  if (value === null) return ["null"];
  if (Array.isArray(value)) return ["list", value.map((item) => tag(item, true))];
  switch (typeof value) {
    case "boolean":
      return ["bool", value];
    case "string":
      return ["str", value];
    case "bigint":
      return ["int", String(value)];
    case "number": {
      const integral = nested && Number.isInteger(value) && !Object.is(value, -0);
      return integral ? ["int", String(value)] : tagArray(float64(value), nested);
    }
    default:
      return ["dict", Object.entries(value).map(([key, item]) => [key, tag(item, true)])];
  }
}

function tagArray(array: NdArray, nested: boolean): Tagged {
  const bits = Buffer.from(bytesOf(array.data)).toString("hex");
  if (array.shape.length === 0 && array.dtype === "bool") return ["bool", bits === "01"];
  if (nested && array.shape.length === 0 && array.dtype === "float64") return ["float", bits];
  return ["array", array.dtype, [...array.shape], bits];
}

/** JavaScript numbers do not carry the sign of NaN; arrays do, and are compared to the last bit. */
function withoutNanSigns(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, item: unknown) => {
      if (!Array.isArray(item)) return item;
      const [kind, , shape, bits] = item as [string, string, unknown, string];
      const scalar =
        kind === "array" && JSON.stringify(shape) === "[]" ? bits : kind === "float" ? item[1] : "";
      return /^0{12}f8[7f]f$/.test(String(scalar)) ? ["nan"] : item;
    }),
  );
}

/** What this package documents to read differently, applied to what ASE reads. */
function documentedRows({ rows, comments }: Required<Pick<Case, "rows" | "comments">>): TaggedRow[] {
  const plain = !comments.some(([comment, vectors]) => !vectors && comment.includes("="));
  const result = plain ? rows.map((row, i) => plainRow(row, comments[i]!)) : rows;
  const keys = new Set(result.flatMap((row) => row.map(([key]) => key)));
  for (const key of keys) widenColumn(result, key);
  return result;
}

function plainRow(row: TaggedRow, [comment, vectors]: [string, boolean]): TaggedRow {
  if (vectors) return row;
  const kept = row
    .filter(([key]) => !/^(info|calc)\./.test(key))
    .map(([key, value]): [string, Tagged] => [key, key === "pbc" ? ["array", "bool", [3], "000000"] : value]);
  if (comment === "") return kept;
  return [...kept.slice(0, 4), ["info.comment", ["str", comment]], ...kept.slice(4)];
}

/** A key integral in some frames and fractional in others is float64 in all. */
function widenColumn(rows: TaggedRow[], key: string): void {
  const values = rows.flatMap((row) => row.filter(([name]) => name === key).map(([, value]) => value));
  const isInteger = ([kind, dtype]: Tagged): boolean =>
    kind === "array" && (dtype === "int64" || dtype === "int32");
  const integers = values.filter(isInteger);
  const exact = integers.every((value) =>
    integersOf(value).every((integer) => BigInt(Number(integer)) === integer),
  );
  if (!exact || !values.some(([kind, dtype]) => kind === "array" && dtype === "float64")) return;
  for (const value of integers) {
    const data = Float64Array.from(integersOf(value), Number);
    value.splice(1, 3, "float64", value[2], Buffer.from(data.buffer).toString("hex"));
  }
}

function integersOf([, dtype, , bits]: Tagged): bigint[] {
  const { buffer } = Uint8Array.from(Buffer.from(bits as string, "hex"));
  if (dtype === "int64") return [...new BigInt64Array(buffer)];
  return Array.from(new Int32Array(buffer), BigInt);
}

/** What is refused although ASE makes something of it; see the package's README. */
const REFUSED = /has (pbc=|neither species|Properties without)|expected T, F, True or False/;

function compare(cases: Case[]): { read: number; refused: number } {
  let read = 0;
  let refused = 0;
  for (const { text, comments, rows, error } of cases) {
    const repeat = `STOWAGE_SEED=${seed}: ${JSON.stringify(text)}`;
    let ours: TaggedRow[] | null = null;
    try {
      ours = weRead(new TextEncoder().encode(text)).tagged;
    } catch (failure) {
      if (!isStowageError(failure, "ERR_XYZ_FORMAT")) throw new Error(repeat, { cause: failure });
      if (error === undefined) expect(failure.message, repeat).toMatch(REFUSED);
      refused++;
    }
    if (ours === null) continue;
    // Comments of a plain file are text, also those that ASE refuses, such as a bare "virial".
    if (error !== undefined && comments.every(([comment]) => !comment.includes("="))) continue;
    expect(error, `ASE refuses what we read. ${repeat}`).toBeUndefined();
    const expected = documentedRows({ rows: rows!, comments });
    expect(withoutNanSigns(ours), repeat).toEqual(withoutNanSigns(expected));
    read++;
  }
  return { read, refused };
}

describe("random text", () => {
  test("with every rule of comment lines is read as ASE reads it, or refused as it refuses it", async () => {
    const cases = (await peer.call("ase_xyz", "random_comments", { seed, count: 4000 })) as Case[];
    const { read, refused } = compare(cases);
    expect(read).toBeGreaterThan(1000);
    expect(refused).toBeGreaterThan(500);
  });

  test("with several frames, columns and line ends is read as ASE reads it, or refused as it refuses it", async () => {
    const cases = (await peer.call("ase_xyz", "random_files", { seed, count: 2000 })) as Case[];
    const { read, refused } = compare(cases);
    expect(read).toBeGreaterThan(500);
    expect(refused).toBeGreaterThan(100);
  });

  test("numbers have the bits that Python's float() gives", async () => {
    const texts = (await peer.call("ase_xyz", "random_numbers", { seed, count: 20_000 })) as string[];
    const bits = (await peer.call("ase_xyz", "floats", { texts })) as NdArray;
    const lines = texts.map((text) => `X 0 0 0 ${text}\n`).join("");
    const [atoms] = parseXyz(`${texts.length}\nProperties=species:S:1:pos:R:3:x:R:1\n${lines}`);
    const ours = bytesOf((atoms!.arrays.x as NdArray).data);
    expect(Buffer.compare(ours, bytesOf(bits.data))).toBe(0);
  });
});

describe.each(["al32_md.xyz", "ch4_2048.xyz", "qm9_reduced_100.xyz"])("%s", (name) => {
  const file = new URL(name, examples).pathname;

  test.each([
    ["\\n", "\n"],
    ["\\r\\n", "\r\n"],
  ])("with lines that end in %s reads as ASE reads it", async (_, end) => {
    const copy = path.join(temporaryFolder(), name);
    const lines = readFileSync(file, "utf8").split(/\r?\n/);
    writeFileSync(copy, lines.join(end));
    const comments = lines
      .filter((line) => line === "C" || line.includes("="))
      .map((c): [string, boolean] => [c, false]);
    const expected = documentedRows({ rows: await aseReads(copy), comments });
    expect(weRead(copy).tagged).toEqual(expected);
  });

  test("written by us reads in ASE as it did before", async () => {
    const copy = path.join(temporaryFolder(), name);
    using source = XyzFile.open(file);
    expect(writeXyz(copy, source).losses).toEqual([]);
    expect(weRead(copy).tagged).toEqual(weRead(file).tagged);
    if (name !== "ch4_2048.xyz") expect(await aseReads(copy)).toEqual(weRead(copy).tagged);
  });
});

test("files that ASE writes read as ASE reads them", async () => {
  const file = path.join(temporaryFolder(), "ase.xyz");
  const rows = (await peer.call("ase_xyz", "write_random", { path: file, seed, count: 300 })) as TaggedRow[];
  const expected = documentedRows({ rows, comments: [["a=b", false]] });
  expect(withoutNanSigns(weRead(file).tagged)).toEqual(withoutNanSigns(expected));
});

/** Small generator of values that XYZ keeps exactly, one for each way of writing them. */
class RowGenerator {
  #state: number;

  constructor(from: number) {
    this.#state = from;
  }

  next(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return this.#state / 2 ** 32;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)]!;
  }

  float(): number {
    return this.pick([
      0,
      -0,
      1,
      -2,
      0.1,
      1e-300,
      5e-324,
      1e22,
      1.7976931348623157e308,
      NaN,
      Infinity,
      -Infinity,
      this.next(),
      this.next() * 1e-9,
    ]);
  }

  floats(shape: number[]): NdArray {
    const data = Float64Array.from({ length: shape.reduce((size, extent) => size * extent, 1) }, () =>
      this.float(),
    );
    return ndarray(data, shape);
  }

  integer(): bigint {
    return this.pick([0n, 1n, -7n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)]);
  }

  integers(shape: number[]): NdArray {
    const length = shape.reduce((size, extent) => size * extent, 1);
    return ndarray(
      BigInt64Array.from({ length }, () => this.integer()),
      shape,
    );
  }

  flags(shape: number[]): NdArray {
    const length = shape.reduce((size, extent) => size * extent, 1);
    return ndarray(
      Uint8Array.from({ length }, () => (this.next() < 0.5 ? 1 : 0)),
      shape,
      "bool",
    );
  }

  text(): string {
    return this.pick(TEXTS);
  }

  shape(): number[] {
    return this.pick([[1], [2], [3], [9], [1, 1], [2, 3], [3, 1, 2], [2, 2, 2]]);
  }

  infoValue(): Value {
    const kinds: (() => Value)[] = [
      () => this.float(),
      () => int64(this.integer()),
      () => this.next() < 0.5,
      () => this.text(),
      () => null,
      () => this.floats(this.shape()),
      () => this.integers(this.shape()),
      () => this.flags(this.shape()),
      () => ndarray(new Float64Array(0)),
      () => ndarray(new BigInt64Array(0)),
      () => ndarray(new Float64Array(0), [2, 0]),
      () => [true, false, true],
      () => [this.text(), 1, 2.5, null, float64(3)],
      () => ({ a: 1, b: { c: [this.text()], d: float64(2) }, __proto: true, "": -0 }),
      () => JSON.parse('{"__proto__": {"x": [1, "y"]}}') as Value,
    ];
    return this.pick(kinds)();
  }

  row(): Row {
    const n = Math.floor(this.next() * 4);
    const row: Row = {
      cell: this.next() < 0.5 ? ndarray(new Float64Array(9), [3, 3]) : this.floats([3, 3]),
      pbc: this.flags([3]),
      "arrays.numbers": ndarray(Uint8Array.from({ length: n }, () => Math.floor(this.next() * 119))),
      "arrays.positions": this.floats([n, 3]),
    };
    const columns: Record<string, () => Value> = {
      "arrays.tags": () => ndarray(Int32Array.from({ length: n }, () => Math.floor(this.next() * 9) - 4)),
      "arrays.x y": () => this.floats([n, 2]),
      "arrays.initial_charges": () => this.floats([n]),
      "arrays.flags": () => this.flags([n, 3]),
      "arrays.labels": () =>
        Array.from({ length: n }, () => this.pick(["a", "T", "5", "é", '"q"', "a=b", "\\", "{x}", ","])),
      "calc.forces": () => this.floats([n, 3]),
      "calc.charges": () => this.floats([n]),
    };
    for (const [key, make] of Object.entries(columns)) if (this.next() < 0.4) row[key] = make();
    for (let i = 0; i < 4; i++) row[`info.${this.pick(KEYS)}`] = this.infoValue();
    if (this.next() < 0.3) row["info.uid"] = this.pick(["007", "T", "a b"]);
    if (this.next() < 0.3) row["info.virial"] = this.floats([3, 3]);
    if (this.next() < 0.5) row["calc.energy"] = this.float();
    if (this.next() < 0.5) row["calc.stress"] = this.floats([6]);
    if (this.next() < 0.5) row["calc.dipole"] = this.floats([3]);
    if (this.next() < 0.3) row["calc.dielectric_tensor"] = this.floats([3, 3]);
    if (this.next() < 0.2)
      row.constraints = [{ name: "FixAtoms", kwargs: { indices: n > 1 ? [0, n - 1] : [] } }];
    return row;
  }
}

const KEYS = [
  "a",
  "b",
  "key-1",
  "<R2>",
  "a b",
  'q"k',
  "e=f",
  "back\\slash",
  "[x]",
  "é",
  "__proto__",
  "constructor",
  "forces",
  "comment",
  "T",
  ",",
  "1",
];
const TEXTS = [
  "bulk",
  "5",
  "-1.5e3",
  "T",
  "FALSE",
  "nan",
  "",
  " ",
  "a b",
  "a,b",
  "1 2",
  "x=y",
  'say "hi"',
  "it's",
  "{a}",
  "[b",
  "back\\slash\\",
  "line\nend",
  "\r",
  "tab\t",
  "été",
  "_JSON 5",
  "\u2028",
  "\u0000",
  "\ud800",
  "١",
];

/** Bits of NaN scalars are JavaScript's own, and sort out as one. */
function canonical(rows: TaggedRow[]): unknown {
  return withoutNanSigns(rows.map((row) => [...row].sort(([a], [b]) => (a < b ? -1 : 1))));
}

describe("what our writer writes", () => {
  test("ASE reads back equal: keys, dtypes, shapes and bytes", async () => {
    const generator = new RowGenerator(seed);
    for (let i = 0; i < 400; i++) {
      const row = generator.row();
      const text = formatXyz(row);
      const back = (await peer.call("ase_xyz", "read_text", { text })) as Case;
      const repeat = `STOWAGE_SEED=${seed}: ${JSON.stringify(text)}`;
      expect(back.error, repeat).toBeUndefined();
      expect(canonical(back.rows!), repeat).toEqual(canonical([tagRow(row)]));
      expect(canonical(weRead(new TextEncoder().encode(text)).tagged), repeat).toEqual(
        canonical([tagRow(row)]),
      );
    }
  });

  test("ASE reads after an append, and not before it is complete", async () => {
    const file = path.join(temporaryFolder(), "grown.xyz");
    writeFileSync(file, "1\nC\nH 0 0 0"); // no line end
    const store = openXyzStore(file, { mode: "r+", unsupported: "drop" });
    const { rows } = weRead(new TextEncoder().encode("1\nD\nHe 1 2 3\n"));
    store.append!([rows[0]!, rows[0]!]);
    expect(await aseReads(file)).toHaveLength(1);
    expect(store.count()).toBe(3);
    store.flush!();
    expect(await aseReads(file)).toHaveLength(3);
    store.append!([rows[0]!]);
    expect(await aseReads(file)).toHaveLength(3);
    store.close();
    const read = await aseReads(file);
    expect(read.map((row) => row.find(([key]) => key === "arrays.positions")![1])).toEqual(
      weRead(file).tagged.map((row) => row.find(([key]) => key === "arrays.positions")![1]),
    );
    expect(read).toHaveLength(4);
  });

  test("one changed byte is noticed", async () => {
    const [atoms] = parseXyz(readFileSync(new URL("al32_md.xyz", examples)));
    const text = formatXyz(atoms!);
    const broken = text.replace("8.1", "8.2");
    const read = (await peer.call("ase_xyz", "read_text", { text: broken })) as Case;
    expect(read.rows).not.toEqual([tagRow(atomsToRow(atoms!))]);
  });
});

describe("constraints", () => {
  test.each([
    ["FixAtoms", [{ name: "FixAtoms", kwargs: { indices: [0, 2] } }]],
    ["no atoms in FixAtoms", [{ name: "FixAtoms", kwargs: { indices: [] } }]],
    [
      "FixCartesian for each atom",
      [0, 1, 2].map((atom) => ({
        name: "FixCartesian",
        kwargs: { a: [atom], mask: [atom === 1, true, false] },
      })),
    ],
  ])("%s comes back from ASE as it was", async (_, constraints) => {
    const [atoms] = parseXyz("3\n\nO 0 0 0\nH 1 0 0\nH 0 1 0\n");
    atoms!.constraints = constraints;
    const read = (await peer.call("ase_xyz", "read_text", { text: formatXyz(atoms!) })) as Case;
    expect(read.rows).toEqual([tagRow(atomsToRow(atoms!))]);
  });
});

test("a file that grows through XyzWriter is the same to ASE and to us", async () => {
  const file = path.join(temporaryFolder(), "writer.xyz");
  const atoms = parseXyz(readFileSync(new URL("qm9_reduced_100.xyz", examples)));
  writeXyz(file, atoms.slice(0, 50));
  using writer = XyzWriter.open(file);
  writer.append(atoms.slice(50));
  writer.close();
  expect(await aseReads(file)).toEqual(weRead(file).tagged);
  expect(weRead(file).tagged).toEqual(weRead(new URL("qm9_reduced_100.xyz", examples).pathname).tagged);
  appendFileSync(file, "\nnot a frame\n");
  expect(await aseReads(file)).toHaveLength(100);
  expect(weRead(file).tagged).toHaveLength(100);
});
