import { describe, expect, it } from "vitest";
import {
  blobBytes,
  blobToObject,
  blobValue,
  columnOfSync,
  encodeRowValue,
  encodeValue,
  float64,
  int64,
  memoryStore,
  ndarray,
  objectToBlob,
  type Row,
  scalar,
  schemaOfBlobs,
  toAsync,
} from "../src/index.js";

const stowageError = (code: string) => expect.objectContaining({ code });

const rows: Row[] = [
  {
    "calc.energy": -1.5,
    "calc.whole": 5,
    "info.steps": int64(5),
    "info.big": int64(2n ** 60n),
    "info.single": scalar(0.1, "float32"),
    "info.z": ndarray(Float64Array.of(1, -2), [], "complex128"),
    "info.name": "wasser ⚛",
    "info.nested": { list: [1, 2.5, float64(3)], none: null },
    "info.records": {
      nd: true,
      type: [["a", "<f8"]],
      kind: "V",
      shape: [1],
      data: ndarray(Uint8Array.of(0, 0, 0, 0, 0, 0, 240, 63)),
    },
    "arrays.labels": ["O", "H1"],
    pbc: ndarray(Uint8Array.of(1, 0, 1), [3], "bool"),
  },
  {},
  { "calc.energy": Number.NaN, "info.name": "" },
];
const packed = rows.map((row) => objectToBlob(memoryStore([row])).getMany([0])[0]!);

describe("a store of values as one of bytes", () => {
  it("gives each value as the msgpack that asebytes stores", () => {
    const blobs = objectToBlob(memoryStore([...rows]));
    const [first, none, last] = blobs.getMany([0, 1, 2]);
    expect(none).toEqual({});
    expect(Object.keys(first!)).toEqual(Object.keys(rows[0]!));
    for (const [key, value] of Object.entries(first!)) {
      expect(blobBytes(key, value)).toEqual(encodeRowValue(key, rows[0]![key]!));
    }
    expect(blobBytes("info.steps", first!["info.steps"]!)).toEqual(Uint8Array.of(5));
    expect(last).toEqual({
      "calc.energy": blobValue(encodeValue(Number.NaN)),
      "info.name": blobValue(encodeValue("")),
    });
    expect(blobs.getMany([0], ["info.name", "no"])).toEqual([
      { "info.name": blobValue(encodeValue("wasser ⚛")) },
    ]);
    const { values, missing } = columnOfSync(blobs, "info.name", [2, 1, 0]);
    expect(missing).toEqual(Uint8Array.of(0, 1, 0));
    expect(values).toEqual([blobValue(encodeValue("")), null, blobValue(encodeValue("wasser ⚛"))]);
    expect(blobs.schema()["calc.energy"]).toEqual({
      dtype: "uint8",
      shape: [null],
      perAtom: false,
      missing: 1,
    });
    expect(columnOfSync(blobs, "no", [0, 1]).missing).toEqual(Uint8Array.of(1, 1));
  });

  it("decodes what is written, and refuses what is no value, before anything changes", () => {
    const objects = memoryStore();
    const blobs = objectToBlob(objects);
    blobs.append!(packed);
    expect(objects.getMany([0, 1, 2])).toEqual(rows);
    blobs.set!([1], [{ a: blobValue(encodeValue("x")) }]);
    blobs.update!([1], [{ b: blobValue(Uint8Array.of(7)) }]);
    blobs.insert!(0, [{ c: blobValue(Uint8Array.of(0xc0)) }]);
    blobs.drop!(["a"], [2]);
    expect(objects.getMany([0, 2])).toEqual([{ c: null }, { b: int64(7) }]);
    blobs.delete!([0, 2]);
    expect(blobs.count()).toBe(2);

    const pickle = Uint8Array.from([
      ...[0x85, 0xc4, 2, 0x6e, 0x64, 0xc3, 0xc4, 4, 0x74, 0x79, 0x70, 0x65, 0xa2, 0x7c, 0x4f],
      ...[0xc4, 4, 0x6b, 0x69, 0x6e, 0x64, 0xc4, 1, 0x4f],
      ...[0xc4, 5, 0x73, 0x68, 0x61, 0x70, 0x65, 0x91, 0, 0xc4, 4, 0x64, 0x61, 0x74, 0x61, 0xc4, 0],
    ]);
    const wrong: [Row, string][] = [
      [{ a: blobValue(Uint8Array.of(0xc1)) }, "ERR_MSGPACK"],
      [{ a: blobValue(new Uint8Array(0)) }, "ERR_MSGPACK"],
      [{ a: blobValue(pickle) }, "ERR_PICKLE"],
      [{ a: blobValue(Uint8Array.of(0xd6, 0, 0, 0, 0, 0)) }, "ERR_UNSUPPORTED"],
      [{ a: "text" }, "ERR_ROW"],
      [{ a: ndarray(Int8Array.of(1)) }, "ERR_ROW"],
    ];
    for (const [row, code] of wrong) {
      expect(() => blobs.append!([packed[0]!, row])).toThrow(stowageError(code));
    }
    expect(blobs.count()).toBe(2);
    expect(() => blobs.append!([wrong[0]![0]])).toThrow(/Cannot decode "a" of memory: at byte 0 expected/);
  });

  it("can do what the store can, and closes it", () => {
    const store = memoryStore([]);
    const readOnly = { ...store, append: undefined, delete: undefined };
    expect(objectToBlob(readOnly).append).toBeUndefined();
    expect(objectToBlob(readOnly).delete).toBeUndefined();
    objectToBlob(store).close();
    expect(() => store.count()).toThrow(stowageError("ERR_CLOSED"));
  });
});

