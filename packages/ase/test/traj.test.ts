import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  columnOfSync,
  equalValues,
  int64,
  isStowageError,
  ndarray,
  openStore,
  type Row,
  registerPlugin,
  rowToAtoms,
  scalar,
  schemaOfRows,
} from "@stowage/core";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import plugin, { openTraj, openTrajStore, traj, writeTraj } from "../src/index.js";
import { freshSeed } from "./seed.js";
import { temporaryFolder } from "./temporary-folder.js";
import { plainRow, trajRow } from "./traj-rows.js";

beforeAll(() => registerPlugin(plugin));

function everyIndex(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

function expectRows(found: readonly Row[], expected: readonly Row[]): void {
  expect(found.length).toBe(expected.length);
  found.forEach((row, i) => {
    expect(Object.keys(row).sort()).toEqual(Object.keys(expected[i]!).sort());
    for (const [key, value] of Object.entries(row)) {
      if (!equalValues(value, expected[i]![key]!))
        expect(value, `row ${i}, ${key}`).toEqual(expected[i]![key]);
    }
  });
}

function readAll(path: string): Row[] {
  const store = openTrajStore(path);
  const rows = store.getMany(everyIndex(store.count()));
  store.close();
  return rows;
}

describe("rows", () => {
  it("come back as they were, in every way of reading", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "rows.traj");
    await fc.assert(
      fc.asyncProperty(fc.array(trajRow, { maxLength: 4 }), fc.nat(4), async (rows, cut) => {
        const writer = openTrajStore(path, { mode: "w", overwrite: true });
        writer.append!(rows.slice(0, cut));
        writer.append!(rows.slice(cut));
        expectRows(writer.getMany(everyIndex(rows.length)), rows);
        expect(writer.losses!()).toEqual([]);
        writer.close();
        expectRows(readAll(path), rows);
        const remote = await openTraj(new Blob([readFileSync(path)]));
        expectRows(await remote.getMany(everyIndex(rows.length)), rows);
        expect(await remote.schema()).toEqual(schemaOfRows(rows));
        await remote.close();
      }),
      { seed: freshSeed("traj rows"), numRuns: 200 },
    );
  });

  it("are found by column, and by key", () => {
    const path = join(temporaryFolder(), "rows.traj");
    const rows = everyIndex(50).map((i) => plainRow(i));
    writeTraj(path, rows);
    const store = openTrajStore(path);
    expect(store.column!("calc.energy", [3, 1]).values).toEqual(ndarray(Float64Array.of(3.5, 1.5)));
    expect(store.column!("arrays.positions", [3]).values).toMatchObject({ shape: [1, 2, 3] });
    expect(columnOfSync(store, "info.absent", [0, 1])).toMatchObject({ missing: Uint8Array.of(1, 1) });
    expect(Object.keys(store.getMany([7], ["info.i", "cell", "nothing"])[0]!)).toEqual(["cell", "info.i"]);
    expect(() => store.getMany([50])).toThrow(expect.objectContaining({ code: "ERR_INDEX_RANGE" }));
    expect(store.schema()).toEqual(schemaOfRows(rows));
    store.close();
    expect(() => store.count()).toThrow(expect.objectContaining({ code: "ERR_CLOSED" }));
  });

  it("share numbers, pbc, masses and constraints only while they are equal", () => {
    const path = join(temporaryFolder(), "rows.traj");
    const store = openTrajStore(path, { mode: "w" });
    const constraints = [{ name: "FixAtoms", kwargs: { indices: [0] } }];
    const row = { ...plainRow(0), constraints };
    store.append!([row]);
    constraints[0]!.kwargs.indices.push(1); // in place, after it was written
    store.append!([
      row,
      plainRow(1),
      plainRow(2, 3),
      { ...plainRow(3), constraints: [{ name: "FixAtoms", kwargs: { indices: [0] } }] },
    ]);
    store.close();
    expect(readAll(path).map((one) => one.constraints)).toEqual([
      [{ name: "FixAtoms", kwargs: { indices: [0] } }],
      [{ name: "FixAtoms", kwargs: { indices: [0, 1] } }],
      undefined,
      undefined,
      [{ name: "FixAtoms", kwargs: { indices: [0] } }],
    ]);
  });
});

