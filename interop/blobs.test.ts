import path from "node:path";
import {
  Atoms,
  AtomsIOSync,
  BlobIOSync,
  blobBytes,
  COLABFIT,
  ColumnMapping,
  describeValue,
  equalValues,
  float64,
  int64,
  keyFromBytes,
  keyToBytes,
  ndarray,
  OPTIMADE,
  objectToBlob,
  type Row,
  rowToAtoms,
  scalar,
  type Value,
} from "@stowage/core";
import { lmdb, nativeStatus, openLmdbStore } from "@stowage/lmdb";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPeer, type Peer } from "./peer.js";
import { temporaryFolder } from "./temporary-folder.js";

const seed = Number(process.env.STOWAGE_SEED ?? Math.floor(Math.random() * 2 ** 31));

let peer: Peer;
beforeAll(() => {
  console.log(`blobs: seed ${seed}`);
  peer = openPeer("current");
});
afterAll(() => peer?.close());

type Pairs<V> = [key: Uint8Array, value: V][];

function expectSame(found: Row, expected: Iterable<[string, Value]>, place: string): void {
  const pairs = [...expected];
  expect(Object.keys(found).sort(), place).toEqual(pairs.map(([key]) => key).sort());
  for (const [key, value] of pairs) {
    const text = `${place}, ${key}: ${describeValue(found[key]!)}, expected ${describeValue(value)}`;
    expect(equalValues(found[key]!, value), text).toBe(true);
  }
}

const hexPair = (key: Uint8Array, value: Uint8Array): string =>
  `${Buffer.from(key).toString("hex")} ${Buffer.from(value).toString("hex")}`;
const sorted = (pairs: string[]): string[] => [...pairs].sort();

function pairsOf(row: Record<string, Uint8Array> | null): string[] | null {
  return row && sorted(Object.entries(row).map(([key, value]) => hexPair(keyToBytes(key), value)));
}

async function readBlobs(file: string, group: string): Promise<(string[] | null)[]> {
  const rows = (await peer.call("blobs", "read_blobs", {
    path: file,
    group,
  })) as (Pairs<Uint8Array> | null)[];
  return rows.map((pairs) => pairs && sorted(pairs.map(([key, value]) => hexPair(key, value))));
}

test("values that are decoded and encoded again are the bytes that asebytes stored", async () => {
  const file = path.join(temporaryFolder(), "rows.lmdb");
  await peer.call("lmdb_rows", "write", { path: file, seed, count: 120, group: "default" });
  const expected = (await peer.call("blobs", "read_blobs", {
    path: file,
    group: "default",
  })) as (Pairs<Uint8Array> | null)[];
  const store = objectToBlob(openLmdbStore(file));
  const rows = store.getMany(expected.map((_, i) => i));
  for (const [i, pairs] of expected.entries()) {
    const found = Object.entries(rows[i]!).map(([key, value]) => [key, Buffer.from(blobBytes(key, value))]);
    const stored = (pairs ?? []).map(([key, bytes]) => [keyFromBytes(key), Buffer.from(bytes)]);
    expect(found, `row ${i}`).toEqual(stored);
  }
  expect(rows.length).toBeGreaterThan(60);
  store.close();
});

test("the bytes of a store are those that asebytes shows", async () => {
  const file = path.join(temporaryFolder(), "rows.lmdb");
  await peer.call("lmdb_rows", "write", { path: file, seed, count: 30, group: "train" });
  using blobs = BlobIOSync.open(file, { backend: lmdb, group: "train" });
  const expected = await readBlobs(file, "train");
  expect(blobs.toArray().map(pairsOf)).toEqual(expected);
  expect(expected.length).toBeGreaterThan(10);
});

