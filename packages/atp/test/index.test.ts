import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as atp from "../src/index.js";
import { buildChild, ended, startChild } from "./child-process.js";

test("the package exports these values", () => {
  expect(Object.keys(atp).sort()).toEqual([
    "Atom",
    "AtpFile",
    "AtpPool",
    "Molecule",
    "atomsToMolecule",
    "atp",
    "default",
    "moleculeToAtoms",
  ]);
  expect(atp.default).toEqual({ name: "atp", backends: [atp.atp] });
});

test("AtpFile and Molecule have these members", () => {
  const membersOf = (made: { prototype: object }) =>
    Object.getOwnPropertyNames(made.prototype)
      .filter((name) => name !== "constructor")
      .sort();
  expect(membersOf(atp.AtpFile)).toMatchInlineSnapshot(`
    [
      "append",
      "appendArrays",
      "at",
      "close",
      "codec",
      "discard",
      "flat",
      "flush",
      "generation",
      "getMany",
      "length",
      "level",
      "recordFormat",
      "recovery",
      "refresh",
      "schema",
      "uncommittedBytes",
    ]
  `);
  expect(membersOf(atp.Molecule)).toMatchInlineSnapshot(`
    [
      "atom",
      "atomicNumbers",
      "atoms",
      "cell",
      "charges",
      "copy",
      "deleteProperty",
      "energy",
      "fieldKeys",
      "forces",
      "getProperty",
      "hasProperty",
      "length",
      "nAtoms",
      "name",
      "pbc",
      "positions",
      "propertyKeys",
      "record",
      "setProperty",
      "storedField",
      "storedProperty",
      "stress",
      "velocities",
    ]
  `);
});

test("importing the package does nothing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stowage-atp-import-"));
  try {
    const { code, stdout, stderr } = await ended(startChild(buildChild("import-only"), [folder]));
    expect([code, stderr, readdirSync(folder)]).toEqual([0, "", []]);
    expect(JSON.parse(stdout)).toEqual({ globals: [], listeners: [], handles: 0 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
