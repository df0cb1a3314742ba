import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isStowageError, MemorySource } from "@stowage/core";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { runSync } from "../src/byte-requests.js";
import { writeTraj } from "../src/index.js";
import { TrajReader } from "../src/traj/traj-reader.js";
import { readDirectory } from "../src/traj/ulm-reader.js";
import { freshSeed } from "./seed.js";
import { plainRow } from "./traj-rows.js";

let valid: Uint8Array;
beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), "stowage-ase-"));
  const path = join(folder, "valid.traj");
  const rows = Array.from({ length: 5 }, (_, i) => plainRow(i, i < 3 ? 2 : 3));
  writeTraj(
    path,
    rows.map((row) => ({
      ...row,
      "info.dict": { a: [1, 2.5, null], b: "text" },
      constraints: [{ name: "FixAtoms", kwargs: { indices: [0] } }],
    })),
  );
  valid = new Uint8Array(readFileSync(path));
  rmSync(folder, { recursive: true });
});

/** Reads everything in every way; what goes wrong must say so by its code. */
function survives(bytes: Uint8Array): boolean {
  const source = new MemorySource(bytes);
  try {
    const directory = runSync(readDirectory("hostile", bytes.length), source);
    const reader = new TrajReader(directory);
    const whole = directory.offsets.map((_, i) => i);
    const failed = [
      () => runSync(reader.rows(whole), source),
      () => runSync(reader.schema(), source),
      () => runSync(reader.column("calc.energy", whole), source),
      ...whole.map((i) => () => runSync(new TrajReader(directory).rows([i]), source)),
    ].map((read) => {
      try {
        read();
        return false;
      } catch (error) {
        if (isStowageError(error, "ERR_TRAJ_FRAME")) return true;
        throw error;
      }
    });
    return !failed.includes(true);
  } catch (error) {
    if (isStowageError(error, "ERR_TRAJ_FORMAT")) return false;
    throw error;
  }
}

describe("hostile input", () => {
  const seed = freshSeed("traj hostile");

  it("of any length is read or refused", () => {
    expect(survives(valid)).toBe(true);
    for (let end = 0; end < valid.length; end++) survives(valid.subarray(0, end));
  });

  it("with any bit turned is read or refused", () => {
    let read = 0;
    for (let at = 0; at < valid.length; at++) {
      const broken = valid.slice();
      broken[at]! ^= 1 << ((at * 5 + seed) % 8);
      if (survives(broken)) read++;
    }
    expect(read).toBeGreaterThan(100);
  });

  it("with telling numbers in every place is read or refused", () => {
    const numbers = [
      0n,
      1n,
      -1n,
      7n,
      48n,
      2n ** 31n,
      2n ** 53n + 1n,
      2n ** 63n - 1n,
      -(2n ** 63n),
      BigInt(valid.length),
    ];
    for (let at = 24; at + 8 <= valid.length; at += at < 64 ? 1 : 8) {
      for (const number of numbers) {
        const broken = valid.slice();
        new DataView(broken.buffer).setBigInt64(at, number, true);
        survives(broken);
      }
    }
    expect(survives(valid)).toBe(true);
  });

  it("with changed texts is read or refused", () => {
    const words = [
      '"float64"',
      '"ndarray"',
      "[2, 3]",
      "[1000000000, 3]",
      "-1",
      "1e400",
      "null",
      "true",
      "{}",
      "[]",
      '"a"',
      "2.5",
      "NaN",
      '{"__ndarray__": [[1000000000], "float64", [1]]}',
      '{"__complex__": 1}',
      '{"__ndarray__": [[0, 1000000000], "bool", []]}',
      '{"__complex_ndarray__": [[1], [[2]]]}',
      '"complex128"',
      '"float16"',
      "123456789012345678901234567890",
      '"info"',
      '"constraints"',
      '"numbers."',
      '"calculator."',
      '"_little_endian"',
      "false",
      "[[".repeat(150),
    ];
    const text = new TextDecoder("latin1").decode(valid);
    const places = [...text.matchAll(/"[a-z_.0-9]+"|\[[^[\]]*\]|[\d.]+|null|true|false/gi)].filter(
      ({ index }) => index > 60,
    );
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.constantFrom(...words), (place, word) => {
        // A shorter word keeps the length of the text, so that what surrounds it stays valid.
        const old = place[0].length;
        const fitted = word.length <= old ? word.padEnd(old) : word;
        survives(withText(text, place.index, old, fitted));
      }),
      { seed, numRuns: 3000 },
    );
    expect(places.length).toBeGreaterThan(50);
  });

  it("made of one text is read or refused, whatever it says", () => {
    const value = fc.json();
    const names = fc.constantFrom(
      "pbc",
      "numbers",
      "numbers.",
      "positions",
      "positions.",
      "cell",
      "info",
      "constraints",
      "calculator.",
      "tags.",
      "magmoms",
      "energy",
      "ndarray",
      "_little_endian",
    );
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            names,
            fc.oneof(
              value,
              fc.constantFrom(
                '{"ndarray": [[0], "float64", 0]}',
                '{"ndarray": [[0, 3], "int64", -5]}',
                "[]",
                "[true, true, false]",
                "{}",
                '{"energy.": {"ndarray": [[], "float64", 56]}}',
              ),
            ),
          ),
          { maxLength: 8 },
        ),
        (entries) => {
          survives(
            oneItem(`{${entries.map(([name, json]) => `${JSON.stringify(name)}: ${json}`).join(", ")}}`),
          );
        },
      ),
      { seed, numRuns: 3000 },
    );
    expect(
      survives(
        oneItem(
          '{"pbc": [true, true, false], "numbers": [], "positions.": {"ndarray": [[0, 3], "float64", 56]}, "cell": [1.0, 2.0, 3.0]}',
        ),
      ),
    ).toBe(true);
  });

  it("takes no time or memory for what it only announces", () => {
    const started = performance.now();
    const item = (numbers: string, positions: string): string =>
      `{"pbc": [true, true, false], "numbers.": ${numbers}, "positions.": ${positions}, "cell": [1.0, 2.0, 3.0]}`;
    const claims = [
      item('{"ndarray": [[1000000000000], "int64", 56]}', '{"ndarray": [[1000000000000, 3], "float64", 56]}'),
      item('{"ndarray": [[9007199254740991, 0], "int64", 56]}', '{"ndarray": [[0, 3], "float64", 56]}'),
      item('{"ndarray": [[-1], "int64", 56]}', '{"ndarray": [[-1, 3], "float64", 56]}'),
      `{"a": ${"[".repeat(100_000)}`,
      `{"a": ${"9".repeat(100_000)}}`,
      `{${'"a.": {'.repeat(1000)}${"}".repeat(1001)}`,
    ];
    expect(claims.map((text) => survives(oneItem(text)))).toEqual(claims.map(() => false));
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});

/** A file of one frame, which has arrays nowhere. */
function oneItem(text: string): Uint8Array {
  const item = new TextEncoder().encode(text);
  const bytes = new Uint8Array(64 + item.length);
  bytes.set(valid.subarray(0, 48));
  const view = new DataView(bytes.buffer);
  for (const [at, value] of [
    [32, 1],
    [40, 48],
    [48, 56],
    [56, item.length],
  ] as const)
    view.setBigInt64(at, BigInt(value), true);
  bytes.set(item, 64);
  return bytes;
}

function withText(text: string, at: number, remove: number, add: string): Uint8Array {
  return Uint8Array.from(text.slice(0, at) + add + text.slice(at + remove), (char) => char.charCodeAt(0));
}
