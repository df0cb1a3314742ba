import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Atoms,
  allocate,
  atomsToRow,
  bytesOf,
  DTYPES,
  type DType,
  describeValue,
  elementAt,
  equalValues,
  float64,
  int64,
  type NdArray,
  ndarray,
  type Row,
  rowToAtoms,
  scalar,
  toAtomicNumbers,
  type Value,
} from "../src/index.js";

function water(): Row {
  return {
    cell: ndarray(new Float64Array(9), [3, 3]),
    pbc: ndarray(Uint8Array.of(1, 1, 0), [3], "bool"),
    "arrays.numbers": ndarray(Uint8Array.of(8, 1, 1)),
    "arrays.positions": ndarray(
      Float32Array.from({ length: 9 }, (_, i) => i),
      [3, 3],
    ),
    "arrays.tags": ndarray(Int32Array.of(0, 1, 1)),
    "arrays.labels": ["O1", "H1", "H2"],
    "info.name": "water",
    "calc.energy": -76.4,
    "calc.forces": ndarray(new Float64Array(9), [3, 3]),
    constraints: [{ name: "FixAtoms", kwargs: { indices: [0] } }],
  };
}

function roundTrip(row: Row): Row {
  return atomsToRow(rowToAtoms(row));
}

function stowageError(code: string): unknown {
  return expect.objectContaining({ code });
}

describe("Atoms", () => {
  it("takes bare typed arrays and fills in what is not given", () => {
    const atoms = new Atoms({ atomicNumbers: [6, 1], positions: new Float32Array(6) });
    expect(atoms.positions).toEqual(ndarray(new Float32Array(6), [2, 3]));
    expect(atoms.cell).toEqual(ndarray(new Float64Array(9), [3, 3]));
    expect(atoms.pbc).toEqual([false, false, false]);
    expect(atoms).toMatchObject({
      nAtoms: 2,
      formula: "CH",
      arrays: {},
      calc: {},
      info: {},
      constraints: [],
    });
    expect(atoms.dtypes).toBeUndefined();
  });

  it("holds no atoms as well", () => {
    expect(new Atoms({ atomicNumbers: [], positions: new Float64Array(0) }).nAtoms).toBe(0);
  });

  it.each([
    ["positions of another length", { positions: new Float64Array(5) }],
    ["positions of another shape", { positions: ndarray(new Float64Array(6), [3, 2]) }],
    ["a cell of another length", { cell: new Float64Array(3) }],
    ["a cell of another shape", { cell: ndarray(new Float64Array(9)) }],
    ["an array for other atoms", { arrays: { tags: ndarray(new Int32Array(3)) } }],
    ["a list for other atoms", { arrays: { labels: ["a"] } }],
    ["a scalar for all atoms", { arrays: { tags: int64(1) } }],
  ])("refuses %s", (_, wrong) => {
    const init = { atomicNumbers: [1, 1], positions: new Float64Array(6), ...wrong };
    expect(() => new Atoms(init)).toThrow(stowageError("ERR_SHAPE"));
  });

  it("refuses positions that are no array", () => {
    expect(() => new Atoms({ atomicNumbers: [1], positions: [0, 0, 0] as never })).toThrow(TypeError);
  });
});

describe("toAtomicNumbers", () => {
  it("keeps bytes as they are and checks everything else", () => {
    const bytes = Uint8Array.of(1, 255);
    expect(toAtomicNumbers(bytes)).toBe(bytes);
    expect(toAtomicNumbers([0, 8, 255])).toEqual(Uint8Array.of(0, 8, 255));
    expect(toAtomicNumbers(BigInt64Array.of(92n))).toEqual(Uint8Array.of(92));
  });

  it.each([[[1, 256]], [[-1]], [[1.5]], [[Number.NaN]]])("refuses %j", (numbers) => {
    expect(() => toAtomicNumbers(numbers)).toThrow(stowageError("ERR_DTYPE"));
  });

  it("names the atom", () => {
    expect(() => toAtomicNumbers(BigInt64Array.of(1n, 300n))).toThrow(
      "Cannot use atomic number 300 of atom 1: it must be 0 to 255",
    );
  });
});

