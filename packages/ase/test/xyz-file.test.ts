import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  atomsToRow,
  equalValues,
  int64,
  isStowageError,
  MemorySource,
  type NdArray,
  ndarray,
  type Row,
  rowToAtoms,
  type SyncByteSource,
  schemaOfRows,
} from "@stowage/core";
import { describe, expect, it } from "vitest";
import { XyzFile } from "../src/index.js";
import { temporaryFolder } from "./temporary-folder.js";

const examples = new URL("../../../examples/data/", import.meta.url).pathname;

function open(text: string): XyzFile {
  return XyzFile.open(new MemorySource(new TextEncoder().encode(text)));
}

function rowsOf(file: XyzFile): Row[] {
  return file.getMany(Array.from({ length: file.length }, (_, i) => i));
}

/** Counts what is read of a source. */
class CountingSource extends MemorySource {
  reads = 0;
  bytesRead = 0;

  override readSync(byteOffset: number, byteLength: number): Uint8Array {
    this.reads++;
    this.bytesRead += byteLength;
    return super.readSync(byteOffset, byteLength);
  }
}

function formatErrorOf(text: string): { line: number; frameIndex: number; message: string } {
  try {
    for (const _ of open(text)) void _;
  } catch (error) {
    if (isStowageError(error, "ERR_XYZ_FORMAT")) return { ...error.details, message: error.message };
    throw error;
  }
  throw new Error("it was read");
}

