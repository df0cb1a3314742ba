import fs, { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { publish, TemporaryFile, temporaryName, writeFully } from "../src/index.js";
import { compileCore, DIE_AT_STEP, ended, killed, ready, runScript } from "./child-process.js";
import { temporaryFolder } from "./temporary-folder.js";

const core = compileCore();

function stowageError(code: string): unknown {
  return expect.objectContaining({ code });
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("TemporaryFile", () => {
  it("has nothing under the final name before it is committed, and nothing else afterwards", () => {
    const folder = temporaryFolder();
    const path = join(folder, "out.xyz");
    const file = TemporaryFile.create(path);
    file.write(bytes("one "));
    file.write(bytes(""));
    file.write(bytes("two"));
    expect(existsSync(path)).toBe(false);
    expect(readFileSync(file.temporaryPath, "utf8")).toBe("one two");
    expect(file.path).toBe(path);
    file.commit();
    expect(readFileSync(path, "utf8")).toBe("one two");
    expect(readdirSync(folder)).toEqual(["out.xyz"]);
  });

  it("flushes the data, then renames, then flushes the folder", () => {
    const order: string[] = [];
    for (const name of ["fsyncSync", "linkSync", "renameSync", "unlinkSync"] as const) {
      const original = fs[name] as (...args: unknown[]) => void;
      vi.spyOn(fs, name).mockImplementation(((...args: unknown[]) => {
        order.push(name);
        original(...args);
      }) as never);
    }
    const path = join(temporaryFolder(), "out");
    TemporaryFile.create(path).commit();
    expect(order).toEqual(["fsyncSync", "linkSync", "unlinkSync", "fsyncSync"]);
    order.length = 0;
    TemporaryFile.create(path, { overwrite: true }).commit();
    expect(order).toEqual(["fsyncSync", "renameSync", "fsyncSync"]);
  });

  it("leaves nothing behind when it is discarded", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "out"), "old");
    const file = TemporaryFile.create(join(folder, "out"), { overwrite: true });
    file.write(bytes("new"));
    file.discard();
    file.discard();
    expect(readdirSync(folder)).toEqual(["out"]);
    expect(readFileSync(join(folder, "out"), "utf8")).toBe("old");
  });

  it("keeps what was committed when it is discarded afterwards", () => {
    const path = join(temporaryFolder(), "out");
    const file = TemporaryFile.create(path);
    file.commit();
    file.discard();
    expect(readFileSync(path, "utf8")).toBe("");
  });

  it("refuses a name that is taken, unless it may overwrite", () => {
    const folder = temporaryFolder();
    const path = join(folder, "out");
    writeFileSync(path, "old");
    expect(() => TemporaryFile.create(path)).toThrow(stowageError("ERR_FILE_EXISTS"));
    const file = TemporaryFile.create(path, { overwrite: true });
    file.write(bytes("new"));
    expect(readFileSync(path, "utf8")).toBe("old");
    file.commit();
    expect(readFileSync(path, "utf8")).toBe("new");
    expect(readdirSync(folder)).toEqual(["out"]);
  });

  it("refuses to replace a file that appeared meanwhile, and leaves that file whole", () => {
    const folder = temporaryFolder();
    const path = join(folder, "out");
    const file = TemporaryFile.create(path);
    file.write(bytes("ours"));
    writeFileSync(path, "theirs");
    expect(() => file.commit()).toThrow(stowageError("ERR_FILE_EXISTS"));
    expect(readFileSync(path, "utf8")).toBe("theirs");
    expect(readdirSync(folder)).toEqual(["out"]);
  });

  it("lets one of two writers of a new file win", () => {
    const path = join(temporaryFolder(), "out");
    const [first, second] = [TemporaryFile.create(path), TemporaryFile.create(path)];
    first.write(bytes("first"));
    second.write(bytes("second"));
    second.commit();
    expect(() => first.commit()).toThrow(stowageError("ERR_FILE_EXISTS"));
    expect(readFileSync(path, "utf8")).toBe("second");
  });

  it("replaces the file that a link leads to, not the link", () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "far"));
    writeFileSync(join(folder, "far", "data"), "old");
    symlinkSync(join("far", "data"), join(folder, "link"));
    const file = TemporaryFile.create(join(folder, "link"), { overwrite: true });
    file.write(bytes("new"));
    file.commit();
    expect(readFileSync(join(folder, "far", "data"), "utf8")).toBe("new");
    expect(fs.lstatSync(join(folder, "link")).isSymbolicLink()).toBe(true);
  });

  it("names the folder that is missing, or is none", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "file"), "");
    for (const path of [join(folder, "none", "out"), join(folder, "file", "out")]) {
      expect(() => TemporaryFile.create(path)).toThrow(
        expect.objectContaining({
          code: "ERR_FILE_MISSING",
          message: `Cannot create ${path}: there is no such file or folder`,
        }),
      );
    }
  });

  it("cannot take the place of a folder", () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "out"));
    const file = TemporaryFile.create(join(folder, "out"), { overwrite: true });
    expect(() => file.commit()).toThrow(stowageError("ERR_FILE_ACCESS"));
    expect(readdirSync(folder)).toEqual(["out"]);
  });

  it("refuses writes and commits once it is committed or discarded", () => {
    const path = join(temporaryFolder(), "out");
    const committed = TemporaryFile.create(path);
    committed.commit();
    const discarded = TemporaryFile.create(path, { overwrite: true });
    discarded.discard();
    for (const file of [committed, discarded]) {
      expect(() => file.write(bytes("x"))).toThrow(stowageError("ERR_CLOSED"));
      expect(() => file.commit()).toThrow(stowageError("ERR_CLOSED"));
    }
    expect(readFileSync(path, "utf8")).toBe("");
  });

  it("says when the disk is full, and discards on the failed flush", () => {
    const folder = temporaryFolder();
    const file = TemporaryFile.create(join(folder, "out"));
    const full = () => {
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    };
    vi.spyOn(fs, "writeSync").mockImplementation(full);
    vi.spyOn(fs, "fsyncSync").mockImplementation(full);
    expect(() => file.write(bytes("x"))).toThrow("no space is left on the device");
    expect(() => file.commit()).toThrow(stowageError("ERR_FILE_ACCESS"));
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("publish", () => {
  it("renames on file systems without hard links, still not over a file that is there", () => {
    vi.spyOn(fs, "linkSync").mockImplementation(() => {
      throw Object.assign(new Error("EPERM"), { code: "EPERM" });
    });
    const folder = temporaryFolder();
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    writeFileSync(from, "new");
    publish(from, to, false);
    expect(readdirSync(folder)).toEqual(["to"]);
    writeFileSync(from, "newer");
    expect(() => publish(from, to, false)).toThrow(stowageError("ERR_FILE_EXISTS"));
    expect(readFileSync(to, "utf8")).toBe("new");
    expect(readFileSync(from, "utf8")).toBe("newer");
  });

  it("says so when there is nothing to publish", () => {
    const folder = temporaryFolder();
    for (const overwrite of [true, false]) {
      expect(() => publish(join(folder, "none"), join(folder, "out"), overwrite)).toThrow(
        stowageError("ERR_FILE_MISSING"),
      );
    }
  });
});

describe("temporaryName", () => {
  it("is hidden, beside the file, and another one each time", () => {
    const names = new Set(Array.from({ length: 100 }, () => temporaryName("/data/water.xyz")));
    expect(names.size).toBe(100);
    for (const name of names) expect(name).toMatch(/^\/data\/\.water\.xyz\.\d+-[a-z0-9]+\.tmp$/);
  });
});

describe("writeFully", () => {
  it("writes at a position or at the descriptor's own, going on where the system writes less", () => {
    const writeSync = fs.writeSync as (...args: unknown[]) => number;
    vi.spyOn(fs, "writeSync").mockImplementation(((
      fd: number,
      data: Uint8Array,
      at: number,
      n: number,
      to: number,
    ) => writeSync(fd, data, at, Math.min(n, 3), to)) as never);
    const path = join(temporaryFolder(), "out");
    const fd = fs.openSync(path, "w");
    writeFully(fd, bytes("0123456789"), null);
    writeFully(fd, bytes("abcde"), 2);
    writeFully(fd, bytes("!"), null);
    fs.closeSync(fd);
    expect(readFileSync(path, "utf8")).toBe("01abcde789!");
  });

  it("asks the system for no more than 1 GiB at a time", () => {
    const asked: unknown[] = [];
    vi.spyOn(fs, "writeSync").mockImplementation(((...args: number[]) => {
      asked.push([args[3], args[4]]);
      return args[3];
    }) as never);
    writeFully(3, new Uint8Array(2 ** 30 + 5), 100);
    expect(asked).toEqual([
      [2 ** 30, 100],
      [5, 2 ** 30 + 100],
    ]);
  });
});

describe("a writer that is killed", () => {
  const WRITE = `
    ${DIE_AT_STEP}
    const [, core, path, step] = process.argv;
    const { TemporaryFile } = await import(core + "/index.js");
    dieAtStep(Number(step));
    const file = TemporaryFile.create(path, { overwrite: true });
    for (let i = 0; i < 3; i++) file.write(new Uint8Array(1000).fill(2));
    file.commit();
  `;

  it("leaves the old file or the new one, whole, whichever step it dies at", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "data.bin");
    const old = new Uint8Array(500).fill(1);
    const found: string[] = [];
    for (let step = 0; ; step++) {
      writeFileSync(path, old);
      const signal = await ended(runScript(WRITE, core, path, String(step)));
      const now = readFileSync(path);
      const whole = now.equals(old) ? "old" : now.equals(new Uint8Array(3000).fill(2)) ? "new" : "broken";
      found.push(whole);
      if (signal === null) break; // there was no such step any more
    }
    // open, write x 3, fsync, close | rename, open, fsync, close of the folder
    expect(found.length).toBeGreaterThan(15);
    expect(found).not.toContain("broken");
    expect([found[0], found.at(-1)]).toEqual(["old", "new"]);
    expect(found).toEqual([...found].sort().reverse());
  }, 120_000);

  it("leaves one of its versions, whole, at any moment", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "data.bin");
    writeFileSync(path, new Uint8Array(100_000));
    const versions: number[] = [];
    for (let round = 0; round < 8; round++) {
      const child = runScript(
        `const [, core, path] = process.argv;
         const { TemporaryFile } = await import(core + "/index.js");
         for (let version = 1; ; version++) {
           const file = TemporaryFile.create(path, { overwrite: true });
           for (let i = 0; i < 10; i++) file.write(new Uint8Array(10_000).fill(version));
           file.commit();
           if (version === 2) process.stdout.write("ready");
         }`,
        core,
        path,
      );
      await ready(child);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
      await killed(child);
      const now = readFileSync(path);
      expect(now).toHaveLength(100_000);
      expect(now.every((byte) => byte === now[0])).toBe(true);
      versions.push(now[0]!);
    }
    expect(versions.every((version) => version > 0)).toBe(true);
  }, 120_000);
});
