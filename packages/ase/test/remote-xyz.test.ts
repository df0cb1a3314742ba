import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MemorySource } from "@stowage/core";
import { describe, expect, it } from "vitest";
import { openXyz, parseXyz, readXyz, XyzFile } from "../src/index.js";

const examples = new URL("../../../examples/data/", import.meta.url).pathname;
const bytes = readFileSync(join(examples, "qm9_reduced_100.xyz"));

describe("an XYZ file elsewhere", () => {
  it("reads as one on the disk", async () => {
    using local = XyzFile.open(join(examples, "qm9_reduced_100.xyz"));
    using remote = await openXyz(new Blob([bytes]));
    expect([remote.length, remote.schema, remote.warnings]).toEqual([
      local.length,
      local.schema,
      local.warnings,
    ]);
    expect(remote.atomCounts).toEqual(local.atomCounts);
    expect(await remote.at(-1)).toEqual(local.at(-1));
    expect(await remote.row(3)).toEqual(local.row(3));
    expect(await remote.column("info.A")).toEqual(local.column("info.A"));
    const all = [];
    for await (const atoms of remote) all.push(atoms);
    expect(all).toEqual([...local]);
  });

  it("takes any byte source, and lets it go", async () => {
    const remote = await openXyz(new MemorySource(bytes));
    remote.close();
    await expect(remote.at(0)).rejects.toMatchObject({ code: "ERR_CLOSED" });
    await expect(openXyz(new Blob(["x\n"]))).rejects.toMatchObject({ code: "ERR_XYZ_FORMAT" });
  });

  it("stops when told to, and tells how far it is", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(openXyz(new Blob([bytes]), { signal })).rejects.toThrow("enough");
    const done: number[] = [];
    await openXyz(new Blob([bytes]), { onProgress: (progress) => done.push(progress.done) });
    expect(done.at(-1)).toBe(bytes.length);
  });
});

describe("a stream", () => {
  it("gives each frame the types that it shows itself", async () => {
    const stream = new Blob(["0\na=1\n0\na=1.5\n1\nC\nH 0 0 0\n0\n\n"]).stream();
    const found = [];
    for await (const atoms of readXyz(stream)) found.push([atoms.info, atoms.dtypes]);
    expect(found).toEqual([
      [{ a: 1 }, undefined],
      [{ a: 1.5 }, undefined],
      [{ comment: "C" }, undefined],
      [{}, undefined],
    ]);
  });

  it("gives what a file gives where types do not change", async () => {
    const found = [];
    for await (const atoms of readXyz(new Blob([bytes.subarray(0, 5000)]).stream())) {
      found.push(atoms);
      if (found.length === 3) break;
    }
    expect(found.map(({ positions }) => positions)).toEqual(
      parseXyz(bytes)
        .slice(0, 3)
        .map(({ positions }) => positions),
    );
  });

  it("gives a frame as soon as the line after it is there", async () => {
    const encoder = new TextEncoder();
    let sent = 0;
    const chunks = async function* () {
      for (let i = 0; i < 3; i++) {
        sent++;
        yield encoder.encode(`1\na=${i}\nH 0 0 0\n`);
      }
    };
    const seen = [];
    for await (const atoms of readXyz(chunks())) seen.push([atoms.info.a, sent]);
    expect(seen).toEqual([
      [0, 2],
      [1, 3],
      [2, 3],
    ]);
  });

  it("tells where it is wrong", async () => {
    const read = async () => {
      for await (const _ of readXyz(new Blob(["0\n\n1\n\nH 0 0 x\n"]).stream(), { name: "stdin" })) void _;
    };
    await expect(read()).rejects.toThrow('Cannot read frame 1 of stdin: line 5 has "x" in column 4');
    const text = (async function* () {
      yield "0\n\n" as unknown as Uint8Array;
    })();
    await expect(readXyz(text).next()).rejects.toThrow(TypeError);
  });
});
