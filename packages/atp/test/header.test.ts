import { readFileSync, writeFileSync } from "node:fs";
import { MemorySource } from "@stowage/core";
import { describe, expect, test } from "vitest";
import { AtpFile, type CodecName } from "../src/index.js";
import { adler32, type ForgedFile, type ForgedSlot, forge, join, slot, utf8 } from "./forged-file.js";
import { codeOf } from "./outcome.js";
import { atom, atomicNumbersOf, smallFile } from "./small-file.js";
import { temporaryFile } from "./temporary-folder.js";

const ONE = { records: [{ numbers: Uint8Array.of(7) }], schema: { entries: [] } } satisfies ForgedFile;

function open(bytes: Uint8Array, recover = false): AtpFile {
  return AtpFile.open(new MemorySource(bytes), { recover });
}

function openCode(bytes: Uint8Array, recover = false): string | undefined {
  return codeOf(() => open(bytes, recover));
}

test("a forged file is a sound file", () => {
  const db = open(forge(ONE));
  expect([db.length, db.generation, db.recovery, atomicNumbersOf(db)]).toEqual([1, 1, null, [7]]);
});

describe("a slot", () => {
  const wrong: [string, ForgedSlot, string | undefined][] = [
    ["magic", { magic: "ATPJ" }, undefined],
    ["version", { version: 3 }, undefined],
    ["checksum", { checksum: 1 }, undefined],
    ["codec", { codec: 3 }, undefined],
    ["data start inside the header", { dataStart: 8191 }, undefined],
    ["schema with a place but no length", { schemaLength: 0 }, undefined],
    ["schema with a length but no place", { schemaOffset: 0 }, undefined],
    ["schema before the data", { schemaOffset: 4096 }, undefined],
    ["index without a place", { indexOffset: 0 }, undefined],
    ["index without a length", { indexLength: 0 }, undefined],
    ["index length against the count", { nMolecules: 2 }, undefined],
    ["index before the data", { indexOffset: 8000 }, undefined],
    ["a commit number that cannot grow", { generation: 2n ** 64n - 1n }, undefined],
    ["index past the end", { indexOffset: 10 ** 9 }, "ERR_ATP_TRUNCATED"],
    ["schema past the end", { schemaOffset: 10 ** 9 }, "ERR_ATP_TRUNCATED"],
    ["schema past every file", { schemaOffset: 2n ** 63n, schemaLength: 2n ** 63n }, "ERR_ATP_TRUNCATED"],
    ["data start past the end", { dataStart: 10 ** 9, indexOffset: 10 ** 9 }, undefined],
  ];

  test.each(wrong)("with wrong %s is passed over, or the cut it tells of is told", (_, fields, code) => {
    const bytes = forge({ ...ONE, slotB: fields });
    expect(openCode(bytes)).toBe(code);
    if (code === undefined) {
      const db = open(bytes);
      expect([db.length, db.generation, db.recovery?.slot]).toEqual([0, 0, "A"]);
      expect(db.recovery!.reason).not.toBe("");
    } else {
      expect(open(bytes, true).length).toBe(0);
    }
  });

  test.each(wrong)("with wrong %s in both places makes the file unreadable, with a code", (_, fields) => {
    const bytes = forge({ ...ONE, slotB: fields });
    bytes.copyWithin(0, 4096, 8192);
    expect(openCode(bytes)).toMatch(/^ERR_ATP_(FORMAT|TRUNCATED)$/);
    expect(openCode(bytes, true)).toMatch(/^ERR_ATP_(FORMAT|TRUNCATED)$/);
  });

  test("with an unknown record format is refused, also where the other one is sound", () => {
    for (const recordFormat of [0, 1, 4, 2 ** 32 - 1]) {
      expect(openCode(forge({ ...ONE, slotB: { recordFormat } }))).toBe("ERR_ATP_FORMAT");
    }
  });

  test("A stands in where both name one commit", () => {
    const both = forge({ ...ONE, slotA: { generation: 1 } });
    expect(open(both).length).toBe(0);
  });

  test("of the higher number wins, wherever it is", () => {
    const swapped = forge(ONE);
    const [a, b] = [swapped.slice(0, 4096), swapped.slice(4096, 8192)];
    swapped.set(b, 0);
    swapped.set(a, 4096);
    expect(open(swapped).length).toBe(1);
  });

  test.each([0, 3, 4, 7, 8, 100, 4091, 4092, 4095])("with byte %i of A damaged leaves B in use", (at) => {
    const bytes = forge(ONE);
    bytes[at]! ^= 0x10;
    const db = open(bytes);
    expect([db.length, db.recovery?.slot, db.recovery?.generation]).toEqual([1, "B", 1]);
  });

  test("keeps any level, whatever it means", () => {
    for (const level of [-(2 ** 31), -5, 0, 22, 99, 2 ** 31 - 1]) {
      const path = temporaryFile();
      using db = AtpFile.create(path, { codec: "zstd", level });
      db.append(atom(3));
      db.flush();
      using reader = AtpFile.open(path);
      expect([reader.level, reader.at(0).atomicNumbers[0]]).toEqual([level, 3]);
    }
  });

  test("has zlib's checksum", () => {
    const bytes = smallFile([[1]]);
    for (const at of [0, 4096]) {
      expect(bytes.readUInt32LE(at + 4092)).toBe(adler32(bytes.subarray(at, at + 4092)));
    }
  });
});