describe("an XYZ file", () => {
  it("gives structures by index, from both ends", () => {
    using file = XyzFile.open(join(examples, "qm9_reduced_100.xyz"));
    expect([file.length, file.at(0).formula, file.at(-1).formula]).toEqual([100, "CH4", file.at(99).formula]);
    expect(file.at(0).info.A).toBe(157.7118);
    expect(() => file.at(100)).toThrow(expect.objectContaining({ code: "ERR_INDEX_RANGE" }));
    expect(() => file.at(-101)).toThrow(expect.objectContaining({ code: "ERR_INDEX_RANGE" }));
    expect(() => file.getMany([0, 1.5])).toThrow(expect.objectContaining({ code: "ERR_INDEX_RANGE" }));
  });

  it.each(["al32_md.xyz", "ch4_2048.xyz", "qm9_reduced_100.xyz"])(
    "gives the same frames of %s in every way",
    (name) => {
      using file = XyzFile.open(join(examples, name));
      const rows = rowsOf(file);
      const iterated = [...file];
      expect(iterated).toHaveLength(file.length);
      expect(Object.entries(file.schema)).toEqual(Object.entries(schemaOfRows(rows)));
      expect([...file.atomCounts]).toEqual(iterated.map(({ nAtoms }) => nAtoms));
      for (const i of [0, 1, file.length - 1]) {
        expect(iterated[i]).toEqual(rowToAtoms(rows[i]!));
        expect(file.at(i)).toEqual(iterated[i]);
        const back = atomsToRow(iterated[i]!);
        expect(Object.keys(back).sort()).toEqual(Object.keys(rows[i]!).sort());
        for (const [key, value] of Object.entries(rows[i]!))
          expect(equalValues(value, back[key]!), key).toBe(true);
      }
    },
  );

  it("types a key over all frames: integral in some and fractional in others is float64", () => {
    const file = open('0\na=1 b="1 2" c=1 d=T e=1\n0\na=1.5 b="0.5 2" c=2 d=1 e=x\n0\nc=3\n');
    expect(rowsOf(file).map((row) => row["info.a"])).toEqual([1, 1.5, undefined]);
    expect(file.row(0)["info.b"]).toEqual(ndarray(Float64Array.of(1, 2)));
    expect(file.row(0)["info.c"]).toEqual(int64(1));
    expect([file.row(0)["info.d"], file.row(1)["info.d"]]).toEqual([true, int64(1)]);
    expect([file.row(0)["info.e"], file.row(1)["info.e"]]).toEqual([int64(1), "x"]);
    expect(file.schema["info.a"]).toEqual({ dtype: "float64", shape: [], perAtom: false, missing: 1 });
    expect(file.schema["info.b"]).toEqual({ dtype: "float64", shape: [2], perAtom: false, missing: 1 });
    expect(file.schema["info.d"]!.dtype).toBe("json");
  });

  it("keeps each frame's type where float64 would change an integer", () => {
    const file = open("0\na=9007199254740993\n0\na=1.5\n");
    expect(rowsOf(file).map((row) => row["info.a"])).toEqual([int64(9007199254740993n), 1.5]);
  });

  it("widens columns as it widens keys", () => {
    const file = open(
      "1\nProperties=species:S:1:pos:R:3:x:I:1\nH 0 0 0 5\n1\nProperties=species:S:1:pos:R:3:x:R:1\nH 0 0 0 5.5\n",
    );
    expect(rowsOf(file).map((row) => row["arrays.x"])).toEqual([
      ndarray(Float64Array.of(5)),
      ndarray(Float64Array.of(5.5)),
    ]);
    expect(file.schema["arrays.x"]!.dtype).toBe("float64");
  });

  it("is plain if no comment has a =, and then comments are text", () => {
    const file = open("1\n C  60 \nC 0 0 0\n1\n\nC 0 0 0\n");
    expect(rowsOf(file).map((row) => row["info.comment"])).toEqual(["C  60", undefined]);
    expect(file.schema["info.comment"]).toMatchObject({ dtype: "string", missing: 1 });
  });

  it("is extended if only a late comment has a =", () => {
    const file = open("1\nC\nC 0 0 0\n1\na=1\nC 0 0 0\n");
    expect(rowsOf(file).map((row) => row["info.C"])).toEqual([true, undefined]);
    expect(file.schema["info.comment"]).toBeUndefined();
  });

  it("reads VEC lines as a cell, and the comment as text", () => {
    const file = open("1\nfoo=5\nH 0 0 0\nVEC1 1 0 0\nVEC2 0 2 0\n1\nb=1\nH 0 0 0\n");
    expect(file.length).toBe(2);
    expect(file.at(0)).toMatchObject({ pbc: [true, true, false], info: { comment: "foo=5" } });
    expect(file.at(0).cell.data).toEqual(Float64Array.of(1, 0, 0, 0, 2, 0, 0, 0, 0));
    expect(file.column("pbc").values).toEqual(ndarray(Uint8Array.of(1, 1, 0, 0, 0, 0), [2, 3], "bool"));
    expect(formatErrorOf("1\n\nH 0 0 0\nVEC2 1 0 0\n").message).toContain("expected VEC1 and three numbers");
    expect(formatErrorOf(`1\n\nH 0 0 0\n${"VEC1 1 0 0\n".repeat(4)}`).message).toContain(
      "at most 3 cell vectors",
    );
  });

  it.each(["\n", "\r\n", "\r"])("takes lines that end in %j", (end) => {
    const text = "2\na=1 s='x y'\nH 0 0 0\nO 1 2 3.5\n1\nb=2\nHe 0 0 0\n";
    const [expected, found] = [rowsOf(open(text)), rowsOf(open(text.replaceAll("\n", end)))];
    expect(found).toEqual(expected);
    expect(rowsOf(open(text.slice(0, -1).replaceAll("\n", end)))).toEqual(expected);
  });

  it("ends at a blank line, and says so if more follows", () => {
    expect([open("0\n\n\n").length, open("0\n\n\n").warnings]).toEqual([1, []]);
    const file = open("0\n\n \n0\n\n");
    expect([file.length, file.warnings]).toEqual([
      1,
      ["line 3 is blank, which ends the file: all after it is ignored"],
    ]);
    expect([open("").length, open("\n").length]).toEqual([0, 0]);
  });

  it("warns of an empty value that takes the next entry", () => {
    const file = open('0\nname="" energy=-1\n0\nname= energy=-2\n');
    expect(file.row(0)["info.name"]).toBe("energy=-1");
    expect(file.warnings).toEqual([
      'the empty value of "name" takes the next entry, as in ASE: "energy=-1" in line 2 (and in 1 more frames)',
    ]);
  });

  it("reads element symbols in any case, and atomic numbers", () => {
    expect([...open("3\n\nCL 0 0 0\nfe 0 0 0\nX 0 0 0\n").at(0).atomicNumbers]).toEqual([17, 26, 0]);
    expect([...open("1\nProperties=Z:I:1:pos:R:3\n92 0 0 0\n").at(0).atomicNumbers]).toEqual([92]);
  });

  it("reads frames of any size, with unusual lines anywhere among usual ones", () => {
    const unusual = ["1_0.5", "Infinity", "\u0663.5", "  +7", "1e5"];
    const values: number[] = [];
    const lines = Array.from({ length: 3001 }, (_, i) => {
      const odd = i % 97 === 3 || i === 3000;
      const x = odd ? unusual[i % unusual.length]! : `${i}.25`;
      values.push(odd ? [10.5, Infinity, 3.5, 7, 1e5][i % unusual.length]! : i + 0.25, -(i + 1) / 8, i, 0.5);
      return `Fe ${x}${i % 2 ? " " : "\t"} ${-(i + 1) / 8} ${i} 0.5 ${i % 5 ? "" : "further"}\n`;
    });
    const text = `3001\nProperties=species:S:1:pos:R:3:x:R:1\n${lines.join("")}`;
    const atoms = open(text + text).at(1);
    const xs = (atoms.arrays.x as NdArray).data;
    const found = Array.from({ length: 3001 }, (_, i) => [
      ...atoms.positions.data.slice(3 * i, 3 * i + 3),
      xs[i],
    ]);
    expect(found.flat()).toEqual(values);
    expect(atoms.atomicNumbers.every((number) => number === 26)).toBe(true);
    const wrong = text.replace(" -250.125 2000 ", " -250.125 20.0.0 ");
    expect(formatErrorOf(wrong)).toMatchObject({ line: 2003, found: '"20.0.0" in column 4' });
  });

  it("makes constraints of move_mask", () => {
    const fixAtoms = open("2\nProperties=species:S:1:pos:R:3:move_mask:L:1\nH 0 0 0 F\nH 0 0 0 T\n");
    expect(fixAtoms.at(0).constraints).toEqual([{ name: "FixAtoms", kwargs: { indices: [0] } }]);
    const directions = open("1\nProperties=species:S:1:pos:R:3:move_mask:L:3\nH 0 0 0 T F T\n");
    expect(directions.at(0).constraints).toEqual([
      { name: "FixCartesian", kwargs: { a: [0], mask: [false, true, false] } },
    ]);
  });

  it("takes __proto__ as a key in every place", () => {
    const atoms = open("1\n__proto__=5 Properties=species:S:1:pos:R:3:__proto__:R:1\nH 0 0 0 7\n").at(0);
    expect(Object.entries(atoms.info)).toEqual([["__proto__", 5]]);
    expect((Object.entries(atoms.arrays)[0]![1] as NdArray).data).toEqual(Float64Array.of(7));
    expect(({} as Record<string, unknown>).dtype).toBeUndefined();
  });

  it("refuses use after close", () => {
    const file = open("0\n\n");
    file.close();
    expect(() => file.at(0)).toThrow(expect.objectContaining({ code: "ERR_CLOSED" }));
    expect(() => [...file]).toThrow(expect.objectContaining({ code: "ERR_CLOSED" }));
    expect(() => file.column("pbc")).toThrow(expect.objectContaining({ code: "ERR_CLOSED" }));
  });

  it("tells what is missing on the disk", () => {
    expect(() => XyzFile.open(join(temporaryFolder(), "no.xyz"))).toThrow(
      expect.objectContaining({ code: "ERR_FILE_MISSING" }),
    );
  });
});

