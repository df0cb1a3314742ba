import {
  Atoms,
  describeValue,
  equalValues,
  float64,
  int64,
  MemorySource,
  type NdArray,
  ndarray,
  type Row,
  scalar,
  type Value,
} from "@stowage/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatXyz, openXyzStore, parseXyz, XyzFile } from "../src/index.js";
import { freshSeed } from "./seed.js";
import { temporaryFolder } from "./temporary-folder.js";

const two: Row = {
  cell: ndarray(new Float64Array(9), [3, 3]),
  pbc: ndarray(new Uint8Array(3), [3], "bool"),
  "arrays.numbers": ndarray(Uint8Array.of(1, 8)),
  "arrays.positions": ndarray(Float64Array.of(0, -0, 1, 0.1, 1e-300, -1e22), [2, 3]),
};

function readBack(text: string): Row[] {
  const file = XyzFile.open(new MemorySource(new TextEncoder().encode(text)));
  return file.getMany(Array.from({ length: file.length }, (_, i) => i));
}

/** Writes rows through a store, which tells what it lost. */
function write(rows: Row[], options: { unsupported?: "drop"; plain?: boolean } = {}) {
  const store = openXyzStore(`${temporaryFolder()}/out.xyz`, { mode: "w", ...options });
  store.append!(rows);
  const back = store.getMany(rows.map((_, i) => i));
  const losses = store.losses!();
  store.discard!();
  return { back, losses };
}

function expectEqual(found: Row, expected: Row): void {
  expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
  for (const [key, value] of Object.entries(expected)) {
    expect(equalValues(found[key]!, value), `${key} is ${describeValue(found[key]!)}`).toBe(true);
  }
}

