import { type NdArray, ndarray } from "@stowage/core";
import { describe, expect, test } from "vitest";
import { AtpFile, type StackedMolecules } from "../src/index.js";
import { codeOf } from "./outcome.js";
import { atom } from "./small-file.js";
import { temporaryFile } from "./temporary-folder.js";

const positions = (count: number, nAtoms: number) =>
  ndarray(
    Float32Array.from({ length: 3 * count * nAtoms }, (_, i) => i),
    [count, nAtoms, 3],
  );

function stacked(more: Partial<StackedMolecules> = {}, count = 2, nAtoms = 2): StackedMolecules {
  return {
    positions: positions(count, nAtoms),
    atomicNumbers: Uint8Array.from({ length: count * nAtoms }, (_, i) => i),
    ...more,
  };
}

test("stacked arrays become molecules, each with its own part", () => {
  using db = AtpFile.create(temporaryFile());
  db.appendArrays(
    stacked({
      energy: Float64Array.of(-1, -2),
      forces: ndarray(
        new Float32Array(12).map((_, i) => -i),
        [2, 2, 3],
      ),
      charges: Float64Array.of(0, 1, 2, 3),
      cell: new Float64Array(18).map((_, i) => i),
      pbc: Uint8Array.of(1, 0, 1, 0, 0, 0),
      name: ["a", "b"],
      properties: {
        gap: Float32Array.of(0.5, 1.5),
        count: Int32Array.of(7, 8),
        source: ["dft", ""],
        v: ndarray(Int32Array.of(1, 2, 3, 4, 5, 6), [2, 3]),
        t: ndarray(new BigInt64Array(16), [2, 2, 2, 2]),
      },
      atomProperties: { q: Float64Array.of(0, 1, 2, 3), w: positions(2, 2) },
    }),
  );
  const m = db.at(1);
  expect(Array.from(m.positions.data, Number)).toEqual([6, 7, 8, 9, 10, 11]);
  expect([Array.from(m.atomicNumbers), m.energy, m.pbc, m.name]).toEqual([
    [2, 3],
    -2,
    [false, false, false],
    "b",
  ]);
  expect(m.charges).toEqual(ndarray(Float64Array.of(2, 3)));
  expect(m.cell?.data[0]).toBe(9);
  expect(m.storedProperty("gap")).toEqual({ dtype: "float64", shape: [], data: Float64Array.of(1.5) });
  expect(m.storedProperty("count")).toEqual({ dtype: "int64", shape: [], data: BigInt64Array.of(8n) });
  expect([m.getProperty("source"), m.getProperty("v")]).toEqual(["", ndarray(Int32Array.of(4, 5, 6))]);
  expect((m.getProperty("t") as NdArray).shape).toEqual([2, 2, 2]);
  expect(m.getProperty("q", { scope: "atom" })).toEqual(ndarray(Float64Array.of(2, 3)));
  expect((m.getProperty("w") as NdArray).shape).toEqual([2, 3]);
});

test("batches of different sizes and molecules share a file, and none is no molecule", () => {
  using db = AtpFile.create(temporaryFile());
  for (const [count, nAtoms] of [
    [3, 2],
    [0, 5],
    [1, 0],
    [2, 7],
  ] as const) {
    const q = ndarray(new Float64Array(count * nAtoms), [count, nAtoms]);
    db.appendArrays(stacked({ energy: new Float64Array(count), atomProperties: { q } }, count, nAtoms));
  }
  db.append(atom().setProperty("q", new Float64Array(1), { scope: "atom" }));
  expect(Array.from(db, ({ nAtoms }) => nAtoms)).toEqual([2, 2, 2, 0, 7, 7, 1]);
});

