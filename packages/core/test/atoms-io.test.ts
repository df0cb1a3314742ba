import { describe, expect, it } from "vitest";
import { Atoms, AtomsIO, AtomsIOSync, concat, float64, int64, ndarray, ObjectIO } from "../src/index.js";

let names = 0;
const freshName = () => `memory://atoms-io-${names++}`;
const stowageError = (code: string) => expect.objectContaining({ code });
const attempt = async (call: () => unknown): Promise<unknown> => call();

const water = (energy: number) =>
  new Atoms({
    atomicNumbers: [8, 1, 1],
    positions: new Float64Array([0, 0, 0, 0.76, 0.59, 0, -0.76, 0.59, 0]),
    pbc: [true, false, true],
    calc: { energy, forces: ndarray(new Float32Array(9).fill(energy), [3, 3]) },
    info: { charge: 0, gap: float64(7), label: "w" },
    arrays: { tags: ndarray(Int32Array.of(1, 2, 3)) },
    constraints: [{ name: "FixAtoms", kwargs: { indices: [0] } }],
  });

describe.each([
  ["AtomsIO", (path: string, options: object = {}) => AtomsIO.open(path, options)],
  ["AtomsIOSync", async (path: string, options: object = {}) => AtomsIOSync.open(path, options)],
] as const)("%s", (_, open) => {
  it("gives the structures that were put in", async () => {
    const path = freshName();
    const db = await open(path, { mode: "r+" });
    expect(await db.extend([water(-1), water(-2)])).toBe(2);
    await db.append(null);
    const last = (await db.at(1))!;
    expect(last).toBeInstanceOf(Atoms);
    expect(last.formula).toBe("H2O");
    expect([last.calc.energy, last.info.gap, last.info.charge, last.pbc]).toEqual([
      -2,
      7,
      0,
      [true, false, true],
    ]);
    expect(last.constraints).toEqual([{ name: "FixAtoms", kwargs: { indices: [0] } }]);
    expect(await db.at(2)).toBeNull();
    expect(await db.column("calc.energy").slice(0, 2).toArray()).toEqual(Float64Array.of(-1, -2));
    expect(await db.get(0, { keys: ["info.charge", "arrays.tags", "none"] })).toEqual({
      "info.charge": 0,
      "arrays.tags": ndarray(Int32Array.of(1, 2, 3)),
    });
    const formulas: (string | undefined)[] = [];
    for await (const atoms of db) formulas.push(atoms?.formula);
    expect(formulas).toEqual(["H2O", "H2O", undefined]);
  });

  it("copies with the dtypes of the source, and gives new numbers those of the store", async () => {
    const source = await open(freshName(), { mode: "r+" });
    await source.append(water(-1));
    const path = freshName();
    const target = await open(path, { mode: "r+" });
    await target.extend(await source.toArray());
    const changed = (await target.at(0))!;
    changed.info.gap = 8;
    await target.append(changed);
    await target.append(new Atoms({ atomicNumbers: [1], positions: new Float64Array(3), info: { gap: 9 } }));
    const rows = await (await ObjectIO.open(path)).store.getMany([0, 1, 2]);
    expect(rows.map((row) => row["info.gap"])).toEqual([7, 8, 9]);
    expect(rows[0]!["info.charge"]).toEqual(int64(0));
  });

  it("updates by flat keys and by parts", async () => {
    const db = await open(freshName(), { mode: "r+" });
    await db.append(water(-1));
    await db.update(0, { calc: { energy: -3 }, info: { label: "x" }, "info.new": true });
    await db.slice().update({ arrays: { tags: ndarray(Int32Array.of(4, 5, 6)) } });
    const atoms = (await db.at(0))!;
    expect([atoms.calc.energy, atoms.info.label, atoms.info.new]).toEqual([-3, "x", true]);
    expect(atoms.arrays.tags).toEqual(ndarray(Int32Array.of(4, 5, 6)));
    await expect(attempt(() => db.update(0, { energy: 1 }))).rejects.toThrow(stowageError("ERR_ROW"));
    await expect(attempt(() => db.append({ a: 1 } as unknown as Atoms))).rejects.toThrow(TypeError);
    expect(await db.count()).toBe(1);
  });

  it("puts datasets one after the other", async () => {
    const a = await open(freshName(), { mode: "r+" });
    const b = await open(freshName(), { mode: "r+" });
    await a.append(water(-1));
    await b.append(water(-2));
    const both = concat<AtomsIO | AtomsIOSync>(b, a);
    expect(await both.column("calc.energy").toArray()).toEqual(Float64Array.of(-2, -1));
    expect((await both.at(-1))!.calc.energy).toBe(-1);
  });
});