describe("reading little", () => {
  const frame = (i: number) =>
    `50\nenergy=${i}.5 Properties=species:S:1:pos:R:3:forces:R:3\n${"H 0 0 0 1.00000000 2.00000000 3.00000000\n".repeat(50)}`;
  const bytes = new TextEncoder().encode(Array.from({ length: 400 }, (_, i) => frame(i)).join(""));

  it("takes one read for one frame, and few for neighbours", () => {
    const source = new CountingSource(bytes);
    const file = XyzFile.open(source);
    expect(source.bytesRead).toBe(bytes.length);
    source.reads = source.bytesRead = 0;
    file.at(7);
    expect([source.reads, source.bytesRead < 2300]).toEqual([1, true]);
    source.reads = 0;
    file.getMany([3, 1, 2, 300]);
    expect(source.reads).toBe(2);
  });

  it("reads comments alone for a key of comments", () => {
    const wide = new TextEncoder().encode(
      Array.from({ length: 50 }, (_, i) => `1000\nenergy=${i}.5\n${"H 0 0 0\n".repeat(1000)}`).join(""),
    );
    const source = new CountingSource(wide);
    const file = XyzFile.open(source);
    source.bytesRead = 0;
    const { values } = file.column("calc.energy");
    expect((values as NdArray).data).toEqual(Float64Array.from({ length: 50 }, (_, i) => i + 0.5));
    expect(source.bytesRead).toBeLessThan(wide.length / 100);
  });

  it("decodes only the columns asked for", () => {
    const text = "1\na=1 Properties=species:S:1:pos:R:3:x:R:1\nH oops 0 0 5\n";
    expect(open(text).getMany([0], ["arrays.x"])[0]).toEqual({ "arrays.x": ndarray(Float64Array.of(5)) });
    expect(() => open(text).at(0)).toThrow("oops");
  });
});

