import { execFileSync } from "node:child_process";
import crypto from "node:crypto";
import fs, { appendFileSync, mkdirSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { FileSource, isStowageError } from "../src/index.js";
import { temporaryFolder } from "./temporary-folder.js";

function stowageError(code: string): unknown {
  return expect.objectContaining({ code });
}

function fileOf(length: number, value = 7): string {
  const path = join(temporaryFolder(), "data.bin");
  writeFileSync(path, new Uint8Array(length).fill(value));
  return path;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("FileSource", () => {
  it("names a file that is not there", () => {
    const path = join(temporaryFolder(), "none.bin");
    expect(() => FileSource.open(path)).toThrow(
      expect.objectContaining({
        code: "ERR_FILE_MISSING",
        details: { path },
        message: `Cannot open ${path}: there is no such file or folder`,
      }),
    );
  });

  it("finds nothing on a path that leads through a file", () => {
    expect(() => FileSource.open(join(fileOf(1), "inside"))).toThrow(stowageError("ERR_FILE_MISSING"));
  });

  if (process.platform !== "win32") {
    it("refuses a pipe that nobody writes to, rather than waiting", () => {
      const pipe = join(temporaryFolder(), "pipe");
      execFileSync("mkfifo", [pipe]);
      expect(() => FileSource.open(pipe)).toThrow(stowageError("ERR_FILE_ACCESS"));
    });
  }

  it("refuses folders and devices, and lets their descriptors go", () => {
    const folder = temporaryFolder();
    const closes = vi.spyOn(fs, "closeSync");
    expect(() => FileSource.open(folder)).toThrow(`Cannot open ${folder}: it is a folder`);
    expect(() => FileSource.open("/dev/null")).toThrow(stowageError("ERR_FILE_ACCESS"));
    expect(closes).toHaveBeenCalledTimes(2);
  });

  it("reports what the system refuses", () => {
    vi.spyOn(fs, "openSync").mockImplementation(() => {
      throw Object.assign(new Error("EACCES: permission denied, open 'x'"), { code: "EACCES" });
    });
    expect(() => FileSource.open("x")).toThrow(
      expect.objectContaining({
        code: "ERR_FILE_ACCESS",
        message: "Cannot open x: permission denied",
        details: { path: "x", reason: "permission denied" },
      }),
    );
  });

  it("reads what is asked for and nothing more", async () => {
    const source = FileSource.open(fileOf(10_000));
    const reads = vi.spyOn(fs, "readSync");
    const asyncReads = vi.spyOn(fs, "read");
    source.readSync(100, 50);
    source.readIntoSync(new Uint8Array(8), 9000);
    await source.read(500, 20);
    const calls = [...reads.mock.calls, ...asyncReads.mock.calls] as unknown[][];
    const asked = calls.map(([, , , length, position]) => [position, length]);
    expect(asked).toEqual([
      [100, 50],
      [9000, 8],
      [500, 20],
    ]);
    source.close();
  });

  it("reads nothing at all when it is opened, or asked for nothing", async () => {
    const reads = vi.spyOn(fs, "readSync");
    const source = FileSource.open(fileOf(100));
    expect(source.readSync(50, 0)).toHaveLength(0);
    expect(await source.read(50, 0)).toHaveLength(0);
    expect(reads).not.toHaveBeenCalled();
    source.close();
  });

  it("allocates nothing for a range outside the file", () => {
    const source = FileSource.open(fileOf(100));
    expect(() => source.readSync(0, 2 ** 50)).toThrow(stowageError("ERR_SOURCE_BOUNDS"));
    source.close();
  });

  it("goes on where the system reads less than asked", async () => {
    const source = FileSource.open(fileOf(1000));
    const readSync = fs.readSync;
    const read = fs.read;
    vi.spyOn(fs, "readSync").mockImplementation(((
      fd: number,
      bytes: Uint8Array,
      at: number,
      length: number,
      position: number,
    ) => readSync(fd, bytes, at, Math.min(length, 7), position)) as never);
    vi.spyOn(fs, "read").mockImplementation(((
      fd: number,
      bytes: Uint8Array,
      at: number,
      length: number,
      position: number,
      done: never,
    ) => read(fd, bytes, at, Math.min(length, 7), position, done)) as never);
    expect(source.readSync(3, 900).every((byte) => byte === 7)).toBe(true);
    expect((await source.read(3, 900)).every((byte) => byte === 7)).toBe(true);
    source.close();
  });

  it("asks the system for no more than 1 GiB at a time", async () => {
    const length = 2 ** 31 + 8; // memory that nobody touches costs nothing
    const source = FileSource.open(fileOf(1));
    vi.spyOn(fs, "fstatSync").mockReturnValue({ size: length } as never);
    expect(source.refresh()).toBe(length);
    const asked: number[] = [];
    vi.spyOn(fs, "readSync").mockImplementation(((...args: number[]) => {
      asked.push(args[3]!);
      return args[3];
    }) as never);
    vi.spyOn(fs, "read").mockImplementation(((...args: unknown[]) => {
      asked.push(args[3] as number);
      (args[5] as (error: null, count: number) => void)(null, args[3] as number);
    }) as never);
    source.readSync(0, length);
    await source.read(0, length);
    expect(asked).toEqual([2 ** 30, 2 ** 30, 8, 2 ** 30, 2 ** 30, 8]);
    source.close();
  });

  it("says so when the file was cut while it was open", async () => {
    const path = fileOf(1000);
    const source = FileSource.open(path);
    truncateSync(path, 100);
    expect(source.byteLength).toBe(1000);
    expect(() => source.readSync(50, 100)).toThrow(
      expect.objectContaining({
        code: "ERR_SOURCE_TRUNCATED",
        details: { path, byteOffset: 50, byteLength: 100 },
      }),
    );
    await expect(source.read(500, 1)).rejects.toThrow(stowageError("ERR_SOURCE_TRUNCATED"));
    expect(source.readSync(50, 50)).toHaveLength(50);
    expect(source.refresh()).toBe(100);
    expect(() => source.readSync(50, 100)).toThrow(stowageError("ERR_SOURCE_BOUNDS"));
    source.close();
  });

  it("sees what was appended after it looks again", () => {
    const path = fileOf(10);
    const source = FileSource.open(path);
    appendFileSync(path, "more");
    expect(() => source.readSync(10, 4)).toThrow(stowageError("ERR_SOURCE_BOUNDS"));
    expect(source.refresh()).toBe(14);
    expect(new TextDecoder().decode(source.readSync(10, 4))).toBe("more");
    source.close();
  });

  it("keeps reading the file it opened when another takes its name", () => {
    const path = fileOf(10);
    const source = FileSource.open(path);
    writeFileSync(`${path}.new`, "another file");
    renameSync(`${path}.new`, path);
    expect(source.readSync(0, 10)).toEqual(new Uint8Array(10).fill(7));
    expect(source.refresh()).toBe(10);
    source.close();
  });

  it("ends the reads that are under way when it is closed, each with the bytes of its own file", async () => {
    const source = FileSource.open(fileOf(1000, 1));
    const other = fileOf(1000, 2);
    // Keeps the threads busy that read files, so that the reads have to wait.
    const busy = Array.from(
      { length: 16 },
      () => new Promise((resolve) => crypto.pbkdf2("x", "y", 20_000, 32, "sha256", resolve)),
    );
    const reads = Array.from({ length: 8 }, (_, i) => source.read(i * 100, 100));
    source.close();
    await expect(source.read(0, 1)).rejects.toThrow(stowageError("ERR_CLOSED"));
    const openedLater = FileSource.open(other);
    for (const bytes of await Promise.all(reads)) expect(bytes).toEqual(new Uint8Array(100).fill(1));
    await Promise.all(busy);
    openedLater.close();
  });

  it("closes its descriptor once, after the last read", async () => {
    const source = FileSource.open(fileOf(100));
    const closes = vi.spyOn(fs, "closeSync");
    const reading = source.read(0, 100);
    source.close();
    source.close();
    expect(closes).not.toHaveBeenCalled();
    await reading;
    expect(closes).toHaveBeenCalledTimes(1);
  });

  it("is closed by using", () => {
    let leaked: FileSource;
    {
      using source = FileSource.open(fileOf(10));
      leaked = source;
      expect(source.readSync(0, 1)).toHaveLength(1);
    }
    expect(() => leaked.readSync(0, 1)).toThrow(stowageError("ERR_CLOSED"));
    expect(() => leaked.refresh()).toThrow(stowageError("ERR_CLOSED"));
  });

  it("throws the reason of a signal that aborts while it reads, and lets the descriptor go", async () => {
    const controller = new AbortController();
    const source = FileSource.open(fileOf(100));
    const reading = source.read(0, 100, { signal: controller.signal });
    controller.abort(new Error("stopped"));
    await expect(reading).rejects.toThrow("stopped");
    const closes = vi.spyOn(fs, "closeSync");
    source.close();
    expect(closes).toHaveBeenCalledTimes(1);
  });

  it("leaves errors of wrong arguments as they are", () => {
    expect(() => FileSource.open(5n as never)).toThrow(TypeError);
    expect(() => FileSource.open("a\0b")).toThrow(TypeError);
  });

  it("turns every error of the system into one of ours", () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "sub"));
    const long = join(folder, "x".repeat(300));
    let found: unknown;
    try {
      FileSource.open(long);
    } catch (error) {
      found = error;
    }
    expect(isStowageError(found, "ERR_FILE_ACCESS")).toBe(true);
    expect((found as Error).cause).toBeInstanceOf(Error);
  });
});
