import { readFileSync } from "node:fs";
import { compressRecords, MapKernels, MmapFile } from "@stowage/mmap";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AtpFile } from "../src/index.js";
import { lz4Bound, lz4Compress, lz4Decompress } from "../src/lz4.js";
import { zstdBound, zstdCompress, zstdDecompress } from "../src/zstd.js";
import { isNative } from "./kernel-spy.js";
import { numberedMolecule } from "./numbered-molecule.js";
import { freshSeed } from "./seed.js";
import { temporaryFile } from "./temporary-folder.js";

const seed = freshSeed("codec");

/** Records as files have them: runs, repeats and noise. */
const record = fc
  .array(
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 60 }),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.integer({ min: 1, max: 400 }))
        .map(([unit, n]) => Uint8Array.from({ length: unit.length * n }, (_, i) => unit[i % unit.length]!)),
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts)));
const records = fc.array(record, { minLength: 1, maxLength: 30 });

const twins = {
  lz4: { bound: lz4Bound, compress: lz4Compress, decompress: lz4Decompress },
  zstd: { bound: zstdBound, compress: null, decompress: zstdDecompress },
};

/** Records compressed by the addon. */
function compressed(codec: "lz4" | "zstd", level: number, list: readonly Uint8Array[]): Uint8Array[] {
  let end = 0;
  const ends = Uint32Array.from(list, ({ length }) => {
    end += length;
    return end;
  });
  const room = list.reduce((sum, { length }) => sum + twins[codec].bound(length), 0);
  const target = new Uint8Array(room);
  const sizes = new Uint32Array(list.length);
  const total = compressRecords(codec, level, Buffer.concat(list), ends, target, sizes)!;
  let start = 0;
  const stored = Array.from(sizes, (size) => {
    start += size;
    return target.slice(start - size, start);
  });
  expect(start).toBe(total);
  return stored;
}

describe.runIf(isNative)("what the addon compresses", () => {
  test.each([
    ["lz4", 12],
    ["zstd", 3],
  ] as const)("is read back without it (%s)", (codec, level) => {
    fc.assert(
      fc.property(records, (list) => {
        for (const [i, stored] of compressed(codec, level, list).entries()) {
          const target = new Uint8Array(list[i]!.length);
          expect(twins[codec].decompress(stored, target)).toBe(null);
          expect(target).toEqual(list[i]);
        }
      }),
      { seed, numRuns: 60 },
    );
  });

  test.each([-5, 1, 3, 9, 19, 22])(
    "by zstd is byte-equal to what is compressed without it (level %i)",
    (level) => {
      fc.assert(
        fc.property(records, (list) => {
          for (const [i, stored] of compressed("zstd", level, list).entries()) {
            const target = new Uint8Array(zstdBound(list[i]!.length));
            expect(stored).toEqual(target.slice(0, zstdCompress(list[i]!, target, level)));
          }
        }),
        { seed, numRuns: 8 },
      );
    },
  );

  test("by lz4 is no larger than what is compressed without it, but for a few bytes", () => {
    let [native, plain] = [0, 0];
    fc.assert(
      fc.property(records, (list) => {
        for (const [i, stored] of compressed("lz4", 12, list).entries()) {
          native += stored.length;
          plain += lz4Compress(list[i]!, new Uint8Array(lz4Bound(list[i]!.length)));
        }
      }),
      { seed, numRuns: 40 },
    );
    expect(native).toBeLessThanOrEqual(plain);
  });
});

test.runIf(isNative).each(["lz4", "zstd"] as const)(
  "what is compressed without the addon is read by it (%s)",
  (codec) => {
    const path = temporaryFile();
    fc.assert(
      fc.property(records, (list) => {
        const stored = list.map((each) => {
          const target = new Uint8Array(twins[codec].bound(each.length));
          const size = codec === "lz4" ? lz4Compress(each, target) : zstdCompress(each, target, 3);
          return target.slice(0, size);
        });
        using file = MmapFile.create(
          path,
          stored.reduce((sum, { length }) => sum + length, 0),
          { overwrite: true },
        );
        file.bytes.set(Buffer.concat(stored));
        const kernels = MapKernels.of(file)!;
        let at = 0;
        for (const [i, { length }] of stored.entries()) {
          const target = new Uint8Array(list[i]!.length);
          expect(kernels.decompress(codec, at, length, target)).toBe(true);
          expect(target).toEqual(list[i]);
          at += length;
        }
      }),
      { seed, numRuns: 30 },
    );
  },
);

test("a file compressed on all cores is what it is molecule by molecule", () => {
  const molecules = Array.from({ length: 3000 }, (_, i) => numberedMolecule(i));
  for (const codec of ["lz4", "zstd"] as const) {
    const [together, apart] = [temporaryFile(), temporaryFile()];
    using a = AtpFile.create(together, { codec });
    a.append(molecules);
    a.close();
    using b = AtpFile.create(apart, { codec });
    for (const molecule of molecules) b.append(molecule);
    b.close();
    expect(readFileSync(together).equals(readFileSync(apart))).toBe(true);
  }
});