describe("what is no XYZ", () => {
  it.each([
    ["1\n\nH 0 0\n", 0, 3, "has 3 values, expected at least 4, as the comment line says"],
    ["1\n\nH 0 0 x\n", 0, 3, 'has "x" in column 4, expected a number'],
    ["1\n\nH 0 0 1d5\n", 0, 3, '"1d5" in column 4'],
    ["1\n\nQq 0 0 0\n", 0, 3, 'has "Qq" in column 1, expected a chemical symbol'],
    ["2\n\nH 0 0 0\n", 0, 4, "has the end of the input, after 1 atom lines, expected 2 atom lines"],
    ["1\n", 0, 2, "has the end of the input, expected a comment line"],
    ["0\n\nhello\n", 1, 3, 'has "hello", expected an atom count'],
    ["-1\n\n", 0, 1, 'has "-1", expected an atom count'],
    ["99999999999\n\n", 0, 1, 'has "99999999999", expected an atom count'],
    ["1.0\n\nH 0 0 0\n", 0, 1, 'has "1.0", expected an atom count'],
    ["0\nstress=5\n", 0, 2, "nine numbers"],
    ["0\npbc=none\n", 0, 2, 'has pbc="none", expected one or three logicals'],
    ["1\nProperties=species:S:1:pos:R:3:x:L:1\nH 0 0 0 1\n", 0, 3, "expected T, F, True or False"],
    ["1\nProperties=species:S:1:pos:R:3:x:I:1\nH 0 0 0 4000000000\n", 0, 3, "expected an integer of 32 bits"],
    ["1\nProperties=Z:I:1:pos:R:3\n300 0 0 0\n", 0, 3, "expected one from 0 to 255"],
    ["1\nProperties=species:S:1:pos:R:3:x:R:0\nH 0 0 0\n", 0, 2, '"x" with 0 columns'],
    ["1\nProperties=species:S:1:pos:R:3:x:R:-1\nH 0 0 0\n", 0, 2, '"x" with -1 columns'],
    ["1\nProperties=species:S:1:pos:R:3:x:R:99999999999\nH 0 0 0\n", 0, 2, "columns"],
    ["1\nProperties=species:S:1:pos:R:3:x:R:9999999\nH 0 0 0 1\n", 0, 3, "expected at least 10000003"],
    ["1\nProperties=species:S:1:pos:R:3:x:R:1:x:R:1\nH 0 0 0 1 2\n", 0, 2, 'the property "x" twice'],
    ["1\nProperties=species:S:1:pos:R:2\nH 0 0\n", 0, 2, '"pos" as R:2'],
    ["1\nProperties=foo:R:1\n1\n", 0, 2, "neither species, Z nor pos"],
    ["1\nProperties=species:S:1:pos:R:3:x:Q:1\nH 0 0 0 1\n", 0, 2, 'the type "Q"'],
    ["\ufeff1\n\nH 0 0 0\n", 0, 1, "expected an atom count"],
  ])("%j is refused, with its place", (text, frameIndex, line, message) => {
    const error = formatErrorOf(text);
    expect(error).toMatchObject({ frameIndex, line });
    expect(error.message).toContain(message);
  });

  it("names the line of a frame in the middle of a file", () => {
    using file = open("1\na=1\nH 0 0 0\nVEC1 1 0 0\n2\nb=1\nH 0 0 0\nH 0 0 bad\n");
    expect(() => file.at(1)).toThrow('Cannot read frame 1 of memory: line 8 has "bad" in column 4');
    expect(file.at(0).nAtoms).toBe(1);
  });

  it("is refused where the file was changed after it was opened", () => {
    const path = join(temporaryFolder(), "changed.xyz");
    writeFileSync(path, "1\na=1\nH 0 0 0\n");
    using file = XyzFile.open(path);
    writeFileSync(path, "0\na=1\n0\nb= 2  \n");
    expect(() => file.at(0)).toThrow("the frame that was there before");
  });

  it("is refused where text is not UTF-8", () => {
    const bytes = Uint8Array.of(48, 10, 97, 61, 0xff, 10);
    expect(() => XyzFile.open(new MemorySource(bytes) as SyncByteSource)).toThrow("bytes that are not UTF-8");
  });
});
