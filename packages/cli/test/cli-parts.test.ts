import { existsSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { int64, type NdArray, ndarray, type Row } from "@stowage/core";
import { describe, expect, test } from "vitest";
import { eachInFolder, molecule, molecules, runCli, writeRows } from "./run-cli.js";

const work = eachInFolder();
const { at, run } = work;

/** The names of the rows of a file, in order. */
async function namesOf(file: string): Promise<string[]> {
  const { code, stdout } = await run("head", file, "-n", "100000", "--keys", "info.name", "--json");
  expect(code).toBe(0);
  const lines = stdout.split("\n").filter(Boolean);
  return lines.map((line) => (JSON.parse(line) as { "info.name": string })["info.name"]);
}

const NAMES = Array.from({ length: 100 }, (_, i) => `molecule ${i}`);

describe("diff", () => {
  test("of equal datasets in two formats ends with 0", async () => {
    expect((await run("convert", "water.rows", "water.atp")).code).toBe(0);
    const { code, stdout } = await run("diff", "water.rows", "water.atp");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "equal  water.rows ↔ water.atp  100 rows\n" });
    expect((await run("diff", "water.rows", "water.atp", "--quiet")).stdout).toBe("");
  });
  test("takes atomic numbers in the dtype that each store has for them", async () => {
    const wide = molecules(100).map((row) => {
      const { data, shape } = row["arrays.numbers"] as NdArray<"uint8">;
      return { ...row, "arrays.numbers": ndarray(BigInt64Array.from(data, BigInt), shape) };
    });
    writeRows(at("wide.rows"), wide);
    expect((await run("diff", "water.rows", "wide.rows")).code).toBe(0);
    wide[3]!["arrays.numbers"].data[0] = 7n;
    writeRows(at("wide.rows"), wide);
    expect((await run("diff", "water.rows", "wide.rows")).code).toBe(1);
  });
  test("tells keys, types, values and the first rows that differ, and ends with 1", async () => {
    const rows = molecules(100);
    rows[7] = { ...rows[7], "calc.energy": (rows[7]!["calc.energy"] as number) + 0.5 } as Row;
    rows[9] = { ...rows[9], "info.name": "renamed", "info.extra": 1 } as Row;
    delete rows[11]!["calc.energy"];
    rows[12] = { ...rows[12], "calc.energy": int64(3) } as Row;
    writeRows(at("other.rows"), rows.slice(0, 99));
    const { code, stdout } = await run("diff", "water.rows", "other.rows");
    expect(code).toBe(1);
    expect(stdout).toContain("different  water.rows ↔ other.rows  100 and 99 rows");
    expect(stdout).toMatch(/^ {2}calc\.energy +1 +0 +98 +1 +1 +[\d.]+ +[\d.]+ +7$/m);
    expect(stdout).toMatch(/^ {2}info\.extra +0 +1 +0 +0 +0 +0 +0 +9$/m);
    expect(stdout).not.toMatch(/^ {2}cell/m);
    expect(stdout).toMatch(
      /row 9, info\.name\n {6}A {2}string {2}"molecule 9"\n {6}B {2}string {2}"renamed"\n/,
    );
    const json = JSON.parse((await run("diff", "water.rows", "other.rows", "--json", "--limit", "2")).stdout);
    expect(json).toMatchObject({ equal: false, rows: { a: 100, b: 99 }, differentRows: 4 });
    expect(json.differences).toEqual([
      { row: 7, key: "calc.energy", a: -24.07, b: -23.57 },
      { row: 9, key: "info.name", a: "molecule 9", b: "renamed" },
    ]);
  });
  test("takes tolerances and keys", async () => {
    const rows = molecules(100).map((row) => ({
      ...row,
      "calc.energy": (row["calc.energy"] as number) + 1e-4,
    }));
    writeRows(at("other.rows"), rows);
    const diff = (...options: string[]) => run("diff", "water.rows", "other.rows", ...options);
    expect((await diff()).code).toBe(1);
    const near = await diff("--atol", "1e-3");
    expect(near.code).toBe(0);
    expect(near.stdout).toMatch(/^ {2}calc\.energy .* 0\.0001 /m);
    expect((await diff("--rtol", "1e-3")).code).toBe(0);
    expect((await diff("--keys", "info.name,cell")).code).toBe(0);
  });
  test("ends with 2 for wrong use, and 1 for a file that is not there", async () => {
    for (const args of [
      ["water.rows"],
      ["water.rows", "water.rows", "--rtol", "-1"],
      ["water.rows", "water.rows", "--atol", "much"],
      ["water.rows", "water.rows", "--keys", "energy"],
    ]) {
      expect((await run("diff", ...args)).code).toBe(2);
    }
    const missing = await run("diff", "water.rows", "nope.rows");
    expect(missing).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("[ERR_FILE_MISSING]") as string,
    });
  });
});

