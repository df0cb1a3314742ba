import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isStowageError, MemorySource, type Row } from "@stowage/core";
import { nativeStatus, XyzKernel } from "@stowage/mmap";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { XyzFile } from "../src/index.js";
import { freshSeed } from "./seed.js";
import { temporaryFolder } from "./temporary-folder.js";

let folder: string;

/** What a file is, however it is read: its rows, or the error. */
function contentOf(open: () => XyzFile, keys?: readonly string[]): unknown {
  try {
    using file = open();
    const indices = Array.from({ length: file.length }, (_, i) => i);
    return {
      warnings: file.warnings,
      schema: Object.entries(file.schema),
      rows: rowsOf(() => file.getMany(indices, keys)),
      backwards: rowsOf(() => file.getMany(indices.toReversed(), keys)),
      atoms: keys === undefined ? atomsOf(file) : null,
    };
  } catch (error) {
    return describeError(error);
  }
}

function rowsOf(read: () => Row[]): unknown {
  try {
    return read().map((row) => Object.entries(row).map(bitsOf));
  } catch (error) {
    return describeError(error);
  }
}

/** Frames up to the first one that is wrong, and what is wrong with it. */
function atomsOf(file: XyzFile): unknown[] {
  const found: unknown[] = [];
  try {
    for (const { atomicNumbers, positions, calc, arrays } of file) {
      const values = Object.entries({
        atomicNumbers: { data: atomicNumbers },
        positions,
        ...calc,
        ...arrays,
      });
      found.push(values.map(bitsOf));
    }
  } catch (error) {
    found.push(describeError(error));
  }
  return found;
}

/** Numbers as bytes: -0 is not 0, and NaN is itself. */
function bitsOf([key, value]: [string, unknown]): unknown {
  const data = (value as { data?: unknown }).data;
  if (!ArrayBuffer.isView(data)) return [key, value];
  return [
    key,
    {
      ...(value as object),
      data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex"),
    },
  ];
}

function describeError(error: unknown): string {
  if (isStowageError(error)) return `${error.code} ${error.message}`;
  throw error;
}

function expectTwins(text: string | Uint8Array, keys?: readonly string[]): void {
  const path = join(folder, "twin.xyz");
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  writeFileSync(path, bytes);
  const native = contentOf(() => XyzFile.open(path), keys);
  expect(native).toEqual(contentOf(() => XyzFile.open(new MemorySource(bytes, path)), keys));
}

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.double({ min: -1000, max: 1000, noNaN: true }).map((value) => value.toFixed(8)),
  fc.double({ min: -1000, max: 1000, noNaN: true }).map((value) => value.toExponential()),
  fc.integer({ min: -3e9, max: 3e9 }).map(String),
  fc.stringMatching(/^[+-]?[0-9]{0,20}\.?[0-9]{0,22}([eE][+-]?[0-9]{1,3})?$/),
);
const usual = fc.double({ min: -1000, max: 1000, noNaN: true }).map((value) => value.toFixed(8).padStart(16));
const odd = fc.constantFrom(
  "nan",
  "-nan",
  "inf",
  "1_0",
  "1d5",
  "",
  ".",
  "-",
  "1.5,",
  '"2"',
  "0x1",
  "१",
  "1\u00a0",
  "T",
  "1e999",
  "\u000b1",
  "5.",
);
const gap = fc.constantFrom(" ", "  ", "\t", "          ", "                 ");
const symbol = fc.constantFrom("H", "Cu", "O", "cl", "X", "hE");
const anySymbol = fc.oneof(
  { weight: 50, arbitrary: symbol },
  { weight: 1, arbitrary: fc.constantFrom("UUE", "", "C1", "Xx") },
);
const lineEnd = fc.oneof(
  { weight: 30, arbitrary: fc.constant("\n") },
  { weight: 1, arbitrary: fc.constantFrom("\r\n", "\r", " \n", " more text\n") },
);