describe("a file cut at any byte", () => {
  test.each(["none", "lz4", "zstd"] as const)(
    "opens at a commit that is whole or not at all (%s)",
    (codec) => {
      const bytes = smallFile([[1, 2], [3]], codec);
      const end1 = endOfCommit(bytes, 4096);
      expect(endOfCommit(bytes, 0)).toBe(bytes.length);
      const outcome = (length: number, recover: boolean) => {
        const cut = bytes.subarray(0, length);
        return openCode(cut, recover) ?? String(atomicNumbersOf(open(cut, recover)));
      };
      const code = (length: number) => (length < 8192 ? "ERR_ATP_FORMAT" : "ERR_ATP_TRUNCATED");
      // Inside the header every length is the same to the reader: some are enough in the other codecs.
      const lengths = Array.from({ length: bytes.length }, (_, length) => length).filter(
        (length) => codec === "none" || length > 8100 || length % 61 === 0,
      );
      expect(lengths.map((length) => outcome(length, false))).toEqual(lengths.map(code));
      expect(lengths.map((length) => outcome(length, true))).toEqual(
        lengths.map((length) => (length < end1 ? code(length) : "1,2")),
      );
    },
  );

  test("is not touched by an attempt to append to it", () => {
    const path = temporaryFile();
    const bytes = smallFile([[1, 2], [3]]);
    for (let length = 0; length < bytes.length; length += length < 8000 ? 501 : 1) {
      writeFileSync(path, bytes.subarray(0, length));
      expect(codeOf(() => AtpFile.open(path, { mode: "r+" }))).toMatch(/^ERR_ATP_(FORMAT|TRUNCATED)$/);
      expect(readFileSync(path).equals(bytes.subarray(0, length))).toBe(true);
    }
  });

  test("of one commit is not taken for an empty one", () => {
    const path = temporaryFile();
    const bytes = smallFile([[1, 2]]);
    for (let length = 8192; length < bytes.length; length++) {
      writeFileSync(path, bytes.subarray(0, length));
      expect(codeOf(() => AtpFile.open(path))).toBe("ERR_ATP_TRUNCATED");
      expect(codeOf(() => AtpFile.open(path, { mode: "r+" }))).toBe("ERR_ATP_TRUNCATED");
      expect(readFileSync(path).length).toBe(length);
    }
  });

  test("names the commit it lost and how to get at the one before", () => {
    const bytes = smallFile([[1, 2], [3]]);
    const cut = bytes.subarray(0, bytes.length - 1);
    expect(() => open(cut)).toThrow(
      expect.objectContaining({
        details: { path: "memory", generation: 2, needed: bytes.length, fileSize: bytes.length - 1 },
        hint: expect.stringContaining("recover: true to open commit 1 with 2 molecules"),
      }),
    );
    expect(open(cut, true).recovery).toMatchObject({ slot: "B", generation: 1 });
  });

  test("goes on from the commit before, where that is asked for", () => {
    const path = temporaryFile();
    const bytes = smallFile([[1, 2], [3]]);
    writeFileSync(path, bytes.subarray(0, bytes.length - 1));
    using db = AtpFile.open(path, { mode: "r+", recover: true });
    expect(db.uncommittedBytes).toBe(bytes.length - 1 - endOfCommit(bytes, 4096));
    db.append(atom(9));
    db.flush();
    expect([db.recovery, db.uncommittedBytes, db.generation]).toEqual([null, 0, 2]);
    using reader = AtpFile.open(path);
    expect([reader.recovery, atomicNumbersOf(reader)]).toEqual([null, [1, 2, 9]]);
  });
});