describe("merge", () => {
  test("puts the rows of all inputs one after the other", async () => {
    writeRows(at("more.rows"), [molecule(100), molecule(101)]);
    const { code, stdout, stderr } = await run("merge", "water.rows", "more.rows", "water.rows", "all.atp");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toMatch(/^all\.atp: 202 rows, /m);
    expect(await namesOf("all.atp")).toEqual([...NAMES, "molecule 100", "molecule 101", ...NAMES]);
  });
  test("joins the types of a key over all inputs, and says so", async () => {
    const positions = ndarray(Float32Array.of(0.5, 1, 2), [1, 3]);
    writeRows(at("a.rows"), [{ ...molecule(0, 1), "info.n": int64(3), "arrays.positions": positions }]);
    writeRows(at("b.rows"), [{ ...molecule(1, 1), "info.n": 2.5 }]);
    const { code, stderr } = await run("merge", "a.rows", "b.rows", "all.atp");
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining("all.atp: 2 rows") as string,
    });
    expect(stderr).toMatch(/^widened info\.n: int64 kept as float64$/m);
    expect(stderr).toMatch(/^widened arrays\.positions: float32 kept as float64$/m);
    const { stdout } = await run("get", "all.atp", "0", "1", "--keys", "info.n,arrays.positions", "--json");
    expect(stdout).toBe(
      '{"arrays.positions":[[0.5,1,2]],"info.n":3}\n' +
        `{"arrays.positions":[[1,${1 + 1 / 7},${1 + 2 / 7}]],"info.n":2.5}\n`,
    );
  });
  test("refuses a single file, and an output that is an input", async () => {
    symlinkSync("water.rows", at("link.rows"));
    for (const args of [
      ["water.rows"],
      ["water.rows", "water.rows"],
      ["water.rows", "link.rows", "--overwrite"],
    ]) {
      const { code, stderr } = await run("merge", ...args);
      expect({ code, stderr }).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("Cannot merge") as string,
      });
    }
    writeFileSync(at("there.atp"), "precious");
    expect(await run("merge", "water.rows", "there.atp")).toMatchObject({ code: 1 });
    expect(await namesOf("water.rows")).toEqual(NAMES);
  });
  test("leaves nothing behind when an input is damaged or Ctrl-C comes", async () => {
    writeRows(at("damaged.rows"), [...molecules(5), "!"]);
    expect((await run("merge", "water.rows", "damaged.rows", "out.atp")).code).toBe(1);
    writeRows(at("slow.rows"), molecules(3000));
    const { code } = await runCli(["merge", "water.rows", "slow.rows", "out.atp"], {
      cwd: work.path,
      interruptWhen: () => readdirSync(work.path).some((name) => name.startsWith(".out.atp")),
    });
    expect(code).toBe(130);
    expect(readdirSync(work.path).sort()).toEqual(["damaged.rows", "slow.rows", "water.rows"]);
  });
});

