import { MemorySource } from "@stowage/core";
import { describe, expect, test } from "vitest";
import { AtpFile, type Molecule } from "../src/index.js";
import { type ForgedSection, f64, forge, join, u8, u32, utf8 } from "./forged-file.js";

/** Molecules of records of one atom, which a file without a schema may mix as it likes. */
function moleculesOf(...records: ForgedSection[][]): Molecule[] {
  const db = AtpFile.open(new MemorySource(forge({ records: records.map((sections) => ({ sections })) })));
  return records.map((_, i) => db.at(i));
}

const energy = (value: number): ForgedSection => ({ kind: 0, key: "energy", tag: 0, payload: f64(value) });

describe("a record of the same length as one before it", () => {
  test("has its own values", () => {
    const molecules = moleculesOf([energy(1)], [energy(2)], [energy(-0)]);
    expect(molecules.map((molecule) => molecule.energy)).toEqual([1, 2, -0]);
  });

  test.each<[string, ForgedSection[], ForgedSection[]]>([
    ["key", [{ tag: 0, key: "ab", payload: f64(1) }], [{ tag: 0, key: "ac", payload: f64(1) }]],
    [
      "kind",
      [{ kind: 2, tag: 3, key: "x", payload: f64(1) }],
      [{ kind: 1, tag: 3, key: "x", payload: f64(1) }],
    ],
    ["type", [{ tag: 0, key: "x", payload: f64(1) }], [{ tag: 1, key: "x", payload: f64(1) }]],
    [
      "order",
      [
        { tag: 2, key: "a", payload: utf8("one") },
        { tag: 2, key: "b", payload: utf8("four") },
      ],
      [
        { tag: 2, key: "b", payload: utf8("one") },
        { tag: 2, key: "a", payload: utf8("four") },
      ],
    ],
    [
      "cut between key and text",
      [{ tag: 2, key: "abc", payload: utf8("d") }],
      [{ tag: 2, key: "a", payload: utf8("bcd") }],
    ],
    [
      "number of sections",
      [{ tag: 2, key: "a", payload: utf8("12345678") }],
      [
        { tag: 2, key: "a", payload: utf8("") },
        { tag: 2, key: "b", payload: utf8("") },
      ],
    ],
  ])("may have another %s", (_, first, second) => {
    const contents = (sections: ForgedSection[]): unknown[] =>
      moleculesOf(sections).map((molecule) =>
        (["atom", "molecule"] as const).map((scope) =>
          molecule.propertyKeys({ scope }).map((key) => [key, molecule.storedProperty(key, scope)]),
        ),
      );
    const [one, other] = [contents(first), contents(second)];
    expect(one).not.toEqual(other);
    expect([contents(first), contents(second), contents(first)]).toEqual([one, other, one]);
  });

  test("may have tensors of another shape", () => {
    const tensor = (...extents: number[]): ForgedSection => ({
      tag: 15,
      key: "t",
      payload: join(u8(extents.length), ...extents.map((extent) => u32(extent)), f64(1, 2, 3, 4, 5, 6)),
    });
    const shapes = moleculesOf([tensor(2, 3)], [tensor(3, 2)], [tensor(3, 3)]).map((molecule) => () => {
      const value = molecule.storedProperty("t");
      return value !== null && typeof value === "object" ? value.shape : value;
    });
    expect([shapes[0]!(), shapes[1]!()]).toEqual([
      [2, 3],
      [3, 2],
    ]);
    expect(shapes[2]).toThrow(expect.objectContaining({ code: "ERR_ATP_RECORD" }));
  });

  test("is checked for its own number of atoms", () => {
    const sections = (count: number): ForgedSection[] => [
      { kind: 0, key: "charges", tag: 3, payload: new Uint8Array(8 * count) },
    ];
    // Both records have 63 bytes.
    const bytes = forge({
      records: [
        {
          nAtoms: 2,
          positions: new Uint8Array(24),
          numbers: u8(1, 1),
          sections: sections(2),
          trailing: u8(1),
        },
        {
          nAtoms: 1,
          positions: new Uint8Array(12),
          numbers: u8(1),
          sections: sections(2),
          trailing: new Uint8Array(14),
        },
      ],
    });
    const db = AtpFile.open(new MemorySource(bytes));
    expect(db.at(0).charges?.shape).toEqual([2]);
    expect(() => db.at(1).charges).toThrow(expect.objectContaining({ code: "ERR_ATP_RECORD" }));
  });

  test("is refused with a section that stands twice, or is cut", () => {
    const [whole, twice, cut] = moleculesOf(
      [energy(1), { kind: 0, key: "enerGy", tag: 0, payload: f64(1) }],
      [energy(1), energy(1)],
      [energy(1), { kind: 0, key: "enerGy", tag: 0, payload: f64(1), payloadLength: 9 }],
    );
    expect(whole!.energy).toBe(1);
    for (const molecule of [twice!, cut!]) {
      expect(() => molecule.energy).toThrow(expect.objectContaining({ code: "ERR_ATP_RECORD" }));
    }
  });
});

describe("a molecule of bytes in memory", () => {
  const bytes = forge({ records: [{ sections: [energy(-1.5)], positions: new Uint8Array(12).fill(1) }] });

  test("keeps its values when the bytes change or their source is closed", () => {
    const copy = bytes.slice();
    const source = new MemorySource(copy);
    const db = AtpFile.open(source);
    const molecules = [db.at(0), ...db.getMany([0])];
    const positions = molecules.map((molecule) => molecule.positions.data.slice());
    copy.fill(0);
    source.close();
    expect(molecules.map((molecule) => molecule.positions.data)).toEqual(positions);
    expect(molecules.map((molecule) => molecule.energy)).toEqual([-1.5, -1.5]);
  });

  test("is one array for each field, whenever it is asked for", () => {
    const molecule = AtpFile.open(new MemorySource(bytes)).at(0);
    expect(molecule.positions).toBe(molecule.positions);
    expect(molecule.atomicNumbers).toBe(molecule.atomicNumbers);
    expect(molecule.storedField("energy")).toBe(molecule.storedField("energy"));
  });

  test("is not read from a source that was closed", () => {
    const source = new MemorySource(bytes);
    const db = AtpFile.open(source);
    db.at(0);
    source.close();
    expect(() => db.at(0)).toThrow(expect.objectContaining({ code: "ERR_CLOSED" }));
  });
});

test("views of the index that a source has ended are made anew", () => {
  /** As a map: when the file has grown, the views of before are empty. */
  class RemappedSource extends MemorySource {
    readonly #views: ArrayBuffer[] = [];
    override readSync(byteOffset: number, byteLength: number): Uint8Array {
      const view = super.readSync(byteOffset, byteLength).slice();
      this.#views.push(view.buffer as ArrayBuffer);
      return view;
    }
    override readIntoSync(target: Uint8Array, byteOffset: number): void {
      target.set(super.readSync(byteOffset, target.byteLength));
    }
    endViews(): void {
      for (const buffer of this.#views.splice(0)) structuredClone(buffer, { transfer: [buffer] });
    }
  }
  const source = new RemappedSource(
    forge({ records: [{ sections: [energy(1)] }, { sections: [energy(2)] }] }),
  );
  const db = AtpFile.open(source);
  expect(db.at(0).energy).toBe(1);
  source.endViews();
  expect([db.at(0).energy, db.at(1).energy]).toEqual([1, 2]);
});
