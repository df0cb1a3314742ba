import { appendFileSync, existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MemorySource } from "@stowage/core";
import { describe, expect, it } from "vitest";
import { XyzFile } from "../src/index.js";
import { loadIndex, saveIndex, stateOf } from "../src/index-file.js";
import { temporaryFolder } from "./temporary-folder.js";

const text =
  '1\na=1 b=x Properties=species:S:1:pos:R:3:f:R:1\nH 0 0 0 1\n0\na=1.5 name="" c=2\n2\n\nH 0 0 0\nH 0 0 0\nVEC1 1 0 0';

function files(): { path: string; indexPath: string } {
  const folder = temporaryFolder();
  const path = join(folder, "md.xyz");
  writeFileSync(path, text);
  return { path, indexPath: join(folder, "md.index") };
}

function everything(file: XyzFile): unknown {
  const rows = file.getMany([...file.atomCounts.keys()]);
  return [rows, file.schema, file.warnings, file.column("info.a"), file.column("cell")];
}

/** Whether the index was read rather than made: a made one is written. */
function opens(path: string, indexPath: string): { made: boolean; content: unknown } {
  const before = existsSync(indexPath) ? readFileSync(indexPath) : null;
  if (before !== null) utimesSync(indexPath, 1, 1);
  using file = XyzFile.open(path, { indexPath });
  const content = everything(file);
  const made = before === null || !before.equals(readFileSync(indexPath)) || mtimeOf(indexPath) !== 1000;
  return { made, content };
}

function mtimeOf(path: string): number {
  return stateOf(path, new MemorySource(new Uint8Array(1))).mtimeMs;
}

describe("an index file", () => {
  it("is made once, and says what the file says", () => {
    const { path, indexPath } = files();
    const expected = everything(XyzFile.open(path));
    expect(opens(path, indexPath)).toEqual({ made: true, content: expected });
    expect(opens(path, indexPath)).toEqual({ made: false, content: expected });
  });

  it("is made anew when the file has grown, or is another one", () => {
    const { path, indexPath } = files();
    opens(path, indexPath);
    appendFileSync(path, "\n0\na=7\n");
    expect(opens(path, indexPath).made).toBe(true);
    writeFileSync(path, `${text}\n0\na=8\n`);
    const { made, content } = opens(path, indexPath);
    expect(made).toBe(true);
    expect(content).toEqual(everything(XyzFile.open(path)));
  });

  it("that is damaged anywhere is made anew", () => {
    const { path, indexPath } = files();
    const expected = opens(path, indexPath).content;
    const good = readFileSync(indexPath);
    for (let i = 0; i < good.length; i += 7) {
      const bad = Buffer.from(good);
      bad[i]! ^= 0x41;
      writeFileSync(indexPath, bad);
      expect(opens(path, indexPath)).toEqual({ made: true, content: expected });
    }
    for (let length = 0; length < good.length; length += 11) {
      writeFileSync(indexPath, good.subarray(0, length));
      expect(opens(path, indexPath)).toEqual({ made: true, content: expected });
    }
  });

  it("that is sound but lies about frames is not believed", () => {
    const { path, indexPath } = files();
    opens(path, indexPath);
    const bytes = new MemorySource(readFileSync(path));
    const state = stateOf(path, bytes);
    const index = loadIndex(indexPath, path, state)!;
    expect(index.nFrames).toBe(3);
    for (const change of [
      (columns: typeof index.columns) => columns.byteOffsets.set([5]),
      (columns: typeof index.columns) => columns.byteOffsets.set([1e9], 2),
      (columns: typeof index.columns) => columns.byteOffsets.set([NaN], 1),
      (columns: typeof index.columns) => columns.atomCounts.set([1000]),
      (columns: typeof index.columns) => columns.headers.set([1e6], 1),
    ]) {
      const lying = loadIndex(indexPath, path, state)!;
      change(lying.columns);
      saveIndex(`${indexPath}.lie`, lying, state);
      expect(loadIndex(`${indexPath}.lie`, path, state)).toBeNull();
    }
    const shifted = loadIndex(indexPath, path, state)!;
    shifted.columns.byteOffsets[1]! -= 2;
    saveIndex(indexPath, shifted, state);
    using file = XyzFile.open(path, { indexPath });
    expect(everything(file)).toEqual(everything(XyzFile.open(path)));
  });

  it("is for files opened by path", () => {
    const source = new MemorySource(new TextEncoder().encode(text));
    expect(() => XyzFile.open(source, { indexPath: "x" })).toThrow(
      expect.objectContaining({ code: "ERR_OPTION" }),
    );
  });

  it("that cannot be written is an error", () => {
    const { path } = files();
    expect(() => XyzFile.open(path, { indexPath: join(path, "no", "folder") })).toThrow(
      expect.objectContaining({ code: "ERR_FILE_MISSING" }),
    );
  });
});