describe("what a trajectory cannot hold", () => {
  it.each<[string, Row]>([
    ["arrays.velocities", { "arrays.velocities": ndarray(new Float64Array(6), [2, 3]) }],
    ["arrays.tags", { "arrays.tags": ndarray(Float64Array.of(0.5, 1)) }],
    ["arrays.momenta", { "arrays.momenta": ndarray(new Float64Array(2)) }],
    ["calc.hessian", { "calc.hessian": 1 }],
    ["calc.energy", { "calc.energy": null }],
    ["calc.forces", { "calc.forces": ndarray(new Float64Array(4), [2], "complex128") }],
    ["calc.charges", { "calc.charges": ndarray(BigInt64Array.of(2n ** 53n + 1n, 0n)) }],
    ["info.007", { "info.007": 1 }],
    ["info.__datetime__", { "info.__datetime__": "x" }],
    ["info.a", { "info.a": { __ndarray__: 1 } }],
    ["info.a", { "info.a": { __datetime__: "yesterday" } }],
    ["constraints", { constraints: [{ name: "FixNothing", kwargs: {} }] }],
    ["constraints", { constraints: [5] }],
  ])("%s is refused, or left out and noted", (key, extra) => {
    const path = join(temporaryFolder(), "rows.traj");
    const row = { ...plainRow(1), ...extra };
    expect(() => writeTraj(path, row)).toThrow(expect.objectContaining({ code: "ERR_LOSS" }));
    const { losses } = writeTraj(path, row, { unsupported: "drop" });
    expect(losses).toMatchObject([{ key, kind: "dropped" }]);
    const { [key]: _, ...rest } = row;
    expectRows(readAll(path), [rest]);
  });

  it("is noted where only the type changes", () => {
    const path = join(temporaryFolder(), "rows.traj");
    const { losses } = writeTraj(path, {
      ...plainRow(1),
      "arrays.positions": ndarray(new Float32Array(6), [2, 3]),
      "arrays.tags": ndarray(Int32Array.of(1, 2)),
      "info.small": ndarray(Int8Array.of(3), []),
    });
    expect(losses.map(({ key, kind, reason }) => `${key} ${kind}: ${reason}`)).toEqual([
      "arrays.tags widened: int32 kept as int64",
      "arrays.positions widened: float32 kept as float64",
      "info.small widened: int8 kept as int64",
    ]);
  });

  it.each<[string, Row]>([
    ["numbers", { ...plainRow(0), "arrays.numbers": ndarray(new Float64Array(2)) }],
    ["positions", { ...plainRow(0), "arrays.positions": ndarray(new Float64Array(3), [1, 3]) }],
    ["keys", { ...plainRow(0), other: 1 }],
    ["pbc", { ...plainRow(0), pbc: true }],
  ])("is no structure: wrong %s", (_, row) => {
    const path = join(temporaryFolder(), "rows.traj");
    expect(() => writeTraj(path, row)).toThrow(expect.objectContaining({ code: "ERR_ROW" }));
  });
});

describe("the backend", () => {
  it("opens .traj, and content of other names", async () => {
    const folder = temporaryFolder();
    for (const name of ["a.traj", "b.TRAJ", "c.data", "d"]) {
      writeTraj(join(folder, name), [plainRow(0), plainRow(1)]);
      const store = await openStore(join(folder, name));
      expect([store.backend, await store.count()]).toEqual(["traj", 2]);
      await store.close();
    }
    expect(traj.sniff!(new TextEncoder().encode("- of UlmGPAW            "))).toBe(false);
  });

  it("answers by promise what it answers at once, and refuses to write what is open for reading", async () => {
    const path = join(temporaryFolder(), "rows.traj");
    writeTraj(path, [plainRow(0), plainRow(1)]);
    const store = await traj.open(path);
    expectRows(await store.getMany([1, 0]), [plainRow(1), plainRow(0)]);
    await expect(store.append!([])).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
    await store.close();
    const remote = await openTraj(new Blob([readFileSync(path)]));
    await expect(remote.append!([])).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
    await remote.close();
    await expect(remote.getMany([0])).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });

  it("gives structures", () => {
    const path = join(temporaryFolder(), "rows.traj");
    writeTraj(path, rowToAtoms(plainRow(3)));
    const [row] = readAll(path);
    expect(rowToAtoms(row!).formula).toBe("O2");
    expect(rowToAtoms(row!).info.i).toBe(3);
  });

  it("reads what is there of a file that was cut, and says so", () => {
    const path = join(temporaryFolder(), "rows.traj");
    const store = openTrajStore(path, { mode: "r+" });
    for (let i = 0; i < 3; i++) {
      store.append!([plainRow(i)]);
      store.flush!();
    }
    store.close();
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, -20));
    const cut = openTrajStore(path);
    expect(cut.getMany([0, 1])).toHaveLength(2);
    let error: unknown;
    try {
      cut.getMany([2]);
    } catch (caught) {
      error = caught;
    }
    if (!isStowageError(error, "ERR_TRAJ_FRAME")) throw new Error("no such error", { cause: error });
    expect(error.message).toContain(`Cannot read frame 2 of ${path}: at byte`);
    expect(() => openTrajStore(path, { mode: "r+" })).toThrow(
      expect.objectContaining({ code: "ERR_TRAJ_FRAME" }),
    );
    expect(readFileSync(path).length).toBe(bytes.length - 20);
  });
});

it("refuses a reserved place, which would come back as a structure without atoms", () => {
  const store = openTrajStore(join(temporaryFolder(), "places.traj"), { mode: "w", unsupported: "drop" });
  expect(() => store.append!([plainRow(0), {}])).toThrow(expect.objectContaining({ code: "ERR_ROW" }));
  expect(store.count()).toBe(0);
  store.close();
});

it("keeps unsigned integers that int64 does not hold, and notes the others", () => {
  const path = join(temporaryFolder(), "unsigned.traj");
  const large = scalar(2n ** 64n - 1n, "uint64");
  const store = openTrajStore(path, { mode: "w" });
  store.append!([{ ...plainRow(0), "info.n": large }]);
  expect(store.losses!()).toEqual([]);
  store.append!([{ ...plainRow(1), "info.n": scalar(1, "uint64") }]);
  expect(store.losses!()).toEqual([{ key: "info.n", kind: "widened", reason: "uint64 kept as int64" }]);
  store.close();
  expect(readAll(path).map((row) => row["info.n"])).toEqual([large, int64(1)]);
});
