import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Atoms } from "@stowage/core";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { parseXyz, writeXyz, XyzFile, XyzWriter } from "../src/index.js";
import { temporaryFolder } from "./temporary-folder.js";

function atomsOf(i: number): Atoms {
  return new Atoms({ atomicNumbers: [1], positions: Float64Array.of(i, 0.1, 0), info: { i } });
}

function indicesIn(path: string): unknown[] {
  using file = XyzFile.open(path);
  return [...file].map(({ info }) => info.i);
}

describe("a new file", () => {
  it("appears when it is complete", () => {
    const path = join(temporaryFolder(), "new.xyz");
    const writer = XyzWriter.create(path);
    writer.append(atomsOf(0));
    writer.append([atomsOf(1), atomsOf(2)]);
    expect([existsSync(path), writer.length]).toEqual([false, 3]);
    writer.close();
    expect(indicesIn(path)).toEqual([0, 1, 2]);
    expect(() => writer.append(atomsOf(3))).toThrow(expect.objectContaining({ code: "ERR_CLOSED" }));
  });

  it("leaves nothing behind where a frame cannot be written", () => {
    const folder = temporaryFolder();
    const frames = [atomsOf(0), { ...atomsOf(1), info: { energy: 1 } } as unknown as Atoms];
    expect(() => writeXyz(join(folder, "new.xyz"), frames)).toThrow(
      expect.objectContaining({ code: "ERR_LOSS" }),
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it("replaces another only when asked to", () => {
    const path = join(temporaryFolder(), "new.xyz");
    writeXyz(path, atomsOf(0));
    expect(() => writeXyz(path, atomsOf(1))).toThrow(expect.objectContaining({ code: "ERR_FILE_EXISTS" }));
    expect(writeXyz(path, [atomsOf(1)], { overwrite: true })).toEqual({ frames: 1, losses: [] });
    expect(indicesIn(path)).toEqual([1]);
  });

  it("can be stopped, and tells how far it is", () => {
    const folder = temporaryFolder();
    const controller = new AbortController();
    const frames = function* () {
      for (let i = 0; i < 10; i++) {
        if (i === 5) controller.abort(new Error("enough"));
        yield atomsOf(i);
      }
    };
    expect(() => writeXyz(join(folder, "a.xyz"), frames(), { signal: controller.signal })).toThrow("enough");
    expect(readdirSync(folder)).toEqual([]);
    const done: number[] = [];
    writeXyz(join(folder, "b.xyz"), [atomsOf(0), atomsOf(1)], {
      onProgress: (progress) => done.push(progress.done),
    });
    expect(done.at(-1)).toBe(2);
  });
});

describe("a file that grows", () => {
  it("keeps what was there, byte by byte", () => {
    const path = join(temporaryFolder(), "grown.xyz");
    const before = "1\ni=0\nH 0 0 0\n";
    writeFileSync(path, before);
    using writer = XyzWriter.open(path);
    writer.append(atomsOf(1));
    writer.flush();
    writer.append(atomsOf(2));
    writer.close();
    expect(readFileSync(path, "utf8").startsWith(before)).toBe(true);
    expect(indicesIn(path)).toEqual([0, 1, 2]);
  });

  it.each([
    ["no line end", "1\ni=0\nH 0 0 0"],
    ["blank lines at the end", "1\ni=0\nH 0 0 0\n\n \n"],
    ["\\r\\n", "1\r\ni=0\r\nH 0 0 0\r\n"],
    ["nothing in it", ""],
  ])("may have %s", (_, before) => {
    const path = join(temporaryFolder(), "grown.xyz");
    writeFileSync(path, before);
    using writer = XyzWriter.open(path);
    writer.append(atomsOf(1));
    writer.close();
    expect(indicesIn(path)).toEqual(before === "" ? [1] : [0, 1]);
  });

  it("is made where there is none", () => {
    const path = join(temporaryFolder(), "grown.xyz");
    using writer = XyzWriter.open(path);
    writer.append(atomsOf(0));
    writer.close();
    expect(indicesIn(path)).toEqual([0]);
  });

  it("shows others only what was flushed, and forgets the rest when discarded", () => {
    const path = join(temporaryFolder(), "grown.xyz");
    const writer = XyzWriter.open(path);
    writer.append(atomsOf(0));
    writer.flush();
    writer.append(Array.from({ length: 20_000 }, (_, i) => atomsOf(i + 1)));
    expect(indicesIn(path)).toEqual([0]);
    writer.discard();
    expect(indicesIn(path)).toEqual([0]);
    expect(readFileSync(path, "utf8")).toHaveLength(readFileSync(path, "utf8").trimEnd().length + 1);
  });

  it("has one writer at a time", () => {
    const path = join(temporaryFolder(), "grown.xyz");
    using writer = XyzWriter.open(path);
    expect(() => XyzWriter.open(path)).toThrow(expect.objectContaining({ code: "ERR_LOCKED" }));
    writer.close();
    XyzWriter.open(path).close();
  });

  it("is refused where new frames would not be found again", () => {
    const path = join(temporaryFolder(), "grown.xyz");
    writeFileSync(path, "0\n\n\nnotes of mine\n");
    expect(() => XyzWriter.open(path)).toThrow("line 3 has a blank line, and text after it");
    expect(readFileSync(path, "utf8")).toContain("notes of mine");
  });

  it("stays plain if it has plain comments", () => {
    const path = join(temporaryFolder(), "grown.xyz");
    writeFileSync(path, "1\nC\nH 0 0 0\n");
    using writer = XyzWriter.open(path);
    expect(() => writer.append(atomsOf(1))).toThrow(expect.objectContaining({ code: "ERR_LOSS" }));
    writer.append(parseXyz("1\nD\nHe 0 0 0\n"));
    writer.close();
    expect([...XyzFile.open(path)].map(({ info }) => info.comment)).toEqual(["C", "D"]);
  });

  it("is not mixed with plain frames", () => {
    const path = join(temporaryFolder(), "grown.xyz");
    writeXyz(path, atomsOf(0));
    expect(() => XyzWriter.open(path, { plain: true })).toThrow(
      expect.objectContaining({ code: "ERR_OPTION" }),
    );
  });
});

describe("a writer that is cut off", () => {
  it("at any byte of an append leaves what was there, and the next one goes on", () => {
    const path = join(temporaryFolder(), "grown.xyz");
    writeXyz(path, atomsOf(0));
    const before = readFileSync(path);
    const writer = XyzWriter.open(path);
    writer.append([atomsOf(1), atomsOf(2)]);
    // What a kill leaves behind, seen from outside: the bytes before the seam is joined.
    const copy = join(temporaryFolder(), "copy.xyz");
    const unfinished = bytesBeforeJoin(path, writer);
    for (let length = before.length; length <= unfinished.length; length++) {
      writeFileSync(copy, unfinished.subarray(0, length));
      expect(indicesIn(copy)).toEqual([0]);
      using next = XyzWriter.open(copy);
      next.append(atomsOf(7));
      next.close();
      expect(indicesIn(copy)).toEqual([0, 7]);
    }
    expect(XyzWriter.open(copy).warnings).toEqual([]);
  });

  it("by kill -9 at random moments loses nothing that was flushed", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "grown.xyz");
    const script = join(folder, "append.mjs");
    await bundleChild(script);
    let least = 0;
    for (let round = 0; round < 8; round++) {
      const child = spawn(process.execPath, [script, path], { stdio: ["ignore", "pipe", "inherit"] });
      child.stdout.setEncoding("utf8");
      let output = "";
      child.stdout.on("data", (text: string) => {
        output += text;
      });
      await once(child.stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
      child.kill("SIGKILL");
      await once(child, "close");
      const flushed = output.trim().split("\n").map(Number);
      least = Math.max(least, ...flushed);
      const found = indicesIn(path);
      expect(found).toEqual(found.map((_, i) => i));
      expect(found.length).toBeGreaterThanOrEqual(least);
    }
    expect(least).toBeGreaterThan(8);
  });
});

/** The file as it is on the disk after the added frames are written and before they are joined. */
function bytesBeforeJoin(path: string, writer: XyzWriter): Uint8Array {
  writer.flush();
  writer.discard();
  const bytes = readFileSync(path);
  const seam = bytes.indexOf("    1\n");
  bytes.set([9, 32, 9, 10], seam);
  return bytes;
}

/** A process that appends frames numbered from the file's length on, and prints how many it has flushed. */
async function bundleChild(script: string): Promise<void> {
  const source = fileURLToPath(new URL("../src/index.ts", import.meta.url));
  const core = fileURLToPath(new URL("../../core/src/index.ts", import.meta.url));
  await build({
    stdin: {
      contents: `
        import { existsSync, writeSync } from "node:fs";
        import { XyzFile, XyzWriter } from ${JSON.stringify(source)};
        import { Atoms } from "@stowage/core";
        const path = process.argv[2];
        let i = existsSync(path) ? XyzFile.open(path).length : 0;
        const writer = XyzWriter.open(path);
        for (;;) {
          for (let k = 0; k < 3; k++, i++) {
            writer.append(new Atoms({ atomicNumbers: new Uint8Array(50), positions: new Float64Array(150).fill(0.1), info: { i } }));
          }
          writer.flush();
          writeSync(1, i + "\\n");
        }`,
      resolveDir: fileURLToPath(new URL(".", import.meta.url)),
      loader: "ts",
    },
    alias: { "@stowage/core": core },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    outfile: script,
    logLevel: "error",
  });
}
