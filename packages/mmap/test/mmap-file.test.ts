import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type * as Package from "../src/index.js";
import { backends, loadPackage } from "./backends.js";
import { temporaryFile, temporaryFolder } from "./temporary-folder.js";

const PAGE = 4096;
const onLinux = process.platform === "linux";
const isRoot = process.getuid?.() === 0;

/** Registers a test where it can be run: elsewhere it does not exist, rather than being skipped. */
const testWhere = (possible: boolean) => (name: string, run: () => void) => {
  if (possible) it(name, run);
};

/** The same for a group of tests. */
const describeWhere = (possible: boolean) => (name: string, tests: () => void) => {
  if (possible) describe(name, tests);
};

const stowageError = (code: string): unknown => expect.objectContaining({ code });

/** A file whose bytes tell where they are. */
function fileOf(byteLength: number, path = temporaryFile()): string {
  writeFileSync(path, pattern(byteLength));
  return path;
}

function pattern(byteLength: number): Uint8Array {
  return Uint8Array.from({ length: byteLength }, (_, i) => (i % 251) + 1);
}

/** How often this process has the file open or mapped, by what the system says. */
function traces(path: string): number {
  if (!onLinux) return 0;
  const descriptors = readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false; // that of the listing itself
    }
  });
  const maps = readFileSync("/proc/self/maps", "utf8").split("\n");
  return descriptors.length + maps.filter((line) => line.includes(path)).length;
}

