import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MapKernels, MmapFile, nativeStatus, openFileSource } from "../src/index.js";
import { nativeAddon } from "../src/native.js";
import { backends, loadPackage } from "./backends.js";
import { temporaryFile, temporaryFolder } from "./temporary-folder.js";

const stowageError = (code: string): unknown => expect.objectContaining({ code });

describe("the package", () => {
  it("exports these values", async () => {
    expect(Object.keys(await import("../src/index.js")).sort()).toMatchInlineSnapshot(`
      [
        "LmdbKernel",
        "MapKernels",
        "MmapFile",
        "XyzColumn",
        "XyzFrame",
        "XyzKernel",
        "compressRecords",
        "nativeStatus",
        "openFileSource",
      ]
    `);
  });

  it("says why there is no addon", async () => {
    const { nativeStatus } = await loadPackage("buffered");
    expect(nativeStatus()).toEqual({ available: false, reason: "STOWAGE_NATIVE=0 is set", threads: 1 });
  });

  it("falls back to positional reads where a file cannot be mapped", async () => {
    const path = temporaryFile();
    writeFileSync(path, "abc");
    const { openFileSource } = await loadPackage("buffered");
    const source = openFileSource(path);
    expect([source.resident, source.byteLength]).toEqual([false, 3]);
    source.close();
  });
});

describe.runIf(backends.includes("mmap"))("the addon", () => {
  const addon = nativeAddon()!;

  function file(bytes: string | Uint8Array = "0123456789"): string {
    const path = temporaryFile();
    writeFileSync(path, bytes);
    return path;
  }

  it("is there, and says what it uses", () => {
    expect(nativeStatus().available).toBe(true);
    expect(nativeStatus().threads).toBeGreaterThan(0);
  });

  it("turns a panic into an exception, and a kernel's exception into ERR_NATIVE", () => {
    expect(() => addon.panicForTest()).toThrow("as asked");
    using map = MmapFile.open(file());
    const kernels = MapKernels.of(map)!;
    const gather = (target: Uint8Array) => kernels.gather(Float64Array.of(2), Uint32Array.of(3), target);
    expect(() => gather(map.bytes)).toThrow(stowageError("ERR_NATIVE"));
    Object.defineProperty(MmapFile.nativeMap(map)!.mapping, "gather", { value: () => addon.panicForTest() });
    expect(() => gather(new Uint8Array(3))).toThrow(
      expect.objectContaining({ code: "ERR_NATIVE", details: { kernel: "gather", reason: "as asked" } }),
    );
  });

  it("gives kernels no closed map", () => {
    const map = MmapFile.open(file());
    const kernels = MapKernels.of(map)!;
    map.close();
    const gather = () => kernels.gather(Float64Array.of(0), Uint32Array.of(1), new Uint8Array(1));
    expect(gather).toThrow(stowageError("ERR_CLOSED"));
  });

  it("checks descriptors and ranges itself", () => {
    const path = file();
    using map = MmapFile.open(path);
    const { mapping } = MmapFile.nativeMap(map)!;
    expect(() => addon.Mapping.open(-1, false, 0, 1)).toThrow(/[Bb]ad file descriptor/);
    expect(() => addon.Mapping.open(2 ** 30, false, 0, 1)).toThrow(/[Bb]ad file descriptor/);
    for (const [at, length] of [
      [0, 11],
      [11, 0],
      [-1, 1],
      [0.5, 1],
      [Number.NaN, 1],
      [2 ** 53, 2 ** 53],
      [Number.POSITIVE_INFINITY, 1],
    ] as [number, number][]) {
      expect(() => mapping.window(at, length)).toThrow();
      expect(() => mapping.populate(at, length)).toThrow();
      expect(() => mapping.advise(0, at, length)).toThrow();
      expect(() => mapping.flush(at, length)).toThrow();
    }
    expect(() => mapping.resized(11)).toThrow(/outside the file/);
    expect(() => mapping.resized(Number.NaN)).toThrow();
    expect(() => addon.allocate(-1, 10)).toThrow();
  });

  it("shows a map in windows that are the same memory", () => {
    using map = MmapFile.open(file(), { mode: "c" });
    const { mapping } = MmapFile.nativeMap(map)!;
    const [whole, part] = [new Uint8Array(mapping.window(0, 10)), new Uint8Array(mapping.window(4, 2))];
    part[0] = 65;
    expect([whole[4], map.bytes[4]]).toEqual([65, 65]);
    mapping.close([whole.buffer, part.buffer]);
    expect([whole.length, part.length]).toEqual([0, 0]);
    mapping.close([]);
    expect(() => mapping.window(0, 1)).toThrow("the map is closed");
  });

  it("shows zeros through a buffer that close could not reach", () => {
    const map = MmapFile.open(file());
    const hidden = new Uint8Array(MmapFile.nativeMap(map)!.mapping.window(0, 10));
    expect(hidden[9]).toBe(57);
    map.close();
    expect([...hidden]).toEqual(new Array(10).fill(0));
    hidden.fill(1);
  });

  it("lets a loop open and close maps without a pause, however long", () => {
    const path = file(new Uint8Array(70_000));
    const before = addon.liveMaps();
    for (let i = 0; i < 2000; i++) MmapFile.open(path).close();
    expect(addon.liveMaps()).toBeGreaterThanOrEqual(before);
    expect(MmapFile.open(path).byteLength).toBe(70_000);
  });

  it("leaves files that the system cannot map to positional reads", () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "inside"));
    expect(() => openFileSource(folder)).toThrow(stowageError("ERR_FILE_ACCESS"));
    if (process.platform !== "linux") return;
    // A file of the kernel's with a length, which has no pages.
    const path = "/sys/kernel/mm/transparent_hugepage/enabled";
    const source = openFileSource(path);
    expect(source instanceof MmapFile).toBe(false);
    expect(() => MmapFile.open(path)).toThrow(
      expect.objectContaining({ code: "ERR_MAPPING", details: { path, reason: expect.any(String) } }),
    );
    source.close();
  });
});
