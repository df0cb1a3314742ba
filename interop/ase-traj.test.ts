import path from "node:path";
import { openTrajStore, writeTraj } from "@stowage/ase";
import { type Row, schemaOfRows } from "@stowage/core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { trajRow } from "../packages/ase/test/traj-rows.js";
import { openPeer, type Peer } from "./peer.js";
import { comparable, type TaggedRow, tagRow } from "./tagged-rows.js";
import { temporaryFolder } from "./temporary-folder.js";

const seed = Number(process.env.STOWAGE_SEED ?? Math.floor(Math.random() * 2 ** 31));

let peer: Peer;
beforeAll(() => {
  console.log(`ase-traj: seed ${seed}`);
  peer = openPeer("current");
});
afterAll(() => peer?.close());

async function ase(functionName: string, parameters: Record<string, unknown>): Promise<TaggedRow[]> {
  return (await peer.call("ase_traj", functionName, parameters)) as TaggedRow[];
}

function rowsOf(file: string): Row[] {
  const store = openTrajStore(file);
  try {
    const rows = store.getMany(Array.from({ length: store.count() }, (_, i) => i));
    expect(store.schema()).toEqual(schemaOfRows(rows));
    return rows;
  } finally {
    store.close();
  }
}

function weRead(file: string): TaggedRow[] {
  return comparable(rowsOf(file).map(tagRow));
}

describe("what ASE writes", () => {
  test.each([
    ["write_info", {}],
    ["write_calculator", {}],
    ["write_old", {}],
    ["write_flat", {}],
    ["write_big_endian", { seed, count: 12 }],
    ["write_random", { seed, count: 60, same: false }],
    ["write_random", { seed, count: 60, same: true }],
    // The table of frames grows at 1, 42 and 1764.
    ["write_random", { seed, count: 1800, same: true }],
  ])("is read as ASE reads it: %s %j", async (functionName, parameters) => {
    const file = path.join(temporaryFolder(), "ase.traj");
    const expected = comparable(await ase(functionName, { path: file, ...parameters }));
    expect(weRead(file)).toEqual(expected);
    expect(expected.length).toBeGreaterThan(0);
  });

  test("comes back from our writer as it was", async () => {
    const folder = temporaryFolder();
    for (const functionName of ["write_info", "write_calculator", "write_random"]) {
      const file = path.join(folder, `${functionName}.traj`);
      const random = functionName === "write_random" ? { seed, count: 120, same: false } : {};
      const expected = comparable(await ase(functionName, { path: file, ...random }));
      const copy = path.join(folder, `${functionName}-copy.traj`);
      const { losses } = writeTraj(copy, rowsOf(file));
      expect(losses).toEqual([]);
      expect(comparable(await ase("read_file", { path: copy }))).toEqual(expected);
      expect(weRead(copy)).toEqual(expected);
    }
  });
});

test("what our writer writes, ASE reads with equal values", async () => {
  const file = path.join(temporaryFolder(), "ours.traj");
  const rows = fc.sample(trajRow, { seed, numRuns: 300 });
  writeTraj(file, rows);
  const read = comparable(await ase("read_file", { path: file }));
  const expected = comparable(rows.map(tagRow));
  read.forEach((row, i) => {
    expect(row, `STOWAGE_SEED=${seed}, row ${i}`).toEqual(expected[i]);
  });
  expect(read).toHaveLength(300);
});

test("every kind of constraint goes both ways", async () => {
  const folder = temporaryFolder();
  const names = (await peer.call("ase_traj", "constraint_names")) as string[];
  expect(names.length).toBeGreaterThan(20);
  for (const name of names) {
    const file = path.join(folder, `${name}.traj`);
    const expected = comparable(await ase("write_constraints", { path: file, name }));
    expect(weRead(file), name).toEqual(expected);
    expect(expected.map((row) => row.some(([key]) => key === "constraints"))).toEqual([
      true,
      true,
      false,
      true,
    ]);
    const copy = path.join(folder, `${name}-copy.traj`);
    writeTraj(copy, rowsOf(file));
    expect(comparable(await ase("read_file", { path: copy })), name).toEqual(expected);
  }
});

describe("appending", () => {
  test("to ASE's files, and ASE to ours, in turn", async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, "grown.traj");
    const more = path.join(folder, "more.traj");
    await ase("write_random", { path: file, seed, count: 1, same: true });
    await ase("write_random", { path: more, seed: seed + 1, count: 25, same: false });
    const rows = rowsOf(more);
    let expected = weRead(file);
    for (let turn = 0; turn < 4; turn++) {
      const store = openTrajStore(file, { mode: "r+" });
      store.append!(rows.slice(0, 10));
      store.flush!();
      const seen = comparable(await ase("read_file", { path: file }));
      expected = [...expected, ...comparable(rows.slice(0, 10).map(tagRow))];
      expect(seen, `turn ${turn}`).toEqual(expected);
      store.append!(rows.slice(10));
      expect(await ase("read_file", { path: file })).toHaveLength(expected.length); // not before it is flushed
      store.close();
      expected = [...expected, ...comparable(rows.slice(10).map(tagRow))];
      const grown = comparable(await ase("append_random", { path: file, seed: seed + turn, count: 3 }));
      expect(grown.slice(0, -3)).toEqual(expected);
      expect(weRead(file)).toEqual(grown);
      expected = grown;
    }
    expect(expected.length).toBe(1 + 4 * 28);
  });

  test("to a big-endian file", async () => {
    const file = path.join(temporaryFolder(), "big.traj");
    const expected = comparable(await ase("write_big_endian", { path: file, seed, count: 3 }));
    const [first, , last] = rowsOf(file);
    const store = openTrajStore(file, { mode: "r+" });
    store.append!([last!, first!]);
    store.close();
    const all = [...expected, expected[2], expected[0]];
    expect(comparable(await ase("read_file", { path: file }))).toEqual(all);
    expect(weRead(file)).toEqual(all);
  });
});
