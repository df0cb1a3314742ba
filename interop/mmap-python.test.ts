import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MmapFile, nativeStatus } from "@stowage/mmap";
import { describe, expect, it } from "vitest";
import { PythonServer } from "./python-process.js";
import { temporaryFolder } from "./temporary-folder.js";

// One file, mapped by Python's mmap and by ours at the same time: each sees what the other stores, before any flush.

type Request = { do: string; path: string } & Record<string, unknown>;

function startPeer() {
  const server = new PythonServer("current", new URL("mmap/shared_map.py", import.meta.url));
  return {
    ask: async (request: Request): Promise<unknown> =>
      JSON.parse(await server.request(JSON.stringify(request))),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

describe.runIf(nativeStatus().available && process.platform !== "win32")("a file mapped by two", () => {
  const types = [
    ["float64", "f8", 1.5],
    ["float32", "f4", -2.25],
    ["int64", "i8", -7n],
    ["uint16", "u2", 65_535],
    ["uint8", "u1", 255],
  ] as const;

  it.each(types)("shows %s of ours to Python, and Python's to us", async (dtype, numpy, value) => {
    await using peer = startPeer();
    const path = join(temporaryFolder(), "data.bin");
    using file = MmapFile.create(path, 100_000);
    await peer.ask({ do: "open", path });
    for (const offset of [0, 4096 - 8, 65_536, 99_992 - 8]) {
      const view: { [i: number]: number | bigint } = file.view(dtype, offset, 2);
      view[0] = value;
      const read = { do: "read", path, dtype: numpy, offset, count: 2 };
      expect(await peer.ask(read)).toEqual([Number(value), 0]);
      await peer.ask({ do: "write", path, dtype: numpy, offset, values: [0, Number(value)] });
      expect([view[0], view[1]]).toEqual([typeof value === "bigint" ? 0n : 0, value]);
    }
    await peer.ask({ do: "close", path });
  });

  it('keeps the stores of "c" and "r" from Python, and takes up its file where nothing was stored', async () => {
    await using peer = startPeer();
    const path = join(temporaryFolder(), "data.bin");
    writeFileSync(path, new Uint8Array(20_000).fill(1));
    for (const mode of ["c", "r"] as const) {
      using file = MmapFile.open(path, { mode });
      file.bytes[0] = 99;
      await peer.ask({ do: "open", path });
      const read = { do: "read", path, dtype: "u1", offset: 0, count: 1 };
      expect(await peer.ask(read)).toEqual([1]);
      const value = mode === "c" ? 50 : 60;
      await peer.ask({ do: "memmap", path, dtype: "u1", offset: 10_000, values: [value] });
      expect([file.bytes[0], file.bytes[10_000]]).toEqual([99, value]);
      await peer.ask({ do: "close", path });
    }
  });

  it("is cut and grown by Python", async () => {
    await using peer = startPeer();
    const path = join(temporaryFolder(), "data.bin");
    writeFileSync(path, new Uint8Array(40_000).fill(1));
    using file = MmapFile.open(path);
    const { bytes } = file;
    await peer.ask({ do: "open", path });
    await peer.ask({ do: "resize", path, byteLength: 5000 });
    expect([bytes[4999], bytes[30_000]]).toEqual([1, 0]);
    expect(() => file.check()).toThrow(expect.objectContaining({ code: "ERR_MAPPING_TRUNCATED" }));
    await peer.ask({ do: "resize", path, byteLength: 50_000 });
    expect([file.refresh(), statSync(path).size]).toEqual([50_000, 50_000]);
    await peer.ask({ do: "write", path, dtype: "u1", offset: 49_999, values: [8] });
    expect([file.bytes[4999], file.bytes[5000], file.bytes[49_999]]).toEqual([1, 0, 8]);
    await peer.ask({ do: "close", path });
  });
});