describe("a file with bytes after its last commit", () => {
  test.each(["none", "zstd"] as CodecName[])(
    "reads as before, and loses them at the first append (%s)",
    (codec) => {
      const path = temporaryFile();
      const bytes = smallFile([[1], [2]], codec);
      const tail = Buffer.alloc(1000, "ATPK");
      writeFileSync(path, Buffer.concat([bytes, tail]));
      using reader = AtpFile.open(path);
      expect([atomicNumbersOf(reader), reader.uncommittedBytes, reader.recovery]).toEqual([
        [1, 2],
        1000,
        null,
      ]);

      using db = AtpFile.open(path, { mode: "r+" });
      expect(db.uncommittedBytes).toBe(1000);
      expect(readFileSync(path).length).toBe(bytes.length + 1000); // opening cuts nothing
      db.append(atom(3).setProperty("double", 7.5));
      expect(db.at(-1).atomicNumbers[0]).toBe(3); // also before the record reaches the place of the old tail
      expect(db.at(2).getProperty("double")).toBe(7.5);
      db.flush();
      expect(atomicNumbersOf(AtpFile.open(path))).toEqual([1, 2, 3]);
      expect(readFileSync(path).subarray(bytes.length).includes("ATPK")).toBe(false);
    },
  );
});

describe("a file with a damaged slot", () => {
  test.each([
    ["newest", 0, [1, 2]],
    ["older", 4096, [1, 2, 3]],
  ] as const)("(the %s) is read with a note, and not written unless told so", (_, at, numbers) => {
    const path = temporaryFile();
    const bytes = smallFile([[1, 2], [3]]);
    bytes[at + 100]! ^= 1;
    writeFileSync(path, bytes);
    using reader = AtpFile.open(path);
    expect(atomicNumbersOf(reader)).toEqual(numbers);
    expect(reader.recovery?.reason).toBe("its checksum is wrong");
    expect(codeOf(() => AtpFile.open(path, { mode: "r+" }))).toBe("ERR_ATP_DAMAGED");
    expect(readFileSync(path).equals(bytes)).toBe(true);

    using db = AtpFile.open(path, { mode: "r+", recover: true });
    db.append(atom(9).setProperty("double", 1));
    db.close();
    using mended = AtpFile.open(path);
    expect([atomicNumbersOf(mended), mended.recovery]).toEqual([[...numbers, 9], null]);
  });
});

test("a file of eight kilobytes without a slot is refused with a code", () => {
  expect(openCode(new Uint8Array(8192))).toBe("ERR_ATP_FORMAT");
  expect(openCode(utf8("ATPK"))).toBe("ERR_ATP_FORMAT");
  expect(openCode(new Uint8Array(0))).toBe("ERR_ATP_FORMAT");
  expect(open(join(slot(), slot())).length).toBe(0);
});

/** Where the commit that a slot names ends. */
function endOfCommit(bytes: Buffer, slotOffset: number): number {
  return Number(bytes.readBigUInt64LE(slotOffset + 24) + bytes.readBigUInt64LE(slotOffset + 32));
}