test.runIf(nativeStatus().available)("any bytes under any keys are the same for both", async () => {
  const file = path.join(temporaryFolder(), "any.lmdb");
  // Names of fields are kept in lines.
  const name = fc.uint8Array({ minLength: 1, maxLength: 12 }).filter((bytes) => !bytes.includes(0x0a));
  const row = fc.uniqueArray(fc.tuple(name, fc.uint8Array({ maxLength: 20 })), {
    minLength: 1,
    maxLength: 5,
    selector: ([key]) => key.join(),
  });
  const rows = fc.sample(row, { seed, numRuns: 50 });
  using blobs = BlobIOSync.open(file, { backend: lmdb, mode: "w" });
  blobs.extend(
    rows.map((fields) => Object.fromEntries(fields.map(([key, value]) => [keyFromBytes(key), value]))),
  );
  blobs.reserve(1);
  const expected = [...rows.map((fields) => sorted(fields.map(([key, value]) => hexPair(key, value)))), null];
  expect(await readBlobs(file, "default")).toEqual(expected);
  expect(blobs.toArray().map(pairsOf)).toEqual(expected);
});

test("asebytes reads structures from the bytes of a store that keeps values", async () => {
  using atoms = AtomsIOSync.open("memory://blobs-for-asebytes", { mode: "w" });
  atoms.extend([
    new Atoms({
      atomicNumbers: [8, 1],
      positions: Float64Array.of(0, 0, 0, 0, 0, 1),
      pbc: [true, false, true],
      arrays: { tags: ndarray(BigInt64Array.of(1n, 2n)), labels: ["O", "H1"] },
      calc: { energy: -14, forces: ndarray(new Float32Array(6), [2, 3]) },
      info: {
        steps: 5,
        gap: float64(5),
        single: scalar(0.5, "float32"),
        name: "größe",
        flag: true,
        nested: { list: [1, 2.5, float64(3), null, -0, 2n ** 60n], text: "x" },
        ключ: int64(2n ** 62n),
      },
      constraints: [{ name: "FixAtoms", kwargs: { indices: [0] } }],
    }),
    new Atoms({ atomicNumbers: [], positions: new Float64Array(0) }),
  ]);
  using blobs = BlobIOSync.open("memory://blobs-for-asebytes");
  const rows = blobs
    .toArray()
    .map((row) => Object.entries(row!).map(([key, value]) => [keyToBytes(key), value]));
  const file = path.join(temporaryFolder(), "written.lmdb");
  await peer.call("blobs", "write_blobs", { path: file, rows });
  const read = (await peer.call("blobs", "read_structures", { path: file })) as [string, Value][][];
  const expected = atoms.store.getMany([0, 1]);
  for (const [i, pairs] of read.entries()) {
    const found: Row = Object.fromEntries(pairs);
    const numbers = rowToAtoms(expected[i]!).atomicNumbers;
    const stored = { ...expected[i]!, "arrays.numbers": ndarray(BigInt64Array.from(numbers, BigInt)) };
    expectSame(found, Object.entries(stored), `row ${i}`);
  }
  expect(read).toHaveLength(2);
});

const OWN = new ColumnMapping({
  positions: "pos",
  numbers: "z",
  cell: "box",
  pbc: "periodic",
  calc: { energy: "e", forces: "f" },
  info: { label: "material id" },
  arrays: { tags: "t" },
});

describe("column mappings", () => {
  test.each([
    ["colabfit", COLABFIT],
    ["optimade", OPTIMADE],
    ["own", OWN],
  ] as const)("%s makes the rows that asebytes makes", async (name, mapping) => {
    const rows = (await peer.call("blobs", "foreign_rows", { name, seed, count: 40 })) as [Row, Row][];
    for (const [i, [foreign, expected]] of rows.entries()) {
      const found = mapping.apply(foreign);
      const { "arrays.numbers": numbers, ...others } = found;
      const { "arrays.numbers": expectedNumbers, ...expectedOthers } = expected;
      expectSame(others, Object.entries(expectedOthers), `row ${i}`);
      expect(rowToAtoms({ ...found, "arrays.numbers": numbers! }).atomicNumbers).toEqual(
        rowToAtoms(expected).atomicNumbers,
      );
      expect(expectedNumbers).toBeDefined();
      expect(Object.keys(mapping.revert(found)).sort()).toEqual(Object.keys(foreign).sort());
    }
    expect(rows).toHaveLength(40);
  });
});
