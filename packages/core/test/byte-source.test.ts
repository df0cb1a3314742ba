import { openAsBlob, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BlobSource,
  type ByteSource,
  checkRange,
  FileSource,
  isSyncSource,
  MemorySource,
} from "../src/index.js";
import { temporaryFolder } from "./temporary-folder.js";

const BYTES = Uint8Array.from({ length: 100 }, (_, i) => i);

/** Ranges that no source of 100 bytes has. */
const OUTSIDE: [byteOffset: number, byteLength: number][] = [
  [-1, 1],
  [0, -1],
  [0, 101],
  [100, 1],
  [101, 0],
  [60, 41],
  [0.5, 1],
  [0, 1.5],
  [Number.NaN, 1],
  [0, Number.NaN],
  [0, Number.POSITIVE_INFINITY],
  [Number.NEGATIVE_INFINITY, 1],
  [2 ** 53, 1],
  [0, 2 ** 53],
  [2 ** 53 - 1, 2 ** 53 - 1],
  [1e300, 1],
];

function stowageError(code: string): unknown {
  return expect.objectContaining({ code });
}

const SOURCES: [name: string, open: () => ByteSource][] = [
  ["MemorySource", () => new MemorySource(BYTES)],
  ["BlobSource", () => new BlobSource(new Blob([BYTES]))],
  [
    "FileSource",
    () => {
      const path = join(temporaryFolder(), "bytes.bin");
      writeFileSync(path, BYTES);
      return FileSource.open(path);
    },
  ],
];

describe.each(SOURCES)("%s", (_, open) => {
  it("reads any range exactly", async () => {
    const source = open();
    expect(source.byteLength).toBe(100);
    await fc.assert(
      fc.asyncProperty(fc.nat(100), fc.nat(100), async (a, b) => {
        const [from, to] = a < b ? [a, b] : [b, a];
        expect(await source.read(from, to - from)).toEqual(BYTES.slice(from, to));
        if (isSyncSource(source)) {
          expect(source.readSync(from, to - from)).toEqual(BYTES.slice(from, to));
          const target = new Uint8Array(to - from);
          source.readIntoSync(target, from);
          expect(target).toEqual(BYTES.slice(from, to));
        }
      }),
    );
    source.close();
  });

  it.each(OUTSIDE)("refuses %d + %d bytes", async (byteOffset, byteLength) => {
    const source = open();
    await expect(source.read(byteOffset, byteLength)).rejects.toThrow(stowageError("ERR_SOURCE_BOUNDS"));
    if (isSyncSource(source)) {
      expect(() => source.readSync(byteOffset, byteLength)).toThrow(stowageError("ERR_SOURCE_BOUNDS"));
    }
    source.close();
  });

  it("says which range was outside, and of what", async () => {
    const source = open();
    const refusal = source.read(90, 20);
    await expect(refusal).rejects.toThrow(`Cannot read 20 bytes at 90 of ${source.name}: it has 100 bytes`);
    await expect(refusal).rejects.toMatchObject({
      details: { path: source.name, byteOffset: 90, byteLength: 20, sourceLength: 100 },
    });
    source.close();
  });

  it("reads nothing at its very end", async () => {
    const source = open();
    expect(await source.read(100, 0)).toHaveLength(0);
    source.close();
  });

  it("throws the reason of an aborted signal", async () => {
    const source = open();
    await expect(source.read(0, 1, { signal: AbortSignal.abort(new Error("stopped")) })).rejects.toThrow(
      "stopped",
    );
    expect(await source.read(0, 1, { signal: new AbortController().signal })).toEqual(Uint8Array.of(0));
    source.close();
  });

  it("refuses every read once it is closed, and closes twice", async () => {
    const source = open();
    source.close();
    source.close();
    await expect(source.read(0, 1)).rejects.toThrow(stowageError("ERR_CLOSED"));
    if (!(source instanceof FileSource)) expect(source.byteLength).toBe(0); // its memory is let go
    await expect(source.read(0, 0)).rejects.toThrow(stowageError("ERR_CLOSED"));
    if (isSyncSource(source)) {
      expect(() => source.readSync(0, 1)).toThrow(stowageError("ERR_CLOSED"));
      expect(() => source.readIntoSync(new Uint8Array(1), 0)).toThrow(stowageError("ERR_CLOSED"));
    }
  });
});

describe("MemorySource", () => {
  it("hands out views of its memory", () => {
    const bytes = BYTES.slice();
    const source = new MemorySource(bytes, "held");
    expect(source.resident).toBe(true);
    expect(source.readSync(10, 5).buffer).toBe(bytes.buffer);
    expect(source.name).toBe("held");
  });

  it("takes an ArrayBuffer, and bytes in the middle of one", () => {
    expect(new MemorySource(BYTES.slice().buffer).readSync(99, 1)).toEqual(Uint8Array.of(99));
    const middle = new MemorySource(BYTES.subarray(40, 50));
    expect(middle.readSync(0, 10)).toEqual(BYTES.slice(40, 50));
    expect(() => middle.readSync(0, 11)).toThrow(stowageError("ERR_SOURCE_BOUNDS"));
  });
});

describe("BlobSource", () => {
  it("is asynchronous only, and named after its file", () => {
    expect(isSyncSource(new BlobSource(new Blob([])))).toBe(false);
    expect(new BlobSource(new Blob([])).name).toBe("blob");
    expect(new BlobSource(new File([], "water.atp")).name).toBe("water.atp");
    expect(new BlobSource(new Blob([]), "given").name).toBe("given");
  });

  it("slices what is asked for and nothing more", async () => {
    const slices: [number, number][] = [];
    class CountingBlob extends Blob {
      override slice(from = 0, to = this.size): Blob {
        slices.push([from, to]);
        return super.slice(from, to);
      }
    }
    const source = new BlobSource(new CountingBlob([BYTES]));
    await source.read(10, 5);
    await source.read(90, 10);
    expect(slices).toEqual([
      [10, 15],
      [90, 100],
    ]);
  });

  it("throws the reason of a signal that aborts while it reads", async () => {
    const controller = new AbortController();
    const reading = new BlobSource(new Blob([BYTES])).read(0, 100, { signal: controller.signal });
    controller.abort(new Error("stopped"));
    await expect(reading).rejects.toThrow("stopped");
  });

  it("says so when the file behind it changed", async () => {
    const path = join(temporaryFolder(), "changing.bin");
    writeFileSync(path, BYTES);
    const source = new BlobSource(await openAsBlob(path), path);
    writeFileSync(path, "short");
    await expect(source.read(0, 100)).rejects.toThrow(stowageError("ERR_FILE_ACCESS"));
  });
});

describe("checkRange", () => {
  it("passes what lies inside", () => {
    const source = new MemorySource(BYTES);
    for (const [byteOffset, byteLength] of [
      [0, 0],
      [0, 100],
      [100, 0],
      [99, 1],
    ] as const) {
      expect(() => checkRange(source, byteOffset, byteLength)).not.toThrow();
    }
  });
});