describe("what XYZ keeps exactly", () => {
  const values: Record<string, Value> = {
    float: 0.1,
    whole: 5,
    minusZero: -0,
    huge: 1e22,
    nan: Number.NaN,
    minusInfinity: Number.NEGATIVE_INFINITY,
    int: int64(-5),
    long: int64(2n ** 63n - 1n),
    flag: true,
    null: null,
    text: "bulk",
    "text like an integer": "5",
    "text like a logical": "T",
    "no text": "",
    "text with an =": "a=b",
    "text with quotes": "say \"hi\" 'there'",
    "text with backslashes": "C:\\data\\",
    "text with brackets": "{a} [b",
    "text with line ends": "a\nb\rc",
    "text that looks like JSON": "_JSON 5",
    "a lone surrogate": "\ud800",
    emoji: "é 🙂",
    floats: ndarray(Float64Array.of(1, -0, 2.5)),
    ints: ndarray(BigInt64Array.of(1n, -2n)),
    "one float": ndarray(Float64Array.of(2)),
    "one int": ndarray(BigInt64Array.of(2n)),
    "no floats": ndarray(new Float64Array(0)),
    "no ints": ndarray(new BigInt64Array(0)),
    matrix: ndarray(Float64Array.of(1, 2, 3, Number.NaN), [2, 2]),
    "integer matrix": ndarray(BigInt64Array.of(1n, 2n, 3n, 4n), [4, 1]),
    cube: ndarray(new Float64Array(8), [2, 2, 2]),
    flags: ndarray(Uint8Array.of(1, 0), [2], "bool"),
    "list of logicals": [true, false],
    "list of text": ["a", "5"],
    "mixed list": [1, 2.5, null, "x", float64(3), { a: [] }],
    object: { n: 5, x: float64(1), list: [1, 2], inner: { t: true } },
    "no object": {},
  };

  it.each(Object.entries(values))("info: %s", (key, value) => {
    const row = { ...two, [`info.${key}`]: value };
    const { back, losses } = write([row]);
    expect(losses).toEqual([]);
    expectEqual(back[0]!, row);
    expectEqual(readBack(formatXyz(row))[0]!, row);
  });

  it.each(["a b", 'q"', "e=f", "back\\slash", "{", "é", "__proto__", "T", ",", "Time", "pbc2"])(
    "the key %j",
    (key) => {
      const row: Row = { ...two };
      row[`info.${key}`] = 1.5;
      expectEqual(readBack(formatXyz(row))[0]!, row);
    },
  );

  it("columns, results, cell and constraints", () => {
    const row: Row = {
      ...two,
      cell: ndarray(
        Float64Array.from({ length: 9 }, (_, i) => i / 3),
        [3, 3],
      ),
      pbc: ndarray(Uint8Array.of(1, 0, 1), [3], "bool"),
      "arrays.tags": ndarray(Int32Array.of(-(2 ** 31), 2 ** 31 - 1)),
      "arrays.flags": ndarray(Uint8Array.of(1, 0, 1, 1), [2, 2], "bool"),
      "arrays.labels": ["a", '"T"'],
      "arrays.pairs": [
        ["a", "b"],
        ["c", "d"],
      ],
      "arrays.initial_charges": ndarray(Float64Array.of(0.5, -0.5)),
      "arrays.my array": ndarray(Float64Array.of(1, 2)),
      "info.virial": ndarray(
        Float64Array.from({ length: 9 }, (_, i) => i),
        [3, 3],
      ),
      "info.uid": "007",
      "calc.energy": -3,
      "calc.forces": ndarray(Float64Array.of(1, 2, 3, 4, 5, Number.NaN), [2, 3]),
      "calc.charges": ndarray(Float64Array.of(1, 2)),
      "calc.stress": ndarray(Float64Array.of(1, 2, 3, 4, 5, 6)),
      "calc.dipole": ndarray(Float64Array.of(0, 0, 1)),
      "calc.dielectric_tensor": ndarray(Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), [3, 3]),
      "calc.magmom": int64(2),
      constraints: [{ name: "FixAtoms", kwargs: { indices: [1] } }],
    };
    const { back, losses } = write([row]);
    expect(losses).toEqual([]);
    expectEqual(back[0]!, row);
  });

  it("frames without atoms", () => {
    const [atoms] = parseXyz(
      formatXyz(new Atoms({ atomicNumbers: [], positions: new Float64Array(0), info: { a: 1 } })),
    );
    expect([atoms!.nAtoms, atoms!.info]).toEqual([0, { a: 1 }]);
  });

  it("any float64, any int64, any text", () => {
    fc.assert(
      fc.property(
        fc.double(),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.string({ unit: "binary" }),
        fc.string({ minLength: 1 }),
        (x, i, text, key) => {
          const row: Row = {
            ...two,
            "arrays.positions": ndarray(Float64Array.of(x, 0, 0, 0, 0, x), [2, 3]),
            "info.x": x,
            "info.i": int64(i),
            "info.text": text,
          };
          if (!/[\n\r]/.test(key) && !["Lattice", "uid", "virial"].includes(key)) row[`info.${key}`] = x;
          expectEqual(readBack(formatXyz(row))[0]!, row);
        },
      ),
      { seed: freshSeed("format"), numRuns: 1000 },
    );
  });
});

