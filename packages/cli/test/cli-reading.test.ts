import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AtpFile } from "@stowage/atp";
import { int64, ndarray, type Row } from "@stowage/core";
import { nativeStatus as lmdbStatus } from "@stowage/lmdb";
import { nativeStatus } from "@stowage/mmap";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Description } from "../src/description.js";
import { displayWidth } from "../src/render/width.js";
import type { Verification } from "../src/verification.js";
import { buildCli } from "./built-cli.js";
import { makeFolder, molecule, molecules, runCli, writeRows } from "./run-cli.js";

const { folder, remove } = makeFolder();
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  await buildCli();
  const rows = molecules(100);
  rows[3]!["info.odd"] = ndarray(Float64Array.of(Number.NaN, -0, Number.POSITIVE_INFINITY));
  rows[4]!["info.big"] = int64(9007199254740993n);
  writeRows(at("water.rows"), rows);
  writeRows(at("damaged.rows"), [
    '{"warning":"an older commit is used"}',
    ...molecules(30),
    "!",
    molecule(1),
    "!",
  ]);
  writeRows(at("empty.rows"), []);
  writeFileSync(at("broken.rows"), "broken");
}, 60_000);
afterAll(remove);

const run = (...args: string[]) => runCli(args, { cwd: folder });

describe("info", () => {
  test("shows a dataset on one screen of 80 columns", async () => {
    const { code, stdout, stderr } = await run("info", "water.rows");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = stdout.split("\n");
    expect(lines.filter((line) => displayWidth(line) > 80)).toEqual([]);
    expect(lines.length).toBeLessThan(40);
    expect(stdout).toMatch(/^ {2}structures +100$/m);
    expect(stdout).toMatch(/^ {2}atoms +450 \(3–6 per structure\)$/m);
    expect(stdout).toMatch(/^ {2}species +H 77\.8 % {2}O 22\.2 %$/m);
    expect(stdout).toMatch(/^ {2}pbc +T T F in 50 structures, T T T in 50 structures$/m);
    expect(stdout).toMatch(/^ {2}arrays\.positions +float64 +\(n, 3\) +0$/m);
    expect(stdout).toMatch(/^ {2}info\.odd +float64 +\(3\) +99$/m);
    expect(stdout).toContain("energy per atom, eV (100 structures)");
    expect(stdout).toContain("█");
  });
  test("gives the same as one JSON object", async () => {
    const { code, stdout } = await run("info", "water.rows", "--json");
    expect(code).toBe(0);
    const { distribution, properties, ...rest } = JSON.parse(stdout) as Description;
    expect(rest).toEqual({
      file: "water.rows",
      format: "rows",
      bytes: readFileSync(at("water.rows")).byteLength,
      structures: 100,
      atoms: { total: 450, min: 3, max: 6 },
      species: [
        { symbol: "H", count: 350, share: 350 / 450 },
        { symbol: "O", count: 100, share: 100 / 450 },
      ],
      pbc: [
        { axes: "T T F", structures: 50 },
        { axes: "T T T", structures: 50 },
      ],
      warnings: [],
    });
    expect(properties).toContainEqual({
      key: "arrays.positions",
      dtype: "float64",
      shape: [null, 3],
      scope: "atom",
      missing: 0,
    });
    expect(distribution).toMatchObject({ quantity: "energy per atom", unit: "eV", count: 100 });
    expect(distribution?.bins.reduce((sum, { count }) => sum + count, 0)).toBe(100);
  });
  test("shows an empty dataset", async () => {
    const { code, stdout } = await run("info", "empty.rows");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}structures +0$/m);
  });
  test("shows warnings", async () => {
    writeRows(at("repaired.rows"), ['{"warning":"an older commit is used"}', molecule(0)]);
    const { code, stdout } = await run("info", "repaired.rows");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}warning +an older commit is used$/m);
  });
  test("goes on after a file that fails, and ends with 1", async () => {
    const { code, stdout, stderr } = await run("info", "broken.rows", "water.rows", "--json");
    expect(code).toBe(1);
    const [bad, good] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(bad).toEqual({
      file: "broken.rows",
      error: { code: "ERR_ROW", message: "Cannot open broken.rows: it is broken" },
    });
    expect(good).toMatchObject({ file: "water.rows", structures: 100 });
    expect(stderr).toContain("stowage: Cannot open broken.rows");
  });
  test("--env names versions and the runtime", async () => {
    const { code, stdout } = await run("info", "--env", "--json");
    expect(code).toBe(0);
    const environment = JSON.parse(stdout) as Record<string, unknown>;
    expect(environment).toMatchObject({
      stowage: expect.stringMatching(/^\d/),
      runtime: `Node.js ${process.versions.node}`,
      packages: { "@stowage/core": expect.any(String), "@stowage/atp": expect.any(String) },
    });
    expect((await run("info", "--env")).stdout).toMatch(/^runtime +Node\.js/m);
  });

  test("--env says how files are read, and why", async () => {
    const off = { STOWAGE_NATIVE: "0" };
    expect((await runCli(["info", "--env"], { env: off })).stdout).toMatch(
      /^reads +positional reads \(STOWAGE_NATIVE=0 is set\)\nLMDB +reads only \(STOWAGE_NATIVE=0 is set\)$/m,
    );
    expect(JSON.parse((await runCli(["info", "--env", "--json"], { env: off })).stdout)).toMatchObject({
      reads: { by: "positional reads", reason: "STOWAGE_NATIVE=0 is set", threads: 1 },
      lmdb: { writes: false, reason: "STOWAGE_NATIVE=0 is set" },
    });
    const { stdout } = await run("info", "--env");
    expect(stdout).toMatch(
      nativeStatus().available
        ? /^reads +memory-mapped \(a local build is loaded, \d+ threads?\)$/m
        : /^reads +positional reads \(.+\)$/m,
    );
    expect(stdout).toMatch(
      lmdbStatus().available
        ? /^LMDB +reads and writes \(a local build is loaded\)$/m
        : /^LMDB +reads only \(.+\)$/m,
    );
  });
});

