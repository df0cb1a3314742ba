import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { equalValues, type Row } from "@stowage/core";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openTrajStore, writeTraj } from "../src/index.js";
import { freshSeed } from "./seed.js";
import { temporaryFolder } from "./temporary-folder.js";
import { plainRow } from "./traj-rows.js";

/** What a writer did to a file, in order; what lies between two flushes may reach the disk in any order. */
type Step = { at: number; bytes: Uint8Array } | "flush";

/** The object whose functions core calls. */
const fs = process.getBuiltinModule("node:fs");

afterEach(() => {
  vi.restoreAllMocks();
});

function recordSteps(): Step[] {
  const steps: Step[] = [];
  const { writeSync, fsyncSync } = fs;
  vi.spyOn(fs, "writeSync").mockImplementation(((
    fd: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ) => {
    steps.push({ at: position, bytes: bytes.slice(offset, offset + length) });
    return writeSync(fd, bytes, offset, length, position);
  }) as typeof fs.writeSync);
  vi.spyOn(fs, "fsyncSync").mockImplementation((fd) => {
    steps.push("flush");
    fsyncSync(fd);
  });
  return steps;
}

function applied(before: Uint8Array, steps: readonly Step[]): Uint8Array {
  let bytes = before;
  for (const step of steps) {
    if (step === "flush") continue;
    const end = step.at + step.bytes.length;
    if (end > bytes.length) {
      const longer = new Uint8Array(end);
      longer.set(bytes);
      bytes = longer;
    } else bytes = bytes.slice();
    bytes.set(step.bytes, step.at);
  }
  return bytes;
}

function rowsOf(path: string): Row[] {
  const store = openTrajStore(path);
  const rows = store.getMany(Array.from({ length: store.count() }, (_, i) => i));
  store.close();
  return rows;
}

function isPrefix(found: readonly Row[], all: readonly Row[]): boolean {
  return found.every((row, i) =>
    Object.entries(row).every(([key, value]) => equalValues(value, all[i]![key]!)),
  );
}