/** Frames of lines that are long enough, or many enough, for the kernel to be asked. */
function frames(
  species: fc.Arbitrary<string>,
  value: fc.Arbitrary<string>,
  end: fc.Arbitrary<string>,
): fc.Arbitrary<string> {
  const line = fc.tuple(species, gap, fc.array(fc.tuple(value, gap), { minLength: 4, maxLength: 4 }), end);
  const frame = fc.tuple(
    fc.array(line, { maxLength: 30 }),
    fc.constantFrom(
      "Properties=species:S:1:pos:R:3:q:R:1",
      "Properties=species:S:1:pos:R:3:tags:I:1",
      "Properties=species:S:1:pos:R:3",
      "Properties=pos:R:3:q:R:1:name:S:1",
      "energy=1.5",
    ),
    fc.integer({ min: 0, max: 2000 }),
    fc.constantFrom("", "", "", "", "VEC1 1 0 0\n", "\n", " "),
    fc.integer({ min: -1, max: 12 }),
  );
  return fc.array(frame, { maxLength: 12 }).map((all) =>
    all
      .map(([lines, comment, padding, tail, wrong]) => {
        const text = lines.map(([element, space, values, eol]) => {
          const words = values.map(([word, between]) => between + word).join("");
          return element + space + words + eol.replace("\n", `${" ".repeat(padding)}\n`);
        });
        return `${lines.length + (wrong === 12 ? 1 : 0)}\n${comment}\n${text.join("")}${tail}`;
      })
      .join(""),
  );
}