describe("what XYZ keeps in another form is noted", () => {
  const cases: [string, string, Value, Value, string, string][] = [
    ["int32 in info", "info.a", scalar(5, "int32"), int64(5), "widened", "int32 kept as int64"],
    ["float32 in info", "info.a", scalar(0.5, "float32"), 0.5, "widened", "float32 kept as float64"],
    [
      "uint8 array",
      "info.a",
      ndarray(Uint8Array.of(1, 2)),
      ndarray(BigInt64Array.of(1n, 2n)),
      "widened",
      "uint8 kept as int64",
    ],
    [
      "float32 column",
      "arrays.a",
      ndarray(Float32Array.of(1, 0.5)),
      ndarray(Float64Array.of(1, 0.5)),
      "widened",
      "float32 kept as float64",
    ],
    [
      "int64 column",
      "arrays.a",
      ndarray(BigInt64Array.of(1n, -2n)),
      ndarray(Int32Array.of(1, -2)),
      "changed",
      "int64 kept as int32",
    ],
    [
      "uint8 column",
      "arrays.a",
      ndarray(Uint8Array.of(1, 2)),
      ndarray(Int32Array.of(1, 2)),
      "widened",
      "uint8 kept as int32",
    ],
    [
      "integer forces",
      "calc.forces",
      ndarray(Int32Array.of(1, 2, 3, 4, 5, 6), [2, 3]),
      ndarray(Float64Array.of(1, 2, 3, 4, 5, 6), [2, 3]),
      "widened",
      "int32 kept as float64",
    ],
    [
      "integer dipole",
      "calc.dipole",
      ndarray(BigInt64Array.of(1n, 2n, 3n)),
      ndarray(Float64Array.of(1, 2, 3)),
      "widened",
      "int64 kept as float64",
    ],
    [
      "symmetric stress",
      "calc.stress",
      ndarray(Float64Array.of(1, 6, 5, 6, 2, 4, 5, 4, 3), [3, 3]),
      ndarray(Float64Array.of(1, 2, 3, 4, 5, 6)),
      "changed",
      "a 3×3 matrix kept as Voigt vector",
    ],
    [
      "list of numbers",
      "info.a",
      [1, 2],
      ndarray(BigInt64Array.of(1n, 2n)),
      "changed",
      "a list kept as int64 array",
    ],
    [
      "float32 positions",
      "arrays.positions",
      ndarray(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]),
      ndarray(Float64Array.of(1, 2, 3, 4, 5, 6), [2, 3]),
      "widened",
      "float32 kept as float64",
    ],
  ];

  it.each(cases)("%s", (_, key, value, expected, kind, reason) => {
    const { back, losses } = write([{ ...two, [key]: value }]);
    expect(losses).toEqual([{ key, kind, reason }]);
    expectEqual(back[0]!, { ...two, [key]: expected });
  });

  it("an integer under a key that is fractional elsewhere", () => {
    const { back, losses } = write([
      { ...two, "info.a": int64(1) },
      { ...two, "info.a": 1.5 },
    ]);
    expect(back.map((row) => row["info.a"])).toEqual([1, 1.5]);
    expect(losses).toEqual([
      { key: "info.a", kind: "widened", reason: "integers and floats under one key are read as float64" },
    ]);
  });

  it("an integer that the schema of all rows says is a float", () => {
    const schema = { "info.a": { dtype: "float64", shape: [], perAtom: false } } as const;
    expect(formatXyz({ ...two, "info.a": int64(1) }, { schema })).toContain("a=1.0");
  });

  it("the order of indices in FixAtoms", () => {
    const row = { ...two, constraints: [{ name: "FixAtoms", kwargs: { indices: [1, 0] } }] };
    const { back, losses } = write([row]);
    expect(back[0]!.constraints).toEqual([{ name: "FixAtoms", kwargs: { indices: [0, 1] } }]);
    expect(losses).toMatchObject([{ key: "constraints", kind: "changed" }]);
  });
});

