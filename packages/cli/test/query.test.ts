import { int64, memoryStore, ndarray, type Row, toAsync } from "@stowage/core";
import { describe, expect, test } from "vitest";
import { matchingIndices, matchingRows } from "../src/matching-rows.js";
import { countFormula } from "../src/query/formula.js";
import { parseQuery } from "../src/query/parse-query.js";
import { rowFilter } from "../src/query/row-filter.js";

describe("a formula", () => {
  test.each<[string, Record<string, number> | null]>([
    ["Cu2O", { Cu: 2, O: 1 }],
    ["HOH", { H: 2, O: 1 }],
    ["30Cu+2CO", { Cu: 30, C: 2, O: 2 }],
    ["Pt(CO)6", { Pt: 1, C: 6, O: 6 }],
    ["2(H2(OH)3)2", { H: 20, O: 12 }],
    ["", {}],
    ["Qq3", { Qq: 3 }],
    ["water", null],
    ["H2O)", null],
    ["(H2O", null],
    ["H-O", null],
    ["H 2", null],
  ])("%s", (text, expected) => {
    const counts = countFormula(text);
    expect(counts && Object.fromEntries(counts)).toEqual(expected);
  });
});

describe("a query", () => {
  test("is parsed as in ase db", () => {
    expect(parseQuery(" natoms<50 , Cu>=2,name = water")).toEqual([
      { kind: "compare", key: "natoms", operator: "<", value: 50 },
      { kind: "atoms", atomicNumber: 29, operator: ">=", value: 2 },
      { kind: "compare", key: "name", operator: "=", value: "water" },
    ]);
    expect(parseQuery("-1<=energy<2,forces,-gap")).toEqual([
      { kind: "compare", key: "energy", operator: ">=", value: -1 },
      { kind: "compare", key: "energy", operator: "<", value: 2 },
      { kind: "has", key: "forces", negated: false },
      { kind: "has", key: "gap", negated: true },
    ]);
    expect(parseQuery("42")).toEqual([{ kind: "compare", key: "id", operator: "=", value: 42 }]);
    expect(parseQuery(",")).toEqual([]);
  });
  test.each([
    ["energy<low", '"low" is no number'],
    ["Cu>two", '"two" is no number of atoms'],
    ["Cu>1.5", '"1.5" is no number of atoms'],
    ["formula<H2O", "write formula=Cu2O"],
    ["formula=water", '"water" is no chemical formula'],
    ["formula=Qq", '"Qq" is no chemical formula'],
    ["pbc=TT", "pbc=TTF"],
    ["pbc<TTT", "pbc=TTF"],
    ["=5", "it names no key"],
    ["a=b=c", "no comparison of two sides"],
    ["1<2<3<natoms", "no comparison of two sides"],
    ["age<3d", "rows of a file have no age"],
  ])("that makes no sense is refused: %s", (query, reason) => {
    const error = (() => {
      try {
        return parseQuery(query);
      } catch (thrown) {
        return thrown as { code: string; message: string; hint: string };
      }
    })();
    expect(error).toMatchObject({ code: "ERR_OPTION" });
    const { message, hint } = error as { message: string; hint: string };
    expect(`${message} ${hint}`).toContain(reason);
  });
});

describe("rows that are selected", () => {
  const atoms = (...numbers: number[]): Row => ({
    "arrays.numbers": ndarray(Uint8Array.from(numbers)),
    cell: ndarray(Float64Array.of(2, 0, 0, 0, 2, 0, 0, 0, -2), [3, 3]),
    pbc: ndarray(Uint8Array.of(1, 0, 1), [3], "bool"),
  });
  const forces = ndarray(Float64Array.of(3, 0, 4, 0, 1, 0), [2, 3]);
  const rows: Row[] = [
    { ...atoms(8, 1), "calc.energy": -1, "calc.forces": forces, "info.name": "𝄞", "info.flag": true },
    {
      ...atoms(8, 1),
      "calc.forces": forces,
      constraints: [{ name: "FixAtoms", kwargs: { indices: [0] } }],
      "info.name": "～",
      "info.n": int64(2n ** 60n),
    },
    { ...atoms(29), "calc.energy": Number.POSITIVE_INFINITY, "info.charge": 1, "info.n": 2 },
    { "info.name": "no atoms" },
  ];
  const store = toAsync(memoryStore(rows));
  const select = async (query: string, limit?: number): Promise<number[]> => {
    const filter = rowFilter(parseQuery(query), await store.schema(), "rows");
    const indices: number[] = [];
    for await (const found of matchingIndices(store, { filter, limit })) indices.push(...found);
    return indices;
  };
  test.each<[string, number[]]>([
    ["", [0, 1, 2, 3]],
    ["id<3", [0, 1]],
    ["fmax=5", [0]],
    ["fmax=1", [1]],
    ["volume=8", [0, 1, 2]],
    ["mass>60", [2]],
    ["15.9<mass<18", [0, 1]],
    ["pbc=TFT", [0, 1, 2]],
    ["charge=0", [0, 1, 2]],
    ["info.charge=1", [2]],
    ["energy=inf", [2]],
    ["energy!=inf", [0]],
    ["calc.energy<0", [0]],
    ["n>1e18", [1]],
    ["flag=True", [0]],
    // U+1D11E comes after U+FF5E, though its UTF-16 units come before.
    ["name>～", [0]],
    ["-name", [2]],
    ["H=0", [2, 3]],
    ["OH", [0, 1]],
  ])("by %j", async (query, expected) => expect(await select(query)).toEqual(expected));

  test("end at the limit", async () => {
    expect(await select("name", 2)).toEqual([0, 1]);
    expect(await select("name", 0)).toEqual([]);
  });
  test("are found by reading only what the query needs", async () => {
    const asked: (readonly string[] | undefined)[] = [];
    const counting = {
      ...store,
      getMany: (indices: ArrayLike<number>, keys?: readonly string[]) => {
        asked.push(keys);
        return store.getMany(indices, keys);
      },
    };
    const filter = rowFilter(parseQuery("O,energy<0"), await store.schema(), "rows");
    const found: Row[] = [];
    for await (const { rows } of matchingRows(counting, { filter, keys: ["info.name"] })) found.push(...rows);
    expect(found).toEqual([{ "info.name": "𝄞" }]);
    const sets = new Set(asked.map((keys) => keys?.join()));
    expect(sets).toEqual(new Set(["arrays.numbers,calc.energy", "info.name"]));
  });
  test("need a key that exists, and one that can be compared", async () => {
    await expect(select("nmae=x")).rejects.toThrow('Cannot find key "nmae"');
    await expect(select("forces<1")).rejects.toThrow("calc.forces holds arrays, float64 (n, 3)");
    expect(await select("forces")).toEqual([0, 1]);
  });
  test("by forces need constraints whose effect is known", async () => {
    const hooke = [{ ...rows[0], constraints: [{ name: "Hookean", kwargs: {} }] } as Row];
    const filter = rowFilter(parseQuery("fmax>0"), await store.schema(), "rows");
    const indices = matchingIndices(toAsync(memoryStore(hooke)), { filter });
    await expect(indices.next()).rejects.toThrow("what the constraint Hookean does to forces is not known");
  });
});