describe.runIf(nativeStatus().available)("the native kernel and its twin", () => {
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("read the same of usual, odd and hostile frames", () => {
    const rows = vi.spyOn(XyzKernel.prototype, "rows");
    const nRead = (): number =>
      rows.mock.calls.reduce((sum, [, , , , read]) => sum + read.reduce((count, one) => count + one, 0), 0);
    const seed = freshSeed("native twin");
    const plain = frames(symbol, usual, fc.constant("\n"));
    const value = fc.oneof({ weight: 100, arbitrary: number }, { weight: 1, arbitrary: odd });
    const mixed = frames(anySymbol, value, lineEnd);
    fc.assert(
      fc.property(plain, (text) => expectTwins(text)),
      { seed, numRuns: 100 },
    );
    fc.assert(
      fc.property(mixed, (text) => expectTwins(text)),
      { seed, numRuns: 300 },
    );
    fc.assert(
      fc.property(plain, (text) => expectTwins(text, ["arrays.q", "arrays.tags"])),
      { seed, numRuns: 50 },
    );
    const mutated = fc.tuple(plain, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat(200));
    fc.assert(
      fc.property(mutated, ([text, changes, cut]) => {
        const bytes = new TextEncoder().encode(text);
        for (const [at, byte] of changes) bytes[at % (bytes.length || 1)] = byte;
        expectTwins(bytes.subarray(0, bytes.length - cut));
      }),
      { seed, numRuns: 300 },
    );
    expect(nRead()).toBeGreaterThan(500);
  }, 120_000);

  it("find the same keys and types", () => {
    const seed = freshSeed("native comments");
    const value = fc.oneof(
      { weight: 6, arbitrary: fc.double({ noNaN: true, min: -10, max: 10 }).map((real) => real.toFixed(3)) },
      { weight: 2, arbitrary: fc.integer({ min: -20, max: 20 }).map(String) },
      fc.constantFrom(
        "T",
        "x",
        "x1",
        "'a b'",
        '""',
        '"1 2.5"',
        '"1.5 2"',
        "[1,2]",
        "1e-7",
        "9007199254740993",
        "nan",
        "1,2",
      ),
    );
    const box = fc.constantFrom('"1 0 0 0 1 0 0 0 1"', '"1.0 0.0 0.0 0.0 1.0 0.0 0.0 0.0 2.5"');
    const comment = fc.record(
      { a: value, b: value, energy: value, stress: box, q: value },
      { requiredKeys: ["a", "energy"] },
    );
    const frame = fc.tuple(
      comment,
      fc.nat(3),
      fc.constantFrom("pos:R:3", "pos:R:3", "species:S:1:pos:R:3:energies:R:1"),
    );
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 8 }), fc.nat(9), (all, repeat) => {
        const text = all.map(([keys, nAtoms, columns]) => {
          const entries = Object.entries(keys).map((entry) => entry.join("="));
          return `${nAtoms}\nProperties=${columns} ${entries.join(" ")}\n${"H 1 2 3 4\n".repeat(nAtoms)}`;
        });
        expectTwins(
          text
            .join("")
            .replaceAll("H 1 2 3 4", "1.5 2 3 4 5")
            .repeat(1 + (repeat % 2)),
        );
      }),
      { seed, numRuns: 500 },
    );
  });

  it("read the same numbers", () => {
    const seed = freshSeed("native numbers");
    const lists = fc.array(number, { minLength: 300, maxLength: 300 });
    fc.assert(
      fc.property(lists, (words) => {
        const lines = Array.from({ length: 100 }, (_, i) => `H ${words.slice(3 * i, 3 * i + 3).join(" ")}\n`);
        expectTwins(`100\n\n${lines.join("")}`);
      }),
      { seed, numRuns: 200 },
    );
  }, 60_000);

  it("know the same symbols", () => {
    const rows = vi.spyOn(XyzKernel.prototype, "rows");
    for (let first = 33; first < 127; first++) {
      // Each in a frame of its own: one that is none is an error.
      const words = Array.from({ length: 95 }, (_, i) =>
        String.fromCharCode(first, ...(i === 0 ? [] : [32 + i])),
      );
      const text = words.map(
        (word) => `2\na=1\n${word} 0.0 0.0 0.0${" ".repeat(2100)}\nH 0.0 0.0 0.0${" ".repeat(2100)}\n`,
      );
      const path = join(folder, "symbols.xyz");
      writeFileSync(path, text.join(""));
      using file = XyzFile.open(path);
      using twin = XyzFile.open(new MemorySource(new TextEncoder().encode(text.join("")), path));
      for (let i = 0; i < words.length; i++) {
        const read = (one: XyzFile): unknown => rowsOf(() => one.getMany([i, i], ["arrays.numbers"]));
        expect(read(file)).toEqual(read(twin));
      }
    }
    expect(rows.mock.calls.length).toBeGreaterThan(90 * 94);
  }, 60_000);

  it("read large frames, which several threads share, and files that end without a line end", () => {
    const line = (i: number): string => `Cu${(i / 7).toFixed(8).padStart(17)} ${-i / 3} 1e-${i % 20}\n`;
    const lines = Array.from({ length: 20_000 }, (_, i) => line(i)).join("");
    for (const end of ["", "\n", " "]) expectTwins(`20000\na=1\n${lines.trimEnd()}${end}`);
    expectTwins(`20000\na=1\n${lines}20000\na=1\n${lines.replace("Cu", "Xx")}`);
    expectTwins(`20000\na=1\n${lines.replaceAll("\n", "\r\n")}`);
    expectTwins(`20000\na=1\n${lines.replace("\n", "\r")}`);
    expectTwins(`20000\na=1\n${lines.replace("\n", " \r ")}`);
  });

  it("give an error and no values where a file is cut while it is read", () => {
    const path = join(folder, "cut.xyz");
    const frame = `100\na=1\n${"H 1.50000000 2.50000000 3.50000000\n".repeat(100)}`;
    writeFileSync(path, frame.repeat(1000));
    for (const read of [
      (file: XyzFile) => file.at(999),
      (file: XyzFile) => file.getMany([998, 999]),
      (file: XyzFile) => [...file],
      (file: XyzFile) => file.column("info.a"),
    ]) {
      writeFileSync(path, frame.repeat(1000));
      using file = XyzFile.open(path);
      truncateSync(path, 10_000);
      expect(() => read(file)).toThrow(expect.objectContaining({ code: "ERR_MAPPING_TRUNCATED" }));
    }
  });
});