describe("rows and atoms", () => {
  it("map every key of a row to its member", () => {
    const atoms = rowToAtoms(water());
    expect(atoms.formula).toBe("H2O");
    expect(atoms.pbc).toEqual([true, true, false]);
    expect(Object.keys(atoms.arrays)).toEqual(["tags", "labels"]);
    expect(atoms.info).toEqual({ name: "water" });
    expect(Object.keys(atoms.calc)).toEqual(["energy", "forces"]);
    expect(atoms.constraints).toHaveLength(1);
    expect(atoms.dtypes).toBeUndefined();
  });

  it("come back with the same keys in the same order, sharing their arrays", () => {
    const row = water();
    const back = roundTrip(row);
    expect(Object.keys(back)).toEqual(Object.keys(row));
    expect(equalValues(back, row)).toBe(true);
    expect(back["arrays.positions"]).toBe(row["arrays.positions"]);
    expect(back["calc.forces"]).toBe(row["calc.forces"]);
  });

  it("write keys in the order cell, pbc, arrays, info, calc, constraints", () => {
    const { "calc.energy": energy, constraints, ...rest } = water();
    const shuffled = { constraints: constraints!, "calc.energy": energy!, ...rest };
    expect(Object.keys(roundTrip(shuffled))).toEqual([
      "cell",
      "pbc",
      "arrays.numbers",
      "arrays.positions",
      "arrays.tags",
      "arrays.labels",
      "info.name",
      "calc.energy",
      "calc.forces",
      "constraints",
    ]);
  });

  it("stand for no atoms where a row has none", () => {
    const atoms = rowToAtoms({});
    expect(atoms.nAtoms).toBe(0);
    expect(Object.keys(atomsToRow(atoms))).toEqual(["cell", "pbc", "arrays.numbers", "arrays.positions"]);
  });

  it("take zeros for positions that a row does not have", () => {
    const atoms = rowToAtoms({ "arrays.numbers": ndarray(Uint8Array.of(1, 1)) });
    expect(atoms.positions).toEqual(ndarray(new Float64Array(6), [2, 3]));
  });

  it("keep names with dots and empty names", () => {
    const row = { ...water(), "info.a.b": 1.5, "info.": "empty", "calc.x.y": 2.5 };
    expect(rowToAtoms(row).info["a.b"]).toBe(1.5);
    expect(equalValues(roundTrip(row), row)).toBe(true);
  });

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty"])(
    "keep %s as a name everywhere",
    (name) => {
      const row = {
        ...water(),
        [`arrays.${name}`]: ["a", "b", "c"],
        [`info.${name}`]: { x: 1 },
        [`calc.${name}`]: int64(3),
      };
      const atoms = rowToAtoms(row);
      for (const record of [atoms.arrays, atoms.info, atoms.calc]) {
        expect(Object.hasOwn(record, name)).toBe(true);
        expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
      }
      expect(equalValues(atomsToRow(atoms), row)).toBe(true);
      expect(({} as { x?: unknown }).x).toBeUndefined();
    },
  );
});

