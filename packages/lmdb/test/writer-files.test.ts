import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { LmdbReader, LmdbRows } from "../src/index.js";
import { numbered } from "./blob-rows.js";
import { checkLayout } from "./check-layout.js";
import { temporaryFolder } from "./temporary-folder.js";
import { writable } from "./writable.js";
import { writeLmdb } from "./write-lmdb.js";
import { failure, fileOf, made, newStore, numbers, open, upTo } from "./writing.js";

describe.runIf(writable)("the files of a store that is written", () => {
  it("refuses other files before LMDB has touched them", () => {
    const path = newStore();
    mkdirSync(join(path, "default"), { recursive: true });
    writeFileSync(fileOf(path), "no LMDB file".repeat(1000));
    expect(failure(() => open(path)).code).toBe("ERR_LMDB_FORMAT");
    expect(readdirSync(join(path, "default"))).toEqual(["data.mdb"]);
    expect(readFileSync(fileOf(path), "utf8")).toBe("no LMDB file".repeat(1000));
    const file = join(temporaryFolder(), "file.lmdb");
    writeFileSync(file, "");
    expect(failure(() => open(file)).code).toMatch(/^ERR_FILE_/);
    expect(failure(() => open(path, "../x")).code).toBe("ERR_OPTION");
    expect(failure(() => LmdbRows.open(LmdbReader.open(fileOf(made())) as never, { mode: "r+" })).code).toBe(
      "ERR_READ_ONLY",
    );
  });

  it("refuses to write into a file that was removed, or replaced by another", () => {
    const path = newStore();
    using rows = open(path);
    rows.append(numbered(0, 3));
    rmSync(join(path, "default"), { recursive: true });
    expect(failure(() => rows.append(numbered(3, 4))).code).toBe("ERR_FILE_MISSING");
    using next = open(path);
    next.append(numbered(7, 8));
    expect(failure(() => rows.append(numbered(3, 4))).code).toBe("ERR_FILE_MISSING");
    expect([numbers(rows), numbers(next)]).toEqual([[0, 1, 2], [7]]);
  });

  it("makes a store of an empty data file", () => {
    const path = newStore();
    mkdirSync(join(path, "default"), { recursive: true });
    writeFileSync(fileOf(path), "");
    using rows = open(path);
    rows.append(numbered(0, 1));
    expect(numbers(rows)).toEqual([0]);
  });

  it.each([512, 8192, 16_384, 32_768])(
    "goes on with files of other systems, with pages of %i bytes",
    (pageSize) => {
      const path = newStore();
      mkdirSync(join(path, "default"), { recursive: true });
      const u32 = (number: number) => new Uint8Array(Uint32Array.of(number).buffer);
      const entries: [string, Uint8Array | string][] = [
        ["__meta__count", "1"],
        ["__meta__next_sort_key", "1"],
        ["__schema__", "n"],
        ["__blk_count__", u32(1)],
        ["__blk_sizes__", u32(1)],
        ["__blk__\0\0\0\0", new Uint8Array(8)],
        ["0-n", "0"],
      ];
      writeFileSync(fileOf(path), writeLmdb(entries, { pageSize, fanOut: 4 }));
      using rows = open(path);
      rows.append(numbered(1, 1500));
      rows.set([700], [new Map([["big", new Uint8Array(3 * pageSize)]])]);
      rows.delete([700]);
      expect(numbers(rows)).toEqual(upTo(1500).filter((n) => n !== 700));
      using reader = LmdbReader.open(rows.path);
      expect(reader.stat.pageSize).toBe(pageSize);
      checkLayout(rows.path);
    },
  );

  it.each(["", "junk", "\xde\xad".repeat(5000)])("makes a lock file anew that nobody uses: %#", (bytes) => {
    const path = made();
    writeFileSync(join(path, "default", "lock.mdb"), bytes, "latin1");
    using rows = open(path);
    rows.append(numbered(3, 4));
    expect(numbers(rows)).toEqual([0, 1, 2, 3]);
  });

  it("uses space again: a store that is filled and emptied does not grow", () => {
    using rows = open(newStore());
    const fill = () =>
      rows.append(Array.from({ length: 200 }, () => new Map([["v", new Uint8Array(20_000)]])));
    fill();
    rows.clear();
    fill();
    const { size } = statSync(rows.path);
    for (let i = 0; i < 5; i++) {
      rows.clear();
      fill();
    }
    expect(statSync(rows.path).size).toBeLessThan(1.5 * size);
  });
});
