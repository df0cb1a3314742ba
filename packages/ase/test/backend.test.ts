import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  columnOfSync,
  equalValues,
  int64,
  ndarray,
  openStore,
  type Row,
  registerPlugin,
  schemaOfRows,
} from "@stowage/core";
import { beforeAll, describe, expect, it } from "vitest";
import plugin, { openXyzStore, writeXyz, xyz } from "../src/index.js";
import { temporaryFolder } from "./temporary-folder.js";

const examples = new URL("../../../examples/data/", import.meta.url).pathname;

function row(i: number): Row {
  return {
    cell: ndarray(new Float64Array(9), [3, 3]),
    pbc: ndarray(new Uint8Array(3), [3], "bool"),
    "arrays.numbers": ndarray(Uint8Array.of(1, 8)),
    "arrays.positions": ndarray(Float64Array.of(i, 0, 0, 0, 0, 0.1), [2, 3]),
    "info.i": int64(i),
    "calc.energy": i + 0.5,
  };
}

function expectRows(found: Row[], expected: Row[]): void {
  expect(found.map((one) => Object.keys(one))).toEqual(expected.map((one) => Object.keys(one)));
  found.forEach((one, i) => {
    for (const [key, value] of Object.entries(one))
      expect(equalValues(value, expected[i]![key]!), key).toBe(true);
  });
}

beforeAll(() => registerPlugin(plugin));

describe("the backend", () => {
  it("opens .xyz and .extxyz, and content of other names", async () => {
    const folder = temporaryFolder();
    for (const name of ["a.xyz", "b.EXTXYZ", "c.dat", "d"]) {
      writeFileSync(join(folder, name), readFileSync(join(examples, "al32_md.xyz")));
      const store = await openStore(join(folder, name));
      expect([store.backend, await store.count()]).toEqual(["xyz", 10]);
      await store.close();
    }
  });

  it.each([
    ["1\n\nH 0 0 0\n", true],
    ["0\n\n", true],
    [" 12 \r\ncomment\r\nH 0 0", true],
    ["12\n", false],
    ["name,x\n1,2\n", false],
    ["5\n6\n7\n8\n", false],
    ["\0\0\0\0\n\n\n", false],
    ["", false],
  ])("takes %j for XYZ: %s", (head, expected) => {
    expect(xyz.sniff!(new TextEncoder().encode(head))).toBe(expected);
  });

  it("answers the same at once and by promise", async () => {
    const path = join(examples, "qm9_reduced_100.xyz");
    const sync = xyz.openSync!(path);
    const store = await xyz.open(path);
    expect(await store.schema()).toEqual(sync.schema());
    expectRows(await store.getMany([3, 0, 99]), sync.getMany([3, 0, 99]));
    expect(await store.column!("info.A", [1, 2])).toEqual(sync.column!("info.A", [1, 2]));
    await expect(store.getMany([100])).rejects.toMatchObject({ code: "ERR_INDEX_RANGE" });
    await store.close();
    sync.close();
    await expect(store.count()).rejects.toMatchObject({ code: "ERR_CLOSED" });
    expect(() => sync.count()).toThrow(expect.objectContaining({ code: "ERR_CLOSED" }));
  });

  it("refuses to write what is open for reading", async () => {
    const store = xyz.openSync!(join(examples, "al32_md.xyz"));
    expect(() => store.append!([])).toThrow(expect.objectContaining({ code: "ERR_READ_ONLY" }));
    const remote = await xyz.open(join(examples, "al32_md.xyz"));
    await expect(remote.append!([])).rejects.toMatchObject({ code: "ERR_READ_ONLY" });
  });

  it("stops indexing when told to", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(xyz.open(join(examples, "al32_md.xyz"), { signal })).rejects.toThrow("enough");
  });
});

describe.each(["w", "r+"] as const)("a store opened with %s", (mode) => {
  it("shows added rows at once, and keeps them", () => {
    const path = join(temporaryFolder(), "rows.xyz");
    const store = openXyzStore(path, { mode });
    const rows = Array.from({ length: 5 }, (_, i) => row(i));
    store.append!(rows.slice(0, 2));
    store.append!([]);
    store.flush!();
    store.append!(rows.slice(2));
    expect(store.count()).toBe(5);
    expectRows(store.getMany([4, 0, 2]), [rows[4]!, rows[0]!, rows[2]!]);
    expect(store.schema()).toEqual(schemaOfRows(rows));
    expect(columnOfSync(store, "info.i", [0, 4]).values).toEqual(ndarray(BigInt64Array.of(0n, 4n)));
    store.close();
    store.close();
    const again = openXyzStore(path);
    expectRows(again.getMany([0, 1, 2, 3, 4]), rows);
    again.close();
  });

  it("refuses a reserved place, which would come back as a structure without atoms", () => {
    const path = join(temporaryFolder(), "rows.xyz");
    const store = openXyzStore(path, { mode, unsupported: "drop" });
    expect(() => store.append!([row(0), {}])).toThrow(expect.objectContaining({ code: "ERR_ROW" }));
    expect(store.count()).toBe(0);
    store.close();
  });

  it("adds all rows or none", () => {
    const path = join(temporaryFolder(), "rows.xyz");
    const store = openXyzStore(path, { mode });
    store.append!([row(0)]);
    expect(() => store.append!([row(1), { ...row(2), "info.energy": 1 }])).toThrow(
      expect.objectContaining({ code: "ERR_LOSS" }),
    );
    expect(store.count()).toBe(1);
    store.append!([row(3)]);
    store.close();
    expectRows(openXyzStore(path).getMany([0, 1]), [row(0), row(3)]);
  });
});

it("goes on with rows of a file that is there, typed over all of them", () => {
  const path = join(temporaryFolder(), "rows.xyz");
  writeXyz(path, [row(0), row(1)]);
  const store = openXyzStore(path, { mode: "r+" });
  store.append!([{ ...row(2), "info.i": 2.5 }]);
  expect(store.getMany([0, 1, 2]).map((one) => one["info.i"])).toEqual([0, 1, 2.5]);
  expect(store.losses!()).toMatchObject([{ key: "info.i", kind: "widened" }]);
  store.discard!();
  expectRows(openXyzStore(path).getMany([0, 1]), [row(0), row(1)]);
});