describe.each(backends)("MmapFile, %s", (backend) => {
  let MmapFile: typeof Package.MmapFile;
  let openFileSource: typeof Package.openFileSource;
  const mapped = backend === "mmap";

  beforeAll(async () => {
    ({ MmapFile, openFileSource } = await loadPackage(backend));
  });

  describe("opening", () => {
    it("shows the bytes of a file", () => {
      using file = MmapFile.open(fileOf(10_000));
      expect(file.backend).toBe(backend);
      expect([file.byteLength, file.mode, file.resident]).toEqual([10_000, "r", true]);
      expect(Buffer.from(file.bytes).equals(pattern(10_000))).toBe(true);
    });

    it.each([
      [0, 10],
      [1, 10_000],
      [4095, 2],
      [4096, 4096],
      [65_535, 3],
      [65_537, 70_000],
      [200_000, 0],
    ])("shows a range from byte %i on, %i bytes long", (offset, length) => {
      using file = MmapFile.open(fileOf(200_000), { offset, length });
      expect(file.byteLength).toBe(length);
      expect(Buffer.from(file.bytes).equals(pattern(200_000).subarray(offset, offset + length))).toBe(true);
      using rest = MmapFile.open(fileOf(200_000), { offset });
      expect(rest.byteLength).toBe(200_000 - offset);
    });

    it("refuses ranges outside the file", () => {
      const path = fileOf(100);
      for (const range of [
        { offset: 101 },
        { offset: 50, length: 51 },
        { offset: -1 },
        { offset: 0.5 },
        { length: -1 },
        { length: Number.NaN },
        { offset: Number.MAX_SAFE_INTEGER, length: Number.MAX_SAFE_INTEGER },
      ]) {
        expect(() => MmapFile.open(path, range)).toThrow(stowageError("ERR_SOURCE_BOUNDS"));
      }
      expect(traces(path)).toBe(0);
    });

    it("refuses a mode it does not know", () => {
      const open = () => MmapFile.open(fileOf(1), { mode: "w" as "r" });
      expect(open).toThrow(stowageError("ERR_OPTION"));
    });

    it("opens an empty file, which can grow", () => {
      const path = fileOf(0);
      for (const mode of ["r", "r+", "c"] as const) {
        using file = MmapFile.open(path, { mode });
        expect([file.byteLength, file.bytes.length, file.view("float64").length]).toEqual([0, 0, 0]);
        file.populate();
        file.advise("willneed");
        file.check();
        if (mode === "r+") file.flush();
      }
      using file = MmapFile.open(path);
      appendFileSync(path, pattern(5));
      expect(file.refresh()).toBe(5);
      expect([...file.bytes]).toEqual([1, 2, 3, 4, 5]);
    });

    it("names a file that is not there", () => {
      const path = temporaryFile();
      expect(() => MmapFile.open(path)).toThrow(stowageError("ERR_FILE_MISSING"));
      expect(() => MmapFile.open(join(fileOf(1), "inside"))).toThrow(stowageError("ERR_FILE_MISSING"));
    });

    it("refuses folders, devices and pipes, without waiting for a pipe's writer", () => {
      const folder = temporaryFolder();
      expect(() => MmapFile.open(folder)).toThrow(/it is a folder/);
      expect(() => MmapFile.open(folder, { mode: "r+" })).toThrow(stowageError("ERR_FILE_ACCESS"));
      if (process.platform === "win32") return;
      expect(() => MmapFile.open("/dev/null")).toThrow(/it is no regular file/);
      const pipe = join(folder, "pipe");
      execFileSync("mkfifo", [pipe]);
      expect(() => MmapFile.open(pipe)).toThrow(/it is no regular file/);
      expect(() => MmapFile.open(pipe, { mode: "r+" })).toThrow(/it is no regular file/);
      expect(traces(pipe)).toBe(0);
    });

    testWhere(!isRoot && process.platform !== "win32")("refuses a file without permission", () => {
      const path = fileOf(1);
      chmodSync(path, 0o400);
      expect(() => MmapFile.open(path, { mode: "r+" })).toThrow(/permission denied/);
      chmodSync(path, 0);
      expect(() => MmapFile.open(path)).toThrow(stowageError("ERR_FILE_ACCESS"));
    });

    testWhere(onLinux)("sees files of /proc as the system tells: empty", () => {
      using file = MmapFile.open("/proc/self/status");
      expect([file.byteLength, file.bytes.length]).toEqual([0, 0]);
    });

    testWhere(onLinux)("follows links, and keeps the name it was given", () => {
      const path = fileOf(10);
      const link = join(dirname(path), "link");
      symlinkSync(path, link);
      using file = MmapFile.open(link);
      expect([file.name, file.bytes[9]]).toEqual([link, 10]);
    });
  });

  describe("views", () => {
    it("have the type that is named", () => {
      const path = temporaryFile();
      writeFileSync(path, new Uint8Array(Float64Array.of(1.5, -2, 3).buffer));
      using file = MmapFile.open(path);
      expect([...file.view("float64")]).toEqual([1.5, -2, 3]);
      expect([...file.view("float64", 8)]).toEqual([-2, 3]);
      expect([...file.view("float64", 8, 1)]).toEqual([-2]);
      expect([...file.view("complex128", 8)]).toEqual([-2, 3]);
      expect(file.view("uint16").length).toBe(12);
      expect(file.view("bool").length).toBe(24);
      expect(file.view("int64", 24).length).toBe(0);
    });

    it("are the same memory each time", () => {
      using file = MmapFile.open(fileOf(100), { mode: "c" });
      file.view("uint32")[2] = 7;
      expect(file.view("uint32", 8, 1)[0]).toBe(7);
      expect(file.readSync(8, 4)[0]).toBe(7);
    });

    it("at an odd place are copies to read, and refused to write", () => {
      const path = fileOf(100);
      using file = MmapFile.open(path);
      expect([...file.view("uint16", 1, 1)]).toEqual([2 + 3 * 256]);
      for (const mode of ["r+", "c"] as const) {
        using writable = MmapFile.open(path, { mode });
        expect(() => writable.view("uint16", 1, 1)).toThrow(stowageError("ERR_MAPPING_VIEW"));
        expect(writable.view("uint8", 1, 1)[0]).toBe(2);
      }
    });

    it("outside the map are refused", () => {
      using file = MmapFile.open(fileOf(100));
      for (const [byteOffset, length] of [
        [0, 26],
        [97, 1],
        [101, 0],
        [-4, 1],
        [0, 0.3],
        [0, -1],
        [Number.NaN, 1],
        [0, 2 ** 60],
      ] as const) {
        expect(() => file.view("float32", byteOffset, length)).toThrow(stowageError("ERR_SOURCE_BOUNDS"));
      }
      expect(() => file.view("float32", 104)).toThrow(stowageError("ERR_SOURCE_BOUNDS"));
      expect(() => file.view("float64")).toThrow(/100 bytes are no whole number of float64 elements/);
      expect(() => file.view("float" as "float32")).toThrow(stowageError("ERR_DTYPE"));
    });

    it("whose buffer was given away are made anew", () => {
      using file = MmapFile.open(fileOf(100));
      const buffer = file.bytes.buffer as ArrayBuffer & { transfer?: () => ArrayBuffer };
      if (buffer.transfer !== undefined) buffer.transfer();
      else structuredClone(buffer, mapped ? {} : { transfer: [buffer] });
      expect(file.bytes[99]).toBe(100);
      const target = new Uint8Array(100);
      file.readIntoSync(target, 0);
      expect(Buffer.from(target).equals(pattern(100))).toBe(true);
    });
  });

  describe("reads", () => {
    it("copy ranges", async () => {
      using file = MmapFile.open(fileOf(1000), { offset: 100 });
      const target = new Uint8Array(10);
      file.readIntoSync(target, 50);
      expect([...target]).toEqual([...pattern(1000).subarray(150, 160)]);
      const copy = await file.read(0, 3);
      expect([...copy]).toEqual([101, 102, 103]);
      file.close();
      expect(copy.length).toBe(3);
    });

    it("outside the map are refused", async () => {
      using file = MmapFile.open(fileOf(100));
      expect(() => file.readSync(99, 2)).toThrow(stowageError("ERR_SOURCE_BOUNDS"));
      expect(() => file.readIntoSync(new Uint8Array(101), 0)).toThrow(stowageError("ERR_SOURCE_BOUNDS"));
      await expect(file.read(-1, 1)).rejects.toThrow(stowageError("ERR_SOURCE_BOUNDS"));
    });

    it("end with the signal", async () => {
      using file = MmapFile.open(fileOf(100));
      const signal = AbortSignal.abort(new Error("enough"));
      await expect(file.read(0, 1, { signal })).rejects.toThrow("enough");
    });
  });

  describe("stores", () => {
    it('with "r" and "c" stay in memory', () => {
      const path = fileOf(10_000);
      for (const mode of ["r", "c"] as const) {
        const file = MmapFile.open(path, { mode });
        file.bytes[5000] = 99;
        expect(file.bytes[5000]).toBe(99);
        expect(() => file.flush()).toThrow(stowageError("ERR_READ_ONLY"));
        file.close();
        expect(readFileSync(path).equals(pattern(10_000))).toBe(true);
      }
    });

    it('with "r+" are in the file after flush and close', () => {
      const path = fileOf(20_000);
      const file = MmapFile.open(path, { mode: "r+", offset: 10 });
      file.bytes[0] = 201;
      // A map is the file: others see a store at once.
      expect(readFileSync(path)[10]).toBe(mapped ? 201 : 11);
      file.flush(0, 1);
      expect(readFileSync(path)[10]).toBe(201);
      file.bytes[15_000] = 202;
      file.close();
      const expected = Buffer.from(pattern(20_000));
      expected[10] = 201;
      expected[15_010] = 202;
      expect(readFileSync(path).equals(expected)).toBe(true);
    });

    it("touch nothing but what was stored: others may write beside it", () => {
      const path = fileOf(1000);
      const file = MmapFile.open(path, { mode: "r+" });
      file.bytes[100] = 255;
      const other = MmapFile.open(path, { mode: "r+" });
      other.bytes[500] = 254;
      other.close();
      file.close();
      const bytes = readFileSync(path);
      expect([bytes[100], bytes[500], bytes[501]]).toEqual([255, 254, pattern(1000)[501]]);
    });

    it("of several arrays of one file meet", () => {
      const path = fileOf(64);
      using file = MmapFile.open(path, { mode: "r+" });
      file.view("float64", 8, 2).fill(-1.5);
      file.flush();
      expect(readFileSync(path).readDoubleLE(16)).toBe(-1.5);
    });
  });

  describe("create", () => {
    it("makes a file of zeros, which takes its room at once", () => {
      const path = temporaryFile();
      using file = MmapFile.create(path, 100_000);
      expect([file.mode, file.byteLength, statSync(path).size]).toEqual(["r+", 100_000, 100_000]);
      expect(file.bytes.every((byte) => byte === 0)).toBe(true);
      if (onLinux) expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(100_000);
      expect(readdirSync(dirname(path))).toEqual(["data.bin"]);
    });

    it("makes an empty file", () => {
      using file = MmapFile.create(temporaryFile(), 0);
      expect(file.byteLength).toBe(0);
    });

    it("replaces a file only if asked to, and maps of the old one keep it", () => {
      const path = fileOf(10);
      expect(() => MmapFile.create(path, 5)).toThrow(stowageError("ERR_FILE_EXISTS"));
      expect(readFileSync(path).length).toBe(10);
      using old = MmapFile.open(path);
      using file = MmapFile.create(path, 5, { overwrite: true });
      expect([...file.bytes]).toEqual([0, 0, 0, 0, 0]);
      expect(old.bytes[9]).toBe(10);
      old.check();
    });

    testWhere(onLinux)("replaces what a link leads to, not the link", () => {
      const path = fileOf(10);
      const link = join(dirname(path), "link");
      symlinkSync(path, link);
      MmapFile.create(link, 5, { overwrite: true }).close();
      expect(readFileSync(path).length).toBe(5);
    });

    it("leaves nothing behind where it fails", () => {
      const folder = temporaryFolder();
      expect(() => MmapFile.create(join(folder, "no", "data.bin"), 1)).toThrow(
        stowageError("ERR_FILE_MISSING"),
      );
      mkdirSync(join(folder, "data.bin"));
      expect(() => MmapFile.create(join(folder, "data.bin"), 1, { overwrite: true })).toThrow(
        stowageError("ERR_FILE_ACCESS"),
      );
      expect(readdirSync(folder)).toEqual(["data.bin"]);
      for (const byteLength of [-1, 0.5, Number.NaN, 2 ** 60]) {
        expect(() => MmapFile.create(join(folder, "x"), byteLength)).toThrow(stowageError("ERR_OPTION"));
      }
    });

    testWhere(onLinux && mapped)("refuses a size that the disk or the file system cannot give", () => {
      const path = temporaryFile();
      expect(() => MmapFile.create(path, 2 ** 52)).toThrow(stowageError("ERR_FILE_ACCESS"));
      expect(existsSync(path)).toBe(false);
      expect(readdirSync(dirname(path))).toEqual([]);
    });
  });

  describe("advice", () => {
    it("of every kind is taken, for any range, and changes nothing", () => {
      using file = MmapFile.open(fileOf(200_000), { offset: 17 });
      for (const advice of ["normal", "sequential", "random", "willneed", "hugepage"] as const) {
        file.advise(advice);
        file.advise(advice, 5000, 100);
        file.advise(advice, file.byteLength);
      }
      file.populate();
      file.populate(5001, 70_000);
      expect(file.bytes[0]).toBe(18);
      expect(() => file.advise("soon" as "normal")).toThrow(stowageError("ERR_OPTION"));
      expect(() => file.advise("normal", 0, 200_000)).toThrow(stowageError("ERR_SOURCE_BOUNDS"));
      expect(() => file.populate(-1)).toThrow(stowageError("ERR_SOURCE_BOUNDS"));
    });
  });

  describe("close", () => {
    it("empties all views and lets the file go at once", () => {
      const path = fileOf(100_000);
      const file = MmapFile.open(path, { mode: "r+" });
      const views = [file.bytes, file.view("float64", 8, 100), file.readSync(5, 10)];
      expect(views.every((view) => view.length > 0)).toBe(true);
      if (onLinux) expect(traces(path)).toBeGreaterThan(0);
      file.close();
      expect(views.map((view) => view.length)).toEqual([0, 0, 0]);
      expect(views[0]![0]).toBe(undefined);
      expect(traces(path)).toBe(0);
      expect(file.byteLength).toBe(0);
    });

    it("can be called again, and everything else throws", async () => {
      const file = MmapFile.open(fileOf(10), { mode: "r+" });
      file.close();
      file.close();
      file[Symbol.dispose]();
      for (const use of [
        () => file.bytes,
        () => file.backend,
        () => file.view("uint8"),
        () => file.readSync(0, 1),
        () => file.readIntoSync(new Uint8Array(1), 0),
        () => file.check(),
        () => file.refresh(),
        () => file.advise("random"),
        () => file.populate(),
        () => file.flush(),
        () => MmapFile.nativeMap(file),
      ]) {
        expect(use).toThrow(stowageError("ERR_CLOSED"));
      }
      await expect(file.read(0, 1)).rejects.toThrow(stowageError("ERR_CLOSED"));
    });

    it("in the middle of a loop ends the loop", () => {
      const file = MmapFile.open(fileOf(100));
      let seen = 0;
      const { bytes } = file;
      for (let i = 0; i < bytes.length; i++) {
        if (++seen === 10) file.close();
      }
      expect(seen).toBe(10);
      const again = MmapFile.open(fileOf(100));
      const iterate = () => {
        for (const byte of again.bytes) if (byte === 10) again.close();
      };
      expect(iterate).toThrow(TypeError); // the language's own error for an array that lost its memory
    });

    it("closes only its own map", () => {
      const path = fileOf(10);
      const [first, second] = [MmapFile.open(path), MmapFile.open(path)];
      first.close();
      expect(second.bytes[9]).toBe(10);
      second.close();
    });
  });

  // What another program does to the file meanwhile. Windows refuses to cut a mapped file.
  describeWhere(process.platform !== "win32" || !mapped)("a file that is cut", () => {
    it("reads as zeros where it was mapped, and says so by a named error", () => {
      const path = fileOf(4 * PAGE);
      using file = MmapFile.open(path);
      const { bytes } = file;
      truncateSync(path, PAGE);
      expect(bytes[PAGE - 1]).toBe(pattern(PAGE)[PAGE - 1]);
      // What was loaded stays; a map has only what the file has.
      expect(bytes[2 * PAGE]).toBe(mapped ? 0 : pattern(2 * PAGE + 1)[2 * PAGE]);
      const checks = [
        () => file.check(),
        () => file.readIntoSync(new Uint8Array(PAGE), 2 * PAGE),
        () => file.readSync(2 * PAGE, 10),
        () => file.view("uint16", 2 * PAGE + 1, 1),
        () => file.populate(),
      ];
      for (const check of checks) {
        if (mapped) expect(check).toThrow(stowageError("ERR_MAPPING_TRUNCATED"));
        else expect(check).not.toThrow();
      }
    });

    it("throws for what was not looked at before, too", async () => {
      const path = fileOf(4 * PAGE);
      using file = MmapFile.open(path);
      truncateSync(path, PAGE);
      const details = { path, mappedEnd: 3 * PAGE, fileSize: PAGE };
      const error = expect.objectContaining({ code: "ERR_MAPPING_TRUNCATED", details });
      expect(() => file.readIntoSync(new Uint8Array(PAGE), 2 * PAGE)).toThrow(error);
      await expect(file.read(2 * PAGE, PAGE)).rejects.toThrow(error);
    });

    it("can be read where it is sound", () => {
      const path = fileOf(4 * PAGE);
      using file = MmapFile.open(path);
      const { bytes } = file;
      truncateSync(path, 2 * PAGE + 10);
      expect(bytes.length + bytes[3 * PAGE]!).toBeGreaterThan(0); // a fault, where it is mapped
      const target = new Uint8Array(PAGE);
      file.readIntoSync(target, PAGE);
      expect(Buffer.from(target).equals(pattern(2 * PAGE).subarray(PAGE))).toBe(true);
      expect(file.readSync(0, 2 * PAGE + 10).length).toBe(2 * PAGE + 10);
    });

    it("within its last page gives no fault, but the same error", () => {
      const path = fileOf(PAGE + 100);
      using file = MmapFile.open(path);
      truncateSync(path, PAGE + 50);
      const target = new Uint8Array(50);
      file.readIntoSync(target, PAGE);
      expect(target[49]).toBe(pattern(PAGE + 50)[PAGE + 49]);
      const read = () => file.readIntoSync(new Uint8Array(51), PAGE);
      expect(read).toThrow(stowageError("ERR_MAPPING_TRUNCATED"));
      if (mapped) expect(() => file.check()).toThrow(stowageError("ERR_MAPPING_TRUNCATED"));
    });

    it("is noticed without the buffer that was given away", () => {
      const path = fileOf(PAGE + 100);
      using file = MmapFile.open(path);
      const buffer = file.bytes.buffer as ArrayBuffer & { transfer?: () => ArrayBuffer };
      buffer.transfer?.();
      truncateSync(path, PAGE + 50);
      const read = () => file.readIntoSync(new Uint8Array(100), PAGE);
      if (mapped || buffer.byteLength === 0) expect(read).toThrow(stowageError("ERR_MAPPING_TRUNCATED"));
      else expect(read).not.toThrow();
    });

    it("and grown again stays lost where it was looked at meanwhile", () => {
      const path = fileOf(3 * PAGE);
      using file = MmapFile.open(path);
      const { bytes } = file;
      truncateSync(path, PAGE);
      const seen = bytes[2 * PAGE];
      writeFileSync(path, pattern(3 * PAGE));
      expect(bytes[2 * PAGE]).toBe(seen);
      if (mapped) {
        expect(() => file.check()).toThrow(/was shorter for a while/);
        expect(() => file.readSync(2 * PAGE, 1)).toThrow(stowageError("ERR_MAPPING_TRUNCATED"));
      }
      expect(file.refresh()).toBe(3 * PAGE);
      file.check();
      expect(Buffer.from(file.bytes).equals(pattern(3 * PAGE))).toBe(true);
    });

    it("and grown again before anybody looked is as the file is", () => {
      const path = fileOf(3 * PAGE);
      using file = MmapFile.open(path);
      truncateSync(path, PAGE);
      writeFileSync(path, pattern(3 * PAGE));
      const target = new Uint8Array(3 * PAGE);
      file.readIntoSync(target, 0);
      expect(Buffer.from(target).equals(pattern(3 * PAGE))).toBe(true);
      file.check();
    });

    it("takes stores with it: flush and close throw, and the file stays short", () => {
      const path = fileOf(3 * PAGE);
      const file = MmapFile.open(path, { mode: "r+" });
      const { bytes } = file;
      bytes[0] = 77;
      truncateSync(path, PAGE);
      bytes[2 * PAGE] = 78;
      expect(() => file.flush()).toThrow(stowageError("ERR_MAPPING_TRUNCATED"));
      if (mapped) expect(() => file.flush(0, 10)).toThrow(stowageError("ERR_MAPPING_TRUNCATED"));
      expect(() => file.close()).toThrow(stowageError("ERR_MAPPING_TRUNCATED"));
      file.close();
      expect(bytes.length).toBe(0);
      expect(traces(path)).toBe(0);
      expect(statSync(path).size).toBe(PAGE);
    });

    it("is taken up by refresh", () => {
      const path = fileOf(3 * PAGE);
      using file = MmapFile.open(path, { mode: "r+" });
      const before = file.bytes;
      truncateSync(path, PAGE + 1);
      expect(before.length + before[2 * PAGE]!).toBeGreaterThan(0);
      expect(file.refresh()).toBe(PAGE + 1);
      expect([before.length, file.bytes.length]).toEqual([0, PAGE + 1]);
      file.bytes[PAGE] = 99;
      file.flush();
      expect(readFileSync(path)[PAGE]).toBe(99);
    });

    it("below the range that was asked for cannot be taken up", () => {
      const path = fileOf(3 * PAGE);
      using tail = MmapFile.open(path, { offset: 2 * PAGE });
      using part = MmapFile.open(path, { offset: PAGE, length: PAGE });
      truncateSync(path, PAGE + 1);
      expect(() => tail.refresh()).toThrow(stowageError("ERR_MAPPING_TRUNCATED"));
      expect(() => part.refresh()).toThrow(stowageError("ERR_MAPPING_TRUNCATED"));
      // A map shows what the file still has; without one, the range is read whole or not at all.
      if (mapped) expect(part.readSync(0, 1)[0]).toBe(pattern(PAGE + 1)[PAGE]);
      else expect(() => part.readSync(0, 1)).toThrow(stowageError("ERR_MAPPING_TRUNCATED"));
    });
  });

  describe("a file that changes", () => {
    it("and grows is shown in its old length until refresh", () => {
      const path = fileOf(100);
      using file = MmapFile.open(path);
      const before = file.bytes;
      writeFileSync(path, pattern(70_000));
      expect([file.byteLength, before[99]]).toEqual([100, 100]);
      expect(file.refresh()).toBe(70_000);
      expect(before.length).toBe(0);
      expect(Buffer.from(file.bytes).equals(pattern(70_000))).toBe(true);
      file.check();
    });

    it("keeps a fixed length", () => {
      const path = fileOf(100);
      using file = MmapFile.open(path, { length: 50 });
      const { bytes } = file;
      appendFileSync(path, "more");
      expect(file.refresh()).toBe(50);
      expect(bytes.length).toBe(50);
    });

    it("and is replaced stays the file that was opened", () => {
      const path = fileOf(100);
      using file = MmapFile.open(path);
      const other = fileOf(3, join(dirname(path), "other"));
      renameSync(other, path);
      expect([file.refresh(), file.bytes[99]]).toEqual([100, 100]);
      file.check();
    });

    it("in place shows its new bytes after refresh", () => {
      const path = fileOf(100);
      using file = MmapFile.open(path);
      const { bytes } = file;
      expect(bytes[50]).toBe(51);
      writeFileSync(path, new Uint8Array(100).fill(200));
      expect(file.refresh()).toBe(100);
      expect([bytes[50], file.bytes[50]]).toEqual([200, 200]);
    });

    it('keeps the stores of "c" until it is mapped anew', () => {
      const path = fileOf(100);
      using file = MmapFile.open(path, { mode: "c" });
      file.bytes[0] = 9;
      file.refresh();
      expect(file.bytes[0]).toBe(9);
      appendFileSync(path, "more");
      file.refresh();
      expect(file.bytes[0]).toBe(1);
    });
  });

  it("larger than 1 GiB can be read without the addon, but not viewed", async () => {
    const path = fileOf(1);
    const byteLength = 2 ** 30 + 2 * PAGE;
    truncateSync(path, byteLength);
    using file = MmapFile.open(path);
    const target = new Uint8Array(10).fill(1);
    file.readIntoSync(target, 2 ** 30 - 5);
    expect(target.every((byte) => byte === 0)).toBe(true);
    expect((await file.read(0, 1))[0]).toBe(1);
    if (mapped) expect(file.view("uint8", byteLength - 1)[0]).toBe(0);
    else expect(() => file.view("uint8", 0, 1)).toThrow(stowageError("ERR_NATIVE_REQUIRED"));
    if (mapped) expect(file.bytes.length).toBe(byteLength);
    else expect(() => file.bytes).toThrow(/STOWAGE_NATIVE=0 is set/);
  });

  describe("openFileSource", () => {
    it("reads by a map, or by position", () => {
      const path = fileOf(10);
      const source = openFileSource(path);
      expect(source instanceof MmapFile).toBe(mapped && process.platform !== "win32");
      expect([...source.readSync(3, 2)]).toEqual([4, 5]);
      appendFileSync(path, "x");
      expect(source.refresh()).toBe(11);
      source.close();
      expect(() => source.readSync(0, 1)).toThrow(stowageError("ERR_CLOSED"));
      expect(traces(path)).toBe(0);
    });

    it("gives the same errors", () => {
      expect(() => openFileSource(temporaryFile())).toThrow(stowageError("ERR_FILE_MISSING"));
      expect(() => openFileSource(temporaryFolder())).toThrow(stowageError("ERR_FILE_ACCESS"));
    });
  });
});