describe("head and get", () => {
  test("head shows five rows, each value with its kind", async () => {
    const { code, stdout } = await run("head", "water.rows");
    expect(code).toBe(0);
    expect(stdout.match(/^row \d · /gm)).toHaveLength(5);
    expect(stdout).toMatch(/^row 0 · H2O, 3 atoms$/m);
    expect(stdout).toMatch(/^ {2}arrays\.numbers +uint8 \(3\) +\[8 1 1\]$/m);
    expect(stdout.split("\n").filter((line) => displayWidth(line) > 80)).toEqual([]);
  });
  test("head stops at the end of the data", async () => {
    const { stdout } = await run("head", "water.rows", "-n", "1000", "--json");
    expect(stdout.trim().split("\n")).toHaveLength(100);
  });
  test("head of nothing prints nothing", async () => {
    expect(await run("head", "empty.rows")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await run("head", "water.rows", "-n", "0")).toEqual({ code: 0, stdout: "", stderr: "" });
  });
  test("JSON has every value in full", async () => {
    const { stdout } = await run("get", "water.rows", "3", "4", "--json");
    const [third, fourth] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const positions = molecule(3)["arrays.positions"] as { data: Float64Array };
    expect((third!["arrays.positions"] as number[][]).flat()).toEqual(Array.from(positions.data));
    expect(third).toMatchObject({ pbc: [true, true, true], "info.odd": ["NaN", -0, "Infinity"] });
    expect(stdout).toContain('"info.odd":["NaN",-0,"Infinity"]');
    expect(fourth).toMatchObject({ "info.big": "9007199254740993", "info.name": "molecule 4" });
  });
  test("get counts from the end and keeps the order asked for", async () => {
    const { code, stdout } = await run("get", "water.rows", "-1", "0", "--keys", "info.name", "--json");
    expect(code).toBe(0);
    expect(stdout).toBe('{"info.name":"molecule 99"}\n{"info.name":"molecule 0"}\n');
    expect((await run("get", "water.rows", "-1")).stdout).toMatch(/^row 99 · /);
  });
  test("get outside the data ends with 1", async () => {
    for (const index of ["100", "-101"]) {
      const { code, stderr } = await run("get", "water.rows", index);
      expect(code).toBe(1);
      expect(stderr).toContain("[ERR_INDEX_RANGE]");
    }
  });
  test("a mistyped key ends with 2 and suggests the right one", async () => {
    for (const command of [
      ["head", "water.rows"],
      ["get", "water.rows", "0"],
    ]) {
      const { code, stderr } = await run(...command, "--keys", "energy");
      expect(code).toBe(2);
      expect(stderr).toMatch(/^hint: did you mean calc\.energy\?$/m);
    }
  });
});