describe("an append that is killed", () => {
  // Into the table that is there, into a longer one, over two sizes of tables.
  it.each([
    [0, 1],
    [1, 1],
    [1, 50],
    [2, 3],
    [42, 1],
    [50, 2],
  ])("with %i frames before leaves them, or all %i more", (before, added) => {
    const folder = temporaryFolder();
    const path = join(folder, "rows.traj");
    const rows = Array.from({ length: before + added + 1 }, (_, i) => plainRow(i, i % 7 === 3 ? 3 : 2));
    writeTraj(path, rows.slice(0, before));
    const original = new Uint8Array(readFileSync(path));
    const store = openTrajStore(path, { mode: "r+" });
    const steps = recordSteps();
    store.append!(rows.slice(before, -1));
    store.close();
    vi.restoreAllMocks();
    expect(isPrefix(rowsOf(path), rows)).toBe(true);
    const killed = join(folder, "killed.traj");
    const counts = new Set<number>();
    const check = (bytes: Uint8Array): void => {
      writeFileSync(killed, bytes);
      const found = rowsOf(killed);
      expect([before, before + added]).toContain(found.length);
      counts.add(found.length);
      expect(isPrefix(found, rows)).toBe(true);
      const again = openTrajStore(killed, { mode: "r+" });
      again.append!([rows.at(-1)!]);
      again.close();
      const grown = rowsOf(killed);
      expect(grown.length).toBe(found.length + 1);
      expect(isPrefix(grown, [...rows.slice(0, found.length), rows.at(-1)!])).toBe(true);
    };
    const random = fc.sample(fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), {
      seed: freshSeed("killed"),
      numRuns: 1,
    })[0]!;
    const chance = (): number => random.next().value as number;
    steps.forEach((step, i) => {
      check(applied(original, steps.slice(0, i)));
      if (step === "flush" || step.at < 48) return;
      const part = step.bytes.subarray(0, Math.floor(chance() * step.bytes.length));
      check(applied(original, [...steps.slice(0, i), { at: step.at, bytes: part }]));
    });
    // Writes that no flush keeps in order.
    for (let run = 0; run < 20; run++) {
      const flushes = steps.flatMap((step, i) => (step === "flush" ? [i] : []));
      const last = Math.floor(chance() * flushes.length);
      const start = last === 0 ? 0 : flushes[last - 1]!;
      const some = steps.slice(start, flushes[last]).filter(() => chance() < 0.5);
      check(applied(original, [...steps.slice(0, start), ...some]));
    }
    check(applied(original, steps));
    expect(counts).toEqual(new Set([before, before + added]));
  });

  it("while a new file is written leaves no file", () => {
    const folder = temporaryFolder();
    const path = join(folder, "new.traj");
    const store = openTrajStore(path, { mode: "w" });
    store.append!([plainRow(0)]);
    store.flush!();
    expect(existsSync(path)).toBe(false);
    store.discard!();
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("a store opened with r+", () => {
  it("shows added rows at once, keeps those that were flushed, and drops the others where told to", () => {
    const path = join(temporaryFolder(), "rows.traj");
    const store = openTrajStore(path, { mode: "r+" });
    store.append!([plainRow(0), plainRow(1)]);
    store.flush!();
    const flushed = readFileSync(path).length;
    store.append!([plainRow(2)]);
    expect(store.count()).toBe(3);
    expect(store.getMany([2])[0]!["calc.energy"]).toBe(2.5);
    expect(rowsOf(path)).toHaveLength(2);
    store.discard!();
    expect(readFileSync(path).length).toBe(flushed);
    expect(isPrefix(rowsOf(path), [plainRow(0), plainRow(1)])).toBe(true);
  });

  it("adds all rows or none", () => {
    const path = join(temporaryFolder(), "rows.traj");
    const store = openTrajStore(path, { mode: "r+" });
    expect(() => store.append!([plainRow(0), { ...plainRow(1), "calc.odd": 1 }])).toThrow(
      expect.objectContaining({ code: "ERR_LOSS" }),
    );
    expect(store.count()).toBe(0);
    store.append!([plainRow(1)]);
    store.close();
    store.close();
    expect(rowsOf(path).map((row) => row["calc.energy"])).toEqual([1.5]);
  });

  it("leaves the file as it was when the disk is full", () => {
    const path = join(temporaryFolder(), "rows.traj");
    writeTraj(path, [plainRow(0)]);
    const before = readFileSync(path);
    const store = openTrajStore(path, { mode: "r+" });
    const { writeSync } = fs;
    let left = 2;
    vi.spyOn(fs, "writeSync").mockImplementation(((...args: Parameters<typeof writeSync>) => {
      if (left-- === 0) throw Object.assign(new Error("full"), { code: "ENOSPC" });
      return writeSync(...args);
    }) as typeof fs.writeSync);
    expect(() => store.append!([plainRow(1)])).toThrow(expect.objectContaining({ code: "ERR_FILE_ACCESS" }));
    vi.restoreAllMocks();
    expect(readFileSync(path).equals(before)).toBe(true);
    store.append!([plainRow(2)]);
    store.close();
    expect(rowsOf(path).map((row) => row["calc.energy"])).toEqual([0.5, 2.5]);
  });

  it("keeps a second writer out", () => {
    const path = join(temporaryFolder(), "rows.traj");
    const store = openTrajStore(path, { mode: "r+" });
    expect(() => openTrajStore(path, { mode: "r+" })).toThrow(
      expect.objectContaining({ code: "ERR_LOCKED" }),
    );
    store.close();
    openTrajStore(path, { mode: "r+" }).close();
  });

  it("leaves a table without room alone", () => {
    const path = join(temporaryFolder(), "rows.traj");
    writeTraj(path, [plainRow(0), plainRow(1)]);
    const bytes = readFileSync(path);
    const table = Number(bytes.readBigInt64LE(40));
    writeFileSync(path, bytes.subarray(0, table + 16)); // two places, as other writers may leave them
    const store = openTrajStore(path, { mode: "r+" });
    store.append!([plainRow(2)]);
    store.close();
    expect(rowsOf(path)).toHaveLength(3);
    expect(isPrefix(rowsOf(path), [plainRow(0), plainRow(1), plainRow(2)])).toBe(true);
    expect(
      readFileSync(path)
        .subarray(48, table + 16)
        .equals(bytes.subarray(48, table + 16)),
    ).toBe(true);
  });

  it("refuses what is no trajectory, and older versions", () => {
    const path = join(temporaryFolder(), "rows.traj");
    writeTraj(path, [plainRow(0)]);
    const bytes = readFileSync(path);
    bytes[24] = 2;
    writeFileSync(path, bytes);
    expect(rowsOf(path)).toHaveLength(1);
    expect(() => openTrajStore(path, { mode: "r+" })).toThrow(
      expect.objectContaining({ code: "ERR_TRAJ_FORMAT" }),
    );
    writeFileSync(path, "2\n\nH 0 0 0\nH 0 0 1\n");
    expect(() => openTrajStore(path, { mode: "r+" })).toThrow(
      expect.objectContaining({ code: "ERR_TRAJ_FORMAT" }),
    );
    expect(readdirSync(join(path, "..")).filter((name) => name !== "rows.traj")).toEqual([]);
  });
});
