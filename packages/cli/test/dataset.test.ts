import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RowSchema } from "@stowage/core";
import { afterAll, describe, expect, test } from "vitest";
import { outputNames } from "../src/commands/try.js";
import { checkKeys, isUrl, sizeOnDisk } from "../src/dataset.js";
import { schemaOfCopy } from "../src/schema-of-copy.js";
import { makeFolder } from "./run-cli.js";

const { folder, remove } = makeFolder();
afterAll(remove);

describe("sizeOnDisk", () => {
  test("adds up the files of a folder", () => {
    mkdirSync(join(folder, "data.zarr/deep"), { recursive: true });
    writeFileSync(join(folder, "data.zarr/a"), "12345");
    writeFileSync(join(folder, "data.zarr/deep/b"), "123");
    expect(sizeOnDisk(join(folder, "data.zarr"))).toBe(8);
    expect(sizeOnDisk(join(folder, "data.zarr/a"))).toBe(5);
  });
  test("is not known for URLs", () => {
    expect(sizeOnDisk("mongodb://host/data")).toBeNull();
  });
});

test("a drive letter is no URL", () => {
  expect([isUrl("C:\\data\\x.atp"), isUrl("C:/data"), isUrl("hf://user/data"), isUrl("./a:b")]).toEqual([
    false,
    false,
    true,
    false,
  ]);
});

describe("checkKeys", () => {
  const known = ["cell", "calc.energy", "calc.forces", "info.energy"];
  test("takes keys that are there", () => {
    expect(() => checkKeys(["cell", "calc.forces"], known, "x")).not.toThrow();
  });
  test("suggests keys of the same last part", () => {
    expect(() => checkKeys(["energy"], known, "x")).toThrow(
      expect.objectContaining({ hint: "did you mean calc.energy or info.energy?" }) as Error,
    );
  });
  test("lists what there is where nothing is near", () => {
    expect(() => checkKeys(["zzz"], known, "x")).toThrow(
      expect.objectContaining({ hint: "it has cell, calc.energy, calc.forces, info.energy" }) as Error,
    );
  });
});

test("the schema of a part keeps types but not counts of missing rows", () => {
  const schema: RowSchema = {
    cell: { dtype: "float64", shape: [3, 3], perAtom: false, missing: 2 },
    "info.name": { dtype: "string", shape: [], perAtom: false, missing: 0 },
  };
  expect(schemaOfCopy(schema, ["info.name"], true)).toEqual({ cell: schema.cell });
  expect(schemaOfCopy(schema, [], false).cell?.missing).toBeUndefined();
});

test("packed files of the same name get a number", () => {
  expect(outputNames(["a/md.xyz", "b/md.xyz", "md.tar.xyz", "md"])).toEqual([
    "md.atp",
    "md-2.atp",
    "md.tar.atp",
    "md-3.atp",
  ]);
});