describe("a store of bytes as one of values", () => {
  it("gives exact values and their types", async () => {
    const bytes = memoryStore([...packed]);
    const objects = blobToObject(bytes);
    expect(objects.getMany([0, 1, 2])).toEqual(rows);
    expect(objects.getMany([2], ["info.name"])).toEqual([{ "info.name": "" }]);
    expect(objects.schema()).toEqual(memoryStore([...rows]).schema());
    expect(columnOfSync(objects, "calc.energy", [0, 1]).values).toEqual(ndarray(Float64Array.of(-1.5, 0)));
    expect(objects.blobs!()).toBe(bytes);
    const later = blobToObject(toAsync(memoryStore([...packed])));
    expect(await later.getMany([0, 1, 2])).toEqual(rows);
    expect(await later.schema()).toEqual(objects.schema());
  });

  it("gathers types over more rows than are read at once", async () => {
    const many = Array.from({ length: 600 }, (_, i) => ({
      i: blobValue(encodeValue(i === 599 ? "end" : i)),
    }));
    const expected = { i: { dtype: "json", shape: [], perAtom: false, missing: 0 } };
    expect(blobToObject(memoryStore(many)).schema()).toEqual(expected);
    expect(await blobToObject(toAsync(memoryStore(many))).schema()).toEqual(expected);
  });

  it("knows the types of all others where some bytes are no value, and takes rows", async () => {
    const bytes = memoryStore([
      { a: blobValue(Uint8Array.of(0xc1)), n: blobValue(Uint8Array.of(5)) },
      { a: blobValue(encodeValue("text")) },
    ]);
    const objects = blobToObject(bytes);
    expect(objects.schema()).toEqual({
      a: { dtype: "json", shape: [], perAtom: false, missing: 0 },
      n: { dtype: "int64", shape: [], perAtom: false, missing: 1 },
    });
    expect(objects.schema()).toEqual(schemaOfBlobs(bytes.getMany([0, 1])));
    objects.append!([{ n: int64(6) }]);
    expect(objects.getMany([1, 2])).toEqual([{ a: "text" }, { n: int64(6) }]);
    expect(objects.getMany([0], ["n"])).toEqual([{ n: int64(5) }]);
  });

  it("encodes what is written", () => {
    const bytes = memoryStore();
    const objects = blobToObject(bytes);
    objects.append!(rows);
    expect(bytes.getMany([0, 1, 2])).toEqual(packed);
    objects.update!([1], [{ x: int64(1) }]);
    expect(bytes.getMany([1])).toEqual([{ x: blobValue(Uint8Array.of(1)) }]);
  });

  it("gives arrays that stay what they are, whatever becomes of the bytes", () => {
    const row = { a: blobValue(encodeValue(ndarray(Float64Array.of(1, 2)))) };
    const [read] = blobToObject(memoryStore([row])).getMany([0]);
    row.a.data.fill(0);
    expect(read).toEqual({ a: ndarray(Float64Array.of(1, 2)) });
  });

  it("names the key whose bytes are no value", () => {
    const store = blobToObject(memoryStore([{ a: blobValue(Uint8Array.of(0xc1)), b: "text" }], "raw.bin"));
    expect(() => store.getMany([0], ["a"])).toThrow(/^Cannot decode "a" of raw\.bin: at byte 0 expected/);
    expect(() => store.getMany([0], ["b"])).toThrow(stowageError("ERR_ROW"));
    expect(() => columnOfSync(store, "a", [0])).toThrow(stowageError("ERR_MSGPACK"));
  });
});