describe("split", () => {
  test("in order, by fractions, into names from a template", async () => {
    const { code, stderr } = await run("split", "water.rows", "out.atp", "--fractions", "0.8,0.1,0.1");
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^out-train\.atp +80 rows +\d+ atoms\nout-val\.atp +10 rows .*\nout-test\.atp +10 rows/m,
    );
    expect(await namesOf("out-train.atp")).toEqual(NAMES.slice(0, 80));
    expect(await namesOf("out-test.atp")).toEqual(NAMES.slice(90));
  });
  test.each([[[]], [["--stratify", "size"]], [["--stratify", "composition"]]])(
    "mixed: each row in one part, the same for the same seed %j",
    async (options) => {
      const split = async (seed: string): Promise<string[][]> => {
        const args = ["--counts", "rest,30", "--seed", seed, "--overwrite", ...options];
        expect((await run("split", "water.rows", "a.atp", "b.rows", ...args)).code).toBe(0);
        return [await namesOf("a.atp"), await namesOf("b.rows")];
      };
      const [first, again, other] = [await split("1"), await split("1"), await split("2")];
      expect(first.map(({ length }) => length)).toEqual([70, 30]);
      expect(first.flat().sort()).toEqual([...NAMES].sort());
      expect(again).toEqual(first);
      expect(other).not.toEqual(first);
    },
  );
  test("by size gives each part its share of small and large", async () => {
    const { stdout } = await run(
      ...[
        "split",
        "water.rows",
        "out.rows",
        "--fractions",
        "0.5,0.5",
        "--stratify",
        "size",
        "--seed",
        "3",
        "--json",
      ],
    );
    const { parts } = JSON.parse(stdout) as { parts: { output: string; rows: number; atoms: number }[] };
    // 25 structures of each size from 3 to 6: half of each is 12 or 13.
    expect(parts.map(({ rows }) => rows)).toEqual([50, 50]);
    for (const { atoms } of parts) expect(Math.abs(atoms - 225)).toBeLessThanOrEqual(9);
  });
  test("writes all parts or none", async () => {
    writeFileSync(at("out-test.atp"), "precious");
    const taken = await run("split", "water.rows", "out.atp", "--fractions", "0.5,0.5");
    expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining("[ERR_FILE_EXISTS]") as string });
    writeRows(at("damaged.rows"), [...molecules(9), "!"]);
    const damaged = await run("split", "damaged.rows", "bad.atp", "--fractions", "0.5,0.5");
    expect(damaged).toMatchObject({ code: 1, stderr: expect.stringContaining("it is damaged") as string });
    expect(readdirSync(work.path).sort()).toEqual(["damaged.rows", "out-test.atp", "water.rows"]);
    writeRows(at("slow.rows"), molecules(3000));
    const { code } = await runCli(["split", "slow.rows", "part.atp", "--counts", "5,rest"], {
      cwd: work.path,
      interruptWhen: () => readdirSync(work.path).some((name) => name.startsWith(".part-test")),
    });
    expect(code).toBe(130);
    expect(readdirSync(work.path).filter((name) => name.includes("part"))).toEqual([]);
  });
  test("refuses what it cannot mean", async () => {
    for (const [reason, ...args] of [
      ["either by --fractions or by --counts", "out.atp"],
      ["either by --fractions or by --counts", "out.atp", "--fractions", "1", "--counts", "rest"],
      ["they add up to 0.9", "out.atp", "--fractions", "0.5,0.4"],
      ["Expected numbers from 0 to 1", "out.atp", "--fractions", "80,20"],
      ["there are 100 rows", "out.atp", "--counts", "101,rest"],
      ["2 names were given", "a.atp", "b.atp", "--fractions", "0.5,0.3,0.2"],
      ["it is named twice", "a.atp", "./a.atp", "--fractions", "0.5,0.5"],
      ["it is the dataset to split", "a.rows", "water.rows", "--fractions", "0.5,0.5", "--overwrite"],
      ["Allowed choices are size, composition", "a.rows", "--fractions", "1", "--stratify", "colour"],
    ] as const) {
      const { code, stderr } = await run("split", "water.rows", ...args);
      expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(reason) as string });
    }
    expect(readdirSync(work.path)).toEqual(["water.rows"]);
    expect(existsSync(at("out-train.atp"))).toBe(false);
  });
});