describe("scalars through atoms", () => {
  const kinds = (Object.keys(DTYPES) as DType[]).filter((dtype) => DTYPES[dtype].kind !== "c");

  it.each(kinds)("stay %s, as info and as result, whatever their value", (dtype) => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 8, maxLength: 8 }),
        fc.constantFrom("info.x", "calc.x"),
        (bytes, key) => {
          const data = allocate(dtype, 1);
          bytesOf(data).set(bytes.subarray(0, data.byteLength));
          if (dtype === "bool") data[0] = bytes[0]! & 1;
          fc.pre(!Number.isNaN(elementAt({ dtype, shape: [], data } as NdArray))); // as a number, NaN has one pattern
          const row: Row = { [key]: { dtype, shape: [], data } as NdArray };
          // Rows mean float64 and bool by plain numbers and booleans.
          const expected =
            dtype === "float64"
              ? (data[0] as number)
              : dtype === "bool"
                ? data[0] === 1
                : (row[key] as Value);
          expect(equalValues(roundTrip(row)[key]!, expected)).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("are plain for people", () => {
    const atoms = rowToAtoms({
      "info.charge": int64(-1),
      "info.big": int64(2n ** 60n),
      "info.flag": scalar(true, "bool"),
      "info.small": scalar(0.5, "float16"),
      "calc.energy": scalar(-1.5, "float32"),
    });
    expect(atoms.info).toEqual({ charge: -1, big: 2n ** 60n, flag: true, small: 0.5 });
    expect(atoms.calc).toEqual({ energy: -1.5 });
  });

  it("are noted only where the plain value does not tell the dtype", () => {
    const row: Row = {
      "info.charge": int64(1),
      "info.whole": 5,
      "info.half": 0.5,
      "info.text": "x",
      "calc.energy": -5,
      "calc.steps": int64(3),
      "calc.small": scalar(1, "float32"),
    };
    expect(rowToAtoms(row).dtypes).toEqual({
      "info.whole": "float64",
      "calc.steps": "int64",
      "calc.small": "float32",
    });
  });

  it("keep an integral float64 under info apart from an int64", () => {
    const back = roundTrip({
      "info.float": 5,
      "info.array": float64(5),
      "info.int": int64(5),
      "calc.energy": 5,
    });
    expect(back["info.float"]).toBe(5);
    expect(back["info.array"]).toBe(5);
    expect(equalValues(back["info.int"]!, int64(5))).toBe(true);
    expect(back["calc.energy"]).toBe(5);
  });

  it("take int64 for new whole numbers under info, float64 elsewhere", () => {
    const atoms = new Atoms({ atomicNumbers: [], positions: new Float64Array(0) });
    atoms.info = {
      whole: 5,
      minusZero: -0,
      half: 0.5,
      huge: 2 ** 63,
      edge: -(2 ** 63),
      not: Number.NaN,
      wide: 7n,
    };
    atoms.calc = { energy: 5, count: 7n, said: float64(7), flag: scalar(true, "bool") };
    const row = atomsToRow(atoms);
    expect([row["calc.said"], row["calc.flag"]]).toEqual([7, true]);
    expect(equalValues(row["info.whole"]!, int64(5))).toBe(true);
    expect(row["info.minusZero"]).toBe(-0);
    expect(row["info.half"]).toBe(0.5);
    expect(row["info.huge"]).toBe(2 ** 63);
    expect(equalValues(row["info.edge"]!, int64(-(2 ** 63)))).toBe(true);
    expect(row["info.not"]).toBeNaN();
    expect(equalValues(row["info.wide"]!, int64(7))).toBe(true);
    expect(row["calc.energy"]).toBe(5);
    expect(equalValues(row["calc.count"]!, int64(7))).toBe(true);
  });

  const edits: [stored: Value, edited: Value, written: Value][] = [
    [float64(5), 6, 6],
    [float64(5), 6.5, 6.5],
    [float64(5), 6n, int64(6)],
    [int64(5), 6, int64(6)],
    [int64(5), 6.5, 6.5],
    [int64(5), -0, -0],
    [scalar(5, "int32"), 6, scalar(6, "int32")],
    [scalar(5, "int32"), 6n, scalar(6, "int32")],
    [scalar(5, "int32"), 6.5, 6.5],
    [scalar(5, "int32"), 5e9, int64(5e9)],
    [scalar(5, "int32"), -0, -0],
    [scalar(5, "uint8"), -1, int64(-1)],
    [scalar(5, "uint8"), 256, int64(256)],
    [scalar(5, "uint64"), 2n ** 63n, scalar(2n ** 63n, "uint64")],
    [scalar(0.5, "float32"), 7, scalar(7, "float32")],
    [scalar(0.5, "float32"), 0.1, scalar(0.1, "float32")],
    [scalar(0.5, "float32"), 1e300, 1e300],
    [scalar(0.5, "float32"), Number.POSITIVE_INFINITY, scalar(Number.POSITIVE_INFINITY, "float32")],
    [scalar(0.5, "float16"), 65519, scalar(65519, "float16")],
    [scalar(0.5, "float16"), 65520, 65520],
    [scalar(true, "bool"), 2, int64(2)],
    [int64(5), "text", "text"],
    [int64(5), null, null],
  ];

  const cases = edits.map(([stored, edited, written]) => ({
    stored,
    edited,
    written,
    from: describeValue(stored),
    to: describeValue(edited),
    as: describeValue(written),
  }));

  it.each(cases)(
    "that were $from and are edited to $to are written as $as",
    ({ stored, edited, written }) => {
      const atoms = rowToAtoms({ "info.x": stored });
      atoms.info.x = edited;
      const found = atomsToRow(atoms)["info.x"]!;
      expect(describeValue(found)).toBe(describeValue(written));
      expect(equalValues(found, written)).toBe(true);
    },
  );

  it("refuse a bigint of more than 64 bits", () => {
    const atoms = rowToAtoms({ "info.x": int64(1) });
    atoms.info.x = 2n ** 64n;
    expect(() => atomsToRow(atoms)).toThrow(stowageError("ERR_DTYPE"));
  });

  it("stay as they are where they are complex or nested", () => {
    const complex = ndarray(Float64Array.of(1, 2), [], "complex128");
    const row: Row = { "info.c": complex, "info.list": [int64(1), 5], "info.object": { n: int64(1) } };
    const atoms = rowToAtoms(row);
    expect(atoms.info.c).toBe(complex);
    const { "info.c": c, "info.list": list, "info.object": object } = atomsToRow(atoms);
    expect(equalValues([c!, list!, object!], [complex, [int64(1), 5], { n: int64(1) }])).toBe(true);
  });
});