describe("what XYZ cannot keep is refused, or left out and noted", () => {
  const cases: [string, string, Value][] = [
    ["complex numbers", "info.a", ndarray(new Float64Array(2), [1], "complex128")],
    ["integers beyond int64", "info.a", ndarray(BigUint64Array.of(2n ** 63n))],
    ["a bigint beyond int64", "info.a", 2n ** 64n],
    ["lists of unequal lists", "info.a", [[1], [2, 3]]],
    ["arrays in lists", "info.a", [ndarray(Float64Array.of(1, 2))]],
    ["empty arrays of two dimensions", "info.a", ndarray(new Float64Array(0), [0, 3])],
    ["empty logical arrays", "info.a", ndarray(new Uint8Array(0), [0], "bool")],
    ["info named as a result", "info.energy", 1],
    ["stress in info", "info.stress", ndarray(new Float64Array(9), [3, 3])],
    ["keys of the frame itself", "info.Lattice", "x"],
    ["pbc as info", "info.pbc", true],
    ["virial of another shape", "info.virial", 5],
    ["numbers under uid", "info.uid", int64(5)],
    ["an empty uid", "info.uid", ""],
    ["keys with line ends", "info.a\nb", 1],
    ["the empty key", "info.", 1],
    ["results that ASE does not know", "calc.hardness", 1],
    ["a result that is null", "calc.energy", null],
    ["text as dipole", "calc.dipole", "x"],
    ["stress of another shape", "calc.stress", ndarray(new Float64Array(3))],
    [
      "stress that is not symmetric",
      "calc.stress",
      ndarray(Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), [3, 3]),
    ],
    ["columns named as a result", "arrays.forces", ndarray(new Float64Array(6), [2, 3])],
    ["columns with a name of another meaning", "arrays.move_mask", ndarray(new Uint8Array(2), [2], "bool")],
    ["columns with a colon", "arrays.a:b", ndarray(new Float64Array(2))],
    ["columns that ASE confuses", "arrays.pos1", ndarray(new Float64Array(2))],
    ["columns of rank 3", "arrays.a", ndarray(new Float64Array(18), [2, 3, 3])],
    ["columns of shape (n, 1)", "arrays.a", ndarray(new Float64Array(2), [2, 1])],
    ["columns of another length", "arrays.a", ndarray(new Float64Array(3))],
    ["complex columns", "arrays.a", ndarray(new Float32Array(4), [2], "complex64")],
    ["integers beyond int32", "arrays.a", ndarray(BigInt64Array.of(2n ** 31n, 0n))],
    ["words with spaces", "arrays.a", ["a b", "c"]],
    ["empty words", "arrays.a", ["", "c"]],
    ["lists of numbers for each atom", "arrays.a", [1, 2]],
    ["forces of another length", "calc.forces", ndarray(new Float64Array(3), [1, 3])],
    ["other constraints", "constraints", [{ name: "FixBondLengths", kwargs: { pairs: [[0, 1]] } }]],
    [
      "several constraints",
      "constraints",
      [0, 1, 0].map((i) => ({ name: "FixAtoms", kwargs: { indices: [i] } })),
    ],
    ["indices outside", "constraints", [{ name: "FixAtoms", kwargs: { indices: [2] } }]],
  ];

  it.each(cases)("%s", (_, key, value) => {
    const row = { ...two, [key]: value };
    expect(() => formatXyz(row)).toThrow(
      expect.objectContaining({ code: "ERR_LOSS", details: expect.objectContaining({ key }) }),
    );
    const { back, losses } = write([row], { unsupported: "drop" });
    expect(losses).toMatchObject([{ key, kind: "dropped" }]);
    expectEqual(back[0]!, two);
  });

  it("elements past 118 are refused in any case", () => {
    const row = { ...two, "arrays.numbers": ndarray(Uint8Array.of(1, 119)) };
    expect(() => formatXyz(row, { unsupported: "drop" })).toThrow(
      expect.objectContaining({ code: "ERR_LOSS" }),
    );
  });

  it.each<[string, Value]>([
    ["other", 1],
    ["arrays.positions", ndarray(new Float64Array(3), [1, 3])],
    ["cell", ndarray(new Float64Array(3))],
    ["pbc", true],
    ["arrays.numbers", "H"],
  ])("%s that describes no structure is another error", (key, value) => {
    expect(() => formatXyz({ ...two, [key]: value })).toThrow(expect.objectContaining({ code: "ERR_ROW" }));
  });
});

describe("plain XYZ", () => {
  it("has symbols, positions and a comment, and notes the rest", () => {
    const row: Row = {
      ...two,
      "info.comment": "water, relaxed",
      "calc.energy": 1,
      pbc: ndarray(Uint8Array.of(1, 1, 1), [3], "bool"),
    };
    const { back, losses } = write([row, { ...two }], { plain: true });
    expectEqual(back[0]!, { ...two, "info.comment": "water, relaxed" });
    expectEqual(back[1]!, two);
    expect(losses.map(({ key, kind }) => [key, kind])).toEqual([
      ["pbc", "dropped"],
      ["calc.energy", "dropped"],
    ]);
    expect(formatXyz(row, { plain: true })).toBe("2\nwater, relaxed\nH 0.0 -0.0 1.0\nO 0.1 1e-300 -1e+22\n");
  });

  it.each(["a=b", "two\nlines", " spaces "])("refuses the comment %j", (comment) => {
    expect(() => formatXyz({ ...two, "info.comment": comment }, { plain: true })).toThrow(
      expect.objectContaining({ code: "ERR_LOSS" }),
    );
  });
});

it("writes what Atoms hold, with the dtypes that were read", () => {
  const text = '1\nProperties=species:S:1:pos:R:3 a=1 b=1.0 energy=5 pbc="F F F"\nH 0.0 0.0 0.0\n';
  const [atoms] = parseXyz(text);
  expect(formatXyz(atoms!)).toBe(text);
  expect((atoms!.positions as NdArray).dtype).toBe("float64");
});