describe("what does not fit is refused, and the file goes on", () => {
  const wrong: [string, Partial<StackedMolecules>, string][] = [
    ["positions of another shape", { positions: ndarray(new Float32Array(12), [2, 6]) }, "ERR_SHAPE"],
    ["positions of integers", { positions: ndarray(new Int32Array(12), [2, 2, 3]) }, "ERR_DTYPE"],
    ["numbers of another type", { atomicNumbers: ndarray(new Int32Array(4), [2, 2]) }, "ERR_DTYPE"],
    ["numbers of another count", { atomicNumbers: new Uint8Array(3) }, "ERR_SHAPE"],
    ["an energy too few", { energy: new Float64Array(1) }, "ERR_SHAPE"],
    ["energies that are integers", { energy: ndarray(new Int32Array(2)) }, "ERR_DTYPE"],
    ["forces of another shape", { forces: ndarray(new Float32Array(12), [2, 3, 2]) }, "ERR_SHAPE"],
    ["a Voigt stress", { stress: ndarray(new Float64Array(12), [2, 6]) }, "ERR_SHAPE"],
    ["periodicity of twos", { pbc: new Uint8Array(6).fill(2) }, "ERR_SHAPE"],
    ["a name too few", { name: ["a"] }, "ERR_SHAPE"],
    ["a property named stress", { properties: { stress: new Float64Array(2) } }, "ERR_PROPERTY"],
    [
      "a key in both scopes",
      { properties: { q: new Float64Array(2) }, atomProperties: { q: new Float64Array(4) } },
      "ERR_PROPERTY",
    ],
    ["a key of 256 bytes", { properties: { ["k".repeat(256)]: new Float64Array(2) } }, "ERR_PROPERTY"],
    [
      "a key with half of a surrogate pair",
      { atomProperties: { "\ud800": new Float64Array(4) } },
      "ERR_PROPERTY",
    ],
    ["a property of another count", { properties: { x: new Float64Array(3) } }, "ERR_SHAPE"],
    [
      "an atom property of another count",
      { atomProperties: { x: ndarray(new Float64Array(2), [2, 1]) } },
      "ERR_SHAPE",
    ],
    ["bytes", { properties: { x: ndarray(new Uint8Array(2)) } }, "ERR_DTYPE"],
    ["a text too many", { properties: { x: ["a", "b", "c"] } }, "ERR_SHAPE"],
    ["another type than before", { properties: { gap: ["a", "b"] } }, "ERR_ATP_SCHEMA"],
    [
      "another length than before",
      { properties: { v: ndarray(new Float64Array(6), [2, 3]) } },
      "ERR_ATP_SCHEMA",
    ],
    ["charges that the record format lacks", { charges: new Float32Array(4) }, "ERR_ATP_SCHEMA"],
    ["energies that the record format lacks", { energy: new Float32Array(2) }, "ERR_ATP_SCHEMA"],
    [
      "other positions than before",
      { positions: ndarray(new Float64Array(12), [2, 2, 3]) },
      "ERR_ATP_SCHEMA",
    ],
  ];

  test.each(wrong)("%s", (_, more, code) => {
    using db = AtpFile.create(temporaryFile());
    db.appendArrays(
      stacked({ properties: { gap: new Float64Array(2), v: ndarray(new Float64Array(4), [2, 2]) } }),
    );
    const { schema } = db;
    expect(codeOf(() => db.appendArrays(stacked(more)))).toBe(code);
    expect([db.length, db.schema]).toEqual([2, schema]);
    db.appendArrays(stacked());
    expect(db.length).toBe(4);
  });

  test.each([
    ["positions without a shape", { positions: new Float32Array(12) as unknown as NdArray }],
    ["nested lists", { properties: { x: [[1], [2]] as unknown as string[] } }],
    ["a list of numbers", { properties: { x: [1, 2] as unknown as string[] } }],
    ["a list for the atoms", { atomProperties: { x: [1, 2, 3, 4] as unknown as NdArray } }],
    ["names that are no text", { name: [1, 2] as unknown as string[] }],
    ["text with half of a surrogate pair", { properties: { x: ["\ud800", ""] } }],
  ] as [string, Partial<StackedMolecules>][])("%s, as a wrong argument", (_, more) => {
    using db = AtpFile.create(temporaryFile());
    expect(() => db.appendArrays(stacked(more))).toThrow(TypeError);
    expect([db.length, db.schema.fields]).toEqual([0, []]);
  });
});

test("vectors under a key of the option tensors are tensors from the first on, by either way of writing", () => {
  using db = AtpFile.create(temporaryFile(), { tensors: ["v"] });
  db.appendArrays(stacked({ properties: { v: ndarray(new Float64Array(6), [2, 3]) } }));
  db.append(atom().setProperty("v", new Float64Array(9)));
  db.appendArrays(stacked({ properties: { v: ndarray(new Float64Array(2), [2, 1]) } }));
  expect(Array.from(db, (molecule) => (molecule.getProperty("v") as NdArray).shape)).toEqual([
    [3],
    [3],
    [9],
    [1],
    [1],
  ]);
  expect(db.schema.fields).toMatchObject([{ name: "properties.v", shape: null }]);
});

test("the caller's arrays are read at the call, not later", () => {
  using db = AtpFile.create(temporaryFile());
  const energy = Float64Array.of(1, 2);
  db.appendArrays(stacked({ energy }));
  energy.fill(9);
  expect([db.at(0).energy, db.at(1).energy]).toEqual([1, 2]);
});
