import { isStowageError, MemorySource } from "@stowage/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameScanner } from "../src/frame-scanner.js";
import { parseXyz, readXyz, XyzFile } from "../src/index.js";
import { freshSeed } from "./seed.js";

const valid = [
  '2\nLattice="1 0 0 0 1 0 0 0 1" Properties=species:S:1:pos:R:3:forces:R:3:tags:I:1 energy=-1.5 a="1 2" pbc="T T F"\n' +
    "H 0.1 0.2 0.3 1 2 3 4\nO 1.0 2.0 3.0 4 5 6 7\n",
  '1\nd="_JSON {\\"a\\": [1, 2.5]}" s="x y" stress="1 2 3 4 5 6 7 8 9"\nHe 0 0 0\n',
  "1\nC\nC 0 0 0\nVEC1 1 0 0\n",
  "0\n\n",
].join("");
const encoder = new TextEncoder();

/** Reads everything in every way; what goes wrong must be an ERR_XYZ_FORMAT. */
function survives(bytes: Uint8Array): boolean {
  try {
    const file = XyzFile.open(new MemorySource(bytes));
    const rows = file.getMany(Array.from({ length: file.length }, (_, i) => i));
    for (const key of Object.keys(file.schema)) file.column(key);
    expect([...file]).toHaveLength(rows.length);
    return true;
  } catch (error) {
    if (isStowageError(error, "ERR_XYZ_FORMAT")) return false;
    throw error;
  }
}

describe("hostile input", () => {
  const seed = freshSeed("hostile");
  const bytes = encoder.encode(valid);
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(...encoder.encode('"\\{}[]=, \t\r\n0159.-eETF'), 0));

  it("with changed, added and removed bytes is read or refused", () => {
    const edit = fc.record({
      at: fc.nat(bytes.length),
      remove: fc.nat(3),
      add: fc.array(byte, { maxLength: 3 }),
    });
    let read = 0;
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let mutated = [...bytes];
        for (const { at, remove, add } of edits)
          mutated = [...mutated.slice(0, at), ...add, ...mutated.slice(at + remove)];
        if (survives(Uint8Array.from(mutated))) read++;
      }),
      { seed, numRuns: 3000 },
    );
    expect(read).toBeGreaterThan(100);
  });

  it("cut anywhere is read up to there, or refused", () => {
    for (let end = 0; end <= bytes.length; end++) survives(bytes.subarray(0, end));
    expect(survives(bytes)).toBe(true);
  });

  it("of random bytes is read or refused", () => {
    let refused = 0;
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom("", "1\n", "0\na=", "1\nProperties=species:S:1:"),
        (noise, head) => {
          if (!survives(Uint8Array.from([...encoder.encode(head), ...noise]))) refused++;
        },
      ),
      { seed, numRuns: 2000 },
    );
    expect(refused).toBeGreaterThan(100);
  });

  it("takes no time or memory for what it only announces", () => {
    const started = performance.now();
    const claims = [
      "268435456\n\nH 0 0 0\n",
      "3\nProperties=species:S:1:pos:R:3:x:R:16777216\nH 0 0 0\nH 0 0 0\nH 0 0 0\n",
      `0\na="_JSON ${"[".repeat(100_000)}"\n`,
      `0\na="_JSON ${'{\\"a\\":'.repeat(50_000)}"\n`,
      `0\n${"=".repeat(100_000)}\n`,
      `0\n${"a ".repeat(20_000)}\n`,
      `0\na="${"1 ".repeat(100_000)}"\n`,
      `${"1".repeat(100_000)}\n\n`,
      `0\na=${"9".repeat(100_000)}\n`,
      `1\nProperties=species:S:1:pos:R:3:${"x:R:1:".repeat(20_000)}\nH 0 0 0\n`,
      `0\na="${"\\".repeat(99_999)}"\n`,
      "1\n\n\0\0\0\0\n",
      `1\n\n${" ".repeat(1_000_000)}H 0 0 0\n`,
    ];
    expect(claims.map((text) => survives(encoder.encode(text)))).toHaveLength(claims.length);
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});

describe("blocks", () => {
  it("may end anywhere: the same frames are found", () => {
    const text = valid.replaceAll("\n", "\r\n") + valid;
    const whole = scan([encoder.encode(text)]);
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 30 }), (cuts) => {
        const sorted = [0, ...cuts.sort((a, b) => a - b), text.length];
        const blocks = sorted.slice(1).map((end, i) => encoder.encode(text.slice(sorted[i], end)));
        expect(scan(blocks)).toEqual(whole);
      }),
      { seed: freshSeed("blocks"), numRuns: 500 },
    );
    expect(whole).toHaveLength(8);
  });

  it("of a stream may end anywhere too", async () => {
    const expected = parseXyz("2\na=1\nH 0 0 0\nO 1 2 3\n1\nb=x\nHe 0 0 0\n");
    const bytes = encoder.encode("2\na=1\nH 0 0 0\nO 1 2 3\n1\nb=x\nHe 0 0 0\n");
    for (const size of [1, 2, 3, 7, 1000]) {
      const chunks = async function* () {
        for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
      };
      const found = [];
      for await (const atoms of readXyz(chunks())) found.push(atoms);
      expect(found).toEqual(expected);
    }
  });
});

function scan(blocks: Uint8Array[]): unknown[] {
  const frames: unknown[] = [];
  const scanner = new FrameScanner(
    ({ comment, commentEnd, ...frame }) =>
      frames.push({ ...frame, comment: new TextDecoder().decode(comment.bytes.subarray(0, commentEnd)) }),
    { path: "blocks", end: 0, nFrames: 0, nLines: 0 },
  );
  for (const block of blocks) scanner.push(block);
  scanner.finish();
  return frames;
}
