import { join } from "node:path";
import { int64, ndarray } from "@stowage/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildCli } from "./built-cli.js";
import { makeFolder, molecules, runCli, writeRows } from "./run-cli.js";

const { folder, remove } = makeFolder();
const run = (...args: string[]) => runCli(args, { cwd: folder });

beforeAll(async () => {
  await buildCli();
  writeRows(join(folder, "water.rows"), molecules(100));
  const big = ndarray(new Float64Array(2).fill(Number.NaN), [2]);
  writeRows(join(folder, "odd.rows"), [
    { "info.n": int64(2n ** 60n + 1n), "info.x": big },
    { "info.n": int64(7), "info.name": "a\u001b[31m" },
  ]);
  writeRows(join(folder, "empty.rows"), []);
  writeRows(join(folder, "slow.rows"), molecules(3000));
}, 60_000);
afterAll(remove);

describe("stats", () => {
  test("draws each key", async () => {
    const { code, stdout, stderr } = await run("stats", "water.rows");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^water\.rows {2}100 rows\n\ncell\n/);
    expect(stdout).toMatch(
      /^calc\.energy\n {2}float64 per structure, in 100 rows\n {2}mean -18\.495 {2}std 4\.4\d+\n {2}min -24\.99 /m,
    );
    expect(stdout).toMatch(
      /^arrays\.positions\n {2}float64 \(n, 3\) per atom, in 100 rows,\n? +1,350 numbers/m,
    );
    expect(stdout).toMatch(/^info\.name\n {2}string per structure, in 100 rows, 100 texts, 100 different$/m);
    expect(stdout).toMatch(/^ +-16 … -14 +0\n +-14 … -12 +24 {2}█+/m);
  });
  test("takes keys and bins", async () => {
    const { stdout } = await run("stats", "water.rows", "--keys", "calc.energy", "--bins", "0");
    expect(stdout.trimEnd().split("\n")).toHaveLength(7);
    const twice = await run("stats", "water.rows", "--keys", "calc.energy,calc.energy", "--bins", "0");
    expect(twice.stdout).toBe(stdout);
  });
  test("as JSON is exact", async () => {
    const { stdout } = await run("stats", "odd.rows", "--json");
    const { rows, keys } = JSON.parse(stdout) as { rows: number; keys: Record<string, unknown>[] };
    expect(rows).toBe(2);
    expect(keys[0]).toMatchObject({
      key: "info.n",
      dtype: "int64",
      numbers: { min: 7, max: String(2n ** 60n + 1n) },
    });
    expect(keys[1]).toMatchObject({ key: "info.x", missing: 1, numbers: { count: 0, nan: 2, mean: null } });
  });
  test("prints nothing from the data that drives a terminal, and bears a dataset without rows", async () => {
    expect((await run("stats", "odd.rows")).stdout).not.toContain("\u001b");
    expect(await run("stats", "empty.rows")).toMatchObject({ code: 0, stdout: "empty.rows  0 rows\n" });
  });
  test("ends with 2 for wrong use, with 1 for bad data, with 130 for Ctrl-C", async () => {
    expect((await run("stats")).code).toBe(2);
    expect((await run("stats", "water.rows", "--bins", "-1")).code).toBe(2);
    const key = await run("stats", "water.rows", "--keys", "energy");
    expect(key).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("did you mean calc.energy?") as string,
    });
    expect((await run("stats", "nope.rows")).code).toBe(1);
    const began = Date.now();
    const stopped = await runCli(["stats", "slow.rows"], {
      cwd: folder,
      interruptWhen: () => Date.now() - began > 500,
    });
    expect(stopped).toMatchObject({ code: 130, stdout: "" });
  });
  test("is explained by --help", async () => {
    const { code, stdout } = await run("stats", "--help");
    expect(code).toBe(0);
    expect(stdout).toContain("Examples:");
  });
});
