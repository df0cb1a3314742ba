import fs, { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { realPath } from "../src/file-system.js";
import { fileError, fileExists, nodeFs, nodePath, StowageError, syncDirectory } from "../src/index.js";
import { temporaryFolder } from "./temporary-folder.js";

describe("Node's modules", () => {
  it("are found when they are needed", () => {
    expect(nodeFs().existsSync(import.meta.dirname)).toBe(true);
    expect(nodePath().basename("a/b")).toBe("b");
  });

  it.each([
    ["without a process, as in browsers", undefined],
    ["on a Node that is too old", { versions: {} }],
  ])("are refused with a hint %s", (_, process) => {
    vi.stubGlobal("process", process);
    expect(nodeFs).toThrow(
      expect.objectContaining({
        code: "ERR_UNSUPPORTED",
        message: "Cannot open files by path: this runtime has no file system",
        hint: "pass a Blob, a File or a Uint8Array; on Node, version 20.16 or later is needed",
      }),
    );
    vi.unstubAllGlobals();
  });
});

describe("fileError", () => {
  const system = (code: string, message = `${code}: something, open 'x'`) =>
    Object.assign(new Error(message), { code });

  it.each([
    ["ENOENT", "ERR_FILE_MISSING", "Cannot open x: there is no such file or folder"],
    ["ENOTDIR", "ERR_FILE_MISSING", "Cannot open x: there is no such file or folder"],
    ["EEXIST", "ERR_FILE_EXISTS", "Cannot create x: the file exists"],
    ["EACCES", "ERR_FILE_ACCESS", "Cannot open x: permission denied"],
    ["EISDIR", "ERR_FILE_ACCESS", "Cannot open x: it is a folder"],
    ["ENOSPC", "ERR_FILE_ACCESS", "Cannot open x: no space is left on the device"],
    ["EIO", "ERR_FILE_ACCESS", "Cannot open x: EIO: something, open 'x'"],
  ])("turns %s into %s", (code, expected, message) => {
    expect(fileError(system(code), "open", "x")).toMatchObject({ code: expected, message });
  });

  it("keeps the cause", () => {
    const cause = system("EIO");
    expect(fileError(cause, "open", "x")).toMatchObject({ cause });
  });

  it("leaves our own errors, wrong arguments and what is no error alone", () => {
    const others = [
      new StowageError("ERR_CLOSED", "x", { path: "x" }),
      new TypeError("x"),
      "text",
      null,
      undefined,
    ];
    for (const other of others) expect(fileError(other, "open", "x")).toBe(other);
  });

  it("names a way out where a file is in the way", () => {
    expect(fileExists("a.atp").hint).toBe(
      "choose another name, or pass overwrite: true (--overwrite on the command line)",
    );
  });
});

describe("realPath", () => {
  it("follows links to files and folders, and is absolute where nothing is there", () => {
    const folder = realPath(temporaryFolder());
    mkdirSync(join(folder, "sub"));
    writeFileSync(join(folder, "sub", "file"), "");
    symlinkSync(join(folder, "sub"), join(folder, "link"));
    symlinkSync(join(folder, "sub", "file"), join(folder, "file-link"));
    expect(realPath(join(folder, "link", "file"))).toBe(join(folder, "sub", "file"));
    expect(realPath(join(folder, "file-link"))).toBe(join(folder, "sub", "file"));
    expect(realPath(`${join(folder, "sub")}/`)).toBe(join(folder, "sub"));
    expect(realPath("surely-not-here")).toBe(join(process.cwd(), "surely-not-here"));
  });
});

describe("syncDirectory", () => {
  it("does its best and never throws", () => {
    expect(() => syncDirectory(temporaryFolder())).not.toThrow();
    expect(() => syncDirectory("/surely/not/here")).not.toThrow();
    const opened = vi.spyOn(fs, "openSync");
    const closed = vi.spyOn(fs, "closeSync");
    vi.spyOn(fs, "fsyncSync").mockImplementation(() => {
      throw Object.assign(new Error("EINVAL"), { code: "EINVAL" });
    });
    expect(() => syncDirectory(import.meta.dirname)).not.toThrow();
    expect(closed.mock.calls).toEqual(opened.mock.results.map(({ value }) => [value]));
    vi.restoreAllMocks();
  });
});