describe("rows that are no atoms", () => {
  it.each([
    ["a key outside of ASE's namespaces", { energy: 1 }],
    ["another namespace", { "data.energy": 1 }],
    ["a namespace without a name", { info: 1 }],
    ["arrays without a name", { arrays: ["a", "b", "c"] }],
    ["a name under cell", { "cell.a": 1 }],
    ["a name under constraints", { "constraints.a": [] }],
    ["the empty key", { "": 1 }],
    ["__proto__ as a key", JSON.parse('{"__proto__": 1}') as Row],
    ["numbers of two dimensions", { "arrays.numbers": ndarray(Uint8Array.of(1), [1, 1]) }],
    ["numbers in a list", { "arrays.numbers": [1, 1] }],
    ["numbers that are floats", { "arrays.numbers": ndarray(Float64Array.of(1, 1, 1)) }],
    [
      "numbers whose bits would pass for integers",
      { "arrays.numbers": ndarray(Uint16Array.of(1, 1, 1), [3], "float16") },
    ],
    ["positions for other atoms", { "arrays.positions": ndarray(new Float64Array(6), [2, 3]) }],
    ["flat positions", { "arrays.positions": ndarray(new Float64Array(9)) }],
    ["positions in a list", { "arrays.positions": [0, 0, 0] }],
    ["a flat cell", { cell: ndarray(new Float64Array(9)) }],
    ["a cell that is text", { cell: "cubic" }],
    ["arrays for other atoms", { "arrays.tags": ndarray(new Int32Array(2)) }],
    ["a list for other atoms", { "arrays.labels": ["a"] }],
    ["text per atom", { "arrays.labels": "OHH" }],
    ["pbc of two", { pbc: [true, true] }],
    ["pbc as text", { pbc: ["F", "F", "F"] }],
    ["pbc as one boolean", { pbc: true }],
    ["constraints that are no list", { constraints: { name: "FixAtoms" } }],
  ] as [string, Row][])("are refused: %s", (_, wrong) => {
    expect(() => rowToAtoms({ ...water(), ...wrong })).toThrow(stowageError("ERR_ROW"));
  });

  it("are named by key, with what was found and expected", () => {
    expect(() => rowToAtoms({ ...water(), cell: ndarray(new Float64Array(9)) })).toThrow(
      'Cannot make atoms of this row: "cell" is float64 (9), expected an array of shape (3, 3)',
    );
  });

  it("are refused for atomic numbers out of range", () => {
    expect(() => rowToAtoms({ "arrays.numbers": ndarray(BigInt64Array.of(300n)) })).toThrow(
      stowageError("ERR_DTYPE"),
    );
  });

  it("are not made of atoms that hold their positions twice", () => {
    const atoms = rowToAtoms(water());
    atoms.arrays.positions = ndarray(new Float64Array(9), [3, 3]);
    expect(() => atomsToRow(atoms)).toThrow(stowageError("ERR_ROW"));
  });

  it("may give pbc and numbers in the types of the peers", () => {
    const atoms = rowToAtoms({
      ...water(),
      pbc: [true, false, true],
      "arrays.numbers": ndarray(BigInt64Array.of(8n, 1n, 1n)),
    });
    expect(atoms.pbc).toEqual([true, false, true]);
    expect(atoms.atomicNumbers).toEqual(Uint8Array.of(8, 1, 1));
  });
});