describe("verify", () => {
  test("says that a good file is good", async () => {
    const { code, stdout } = await run("verify", "water.rows");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^good {2}water\.rows {2}100 rows, [\d.]+ kB\n$/);
  });
  test("names each bad row and counts what was repaired", async () => {
    const { code, stdout } = await run("verify", "damaged.rows", "--json");
    expect(code).toBe(1);
    const result = JSON.parse(stdout) as Verification;
    expect(result).toMatchObject({ ok: false, rows: 33, problemCount: 3 });
    expect(result.problems.map(({ row, code }) => [row, code])).toEqual([
      [null, "WARNING"],
      [30, "ERR_ROW"],
      [32, "ERR_ROW"],
    ]);
  });
  test("lists problems up to the limit and counts the rest", async () => {
    const { stdout } = await run("verify", "damaged.rows", "--limit", "1");
    expect(stdout).toMatch(
      /33 rows, [\d.]+ kB, 3 problems\n {6}an older commit is used \[WARNING\]\n {6}and 2 more\n$/,
    );
  });
  test("reports files that cannot be opened, and goes on", async () => {
    const { code, stdout } = await run("verify", "broken.rows", "missing.rows", "water.rows");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^bad {3}broken\.rows {2}cannot be opened$/m);
    expect(stdout).toContain("[ERR_FILE_MISSING]");
    expect(stdout).toMatch(/^good {2}water\.rows/m);
  });
  test("quiet says nothing of good files", async () => {
    expect(await run("verify", "water.rows", "--quiet")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect((await run("verify", "damaged.rows", "--quiet")).stdout).toContain("bad");
  });
  test("finds per-atom values that are not one an atom", async () => {
    const row: Row = { ...molecule(0), "arrays.charges": ndarray(new Float64Array(2)) };
    writeRows(at("short.rows"), [molecule(0), row]);
    const { code, stdout } = await run("verify", "short.rows");
    expect(code).toBe(1);
    expect(stdout).toContain('row 1: "arrays.charges" has float64 (2) for 3 atoms [ERR_SHAPE]');
  });
  test("finds an .atp file that was cut, and one with a damaged record", async () => {
    expect((await run("convert", "water.rows", "water.atp", "--codec", "zstd")).code).toBe(0);
    expect((await run("verify", "water.atp")).code).toBe(0);
    const bytes = readFileSync(at("water.atp"));
    writeFileSync(at("flipped.atp"), bytes);
    writeFileSync(at("cut.atp"), bytes);
    truncateSync(at("cut.atp"), bytes.length - 1);
    bytes.fill(0xff, 8192 + 200, 8192 + 260);
    writeFileSync(at("flipped.atp"), bytes);
    const cut = await run("verify", "cut.atp", "--json");
    const flipped = await run("verify", "flipped.atp", "--json");
    expect([cut.code, flipped.code]).toEqual([1, 1]);
    expect(JSON.parse(cut.stdout)).toMatchObject({ ok: false, rows: null });
    const { rows, problems } = JSON.parse(flipped.stdout) as Verification;
    expect(rows).toBe(100);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.every(({ row }) => row !== null && row < 10)).toBe(true);
  });
  test("opens what is whole of a damaged file on demand, and still calls it bad", async () => {
    const db = AtpFile.create(at("twice.atp"));
    const append = (n: number): void => {
      db.appendArrays({
        positions: ndarray(new Float32Array(n * 9), [n, 3, 3]),
        atomicNumbers: ndarray(new Uint8Array(n * 3), [n, 3]),
      });
      db.flush();
    };
    append(4);
    append(2);
    db.close();
    truncateSync(at("twice.atp"), statSync(at("twice.atp")).size - 1);
    const refused = await run("info", "twice.atp");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^hint: .*--recover/m);
    const recovered = await run("info", "twice.atp", "--recover", "--json");
    expect(recovered.code).toBe(0);
    expect(JSON.parse(recovered.stdout)).toMatchObject({ structures: 4, warnings: [expect.any(String)] });
    expect((await run("verify", "twice.atp", "--recover")).code).toBe(1);
    expect((await run("convert", "twice.atp", "saved.atp", "--recover")).code).toBe(0);
    expect((await run("verify", "saved.atp")).code).toBe(0);
  });
});
