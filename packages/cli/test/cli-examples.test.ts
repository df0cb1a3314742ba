import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Description } from "../src/description.js";
import { buildCli } from "./built-cli.js";
import { makeFolder, runCli } from "./run-cli.js";

const EXAMPLES = join(import.meta.dirname, "../../../examples/data");
const files = ["al32_md.xyz", "ch4_2048.xyz", "qm9_reduced_100.xyz"].map((name) => join(EXAMPLES, name));
const [al32 = "", ch4 = "", qm9 = ""] = files;

const { folder, remove } = makeFolder();
beforeAll(buildCli, 60_000);
afterAll(remove);

const run = (...args: string[]) => runCli(args, { cwd: folder });
const parse = (text: string): Record<string, unknown>[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** All rows as `head --json` gives them. */
async function rowsOf(file: string): Promise<Record<string, unknown>[]> {
  const { code, stdout } = await run("head", file, "-n", "100000", "--json");
  expect(code).toBe(0);
  return parse(stdout);
}

describe("the example files", () => {
  test("are what they are known to be", async () => {
    const { code, stdout } = await run("info", ...files, "--json");
    expect(code).toBe(0);
    const [al, methane, molecules] = parse(stdout) as unknown as Description[];
    expect(al).toMatchObject({
      format: "xyz",
      structures: 10,
      atoms: { total: 320, min: 32, max: 32 },
      species: [{ symbol: "Al", count: 320, share: 1 }],
      pbc: [{ axes: "T T T", structures: 10 }],
      distribution: { quantity: "energy per atom", count: 10 },
    });
    expect(methane).toMatchObject({
      structures: 2048,
      atoms: { total: 10_240, min: 5, max: 5 },
      species: [
        { symbol: "H", share: 0.8 },
        { symbol: "C", share: 0.2 },
      ],
      distribution: { quantity: "atoms per structure" },
    });
    expect(molecules).toMatchObject({ structures: 100, atoms: { total: 1001, min: 3, max: 17 } });
    expect(molecules?.properties.map(({ key }) => key)).toContain("info.<R2>");
  });
  test("have groups where their format has", async () => {
    const store = join(EXAMPLES, "al32.lmdb");
    expect((await run("groups", store)).stdout).toBe("test   2 rows\ntrain  4 rows\n");
    expect(parse((await run("groups", store, "--json")).stdout)).toEqual([
      { path: store, groups: { test: 2, train: 4 } },
    ]);
    const { stdout } = await run("info", store, "--group", "train", "--json");
    expect(parse(stdout)[0]).toMatchObject({ format: "lmdb", structures: 4, atoms: { total: 128 } });
    const none = await run("groups", al32);
    expect(none).toMatchObject({ code: 0, stdout: "" });
    expect(none.stderr).toContain("has no groups");
    for (const [file, group, error] of [
      [store, "nope", "[ERR_FILE_MISSING]"],
      [al32, "train", "[ERR_UNSUPPORTED]"],
    ] as const) {
      const refused = await run("head", file, "--group", group);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain(error);
    }
  });
  test("are packed without changing a value", async () => {
    const { code, stdout, stderr } = await run("try", ...files, "--no-rates", "--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const trial of parse(stdout)) expect(trial).toMatchObject({ mismatchCount: 0 });
  });
  test.each(["none", "lz4", "zstd"])("are the same after .atp with codec %s and back", async (codec) => {
    for (const file of [ch4, qm9]) {
      expect((await run("convert", file, "there.atp", "--codec", codec, "--overwrite")).code).toBe(0);
      expect((await run("convert", "there.atp", "back.xyz", "--overwrite")).code).toBe(0);
      expect(await rowsOf("back.xyz")).toEqual(await rowsOf(file));
    }
  });
  test("say when a stress changes its form, and keep its numbers", async () => {
    const there = await run("convert", al32, "al.atp");
    const back = await run("convert", "al.atp", "al.xyz");
    expect(there.stderr).toMatch(/^changed calc\.stress: /m);
    expect(back.stderr).toMatch(/^changed calc\.stress: /m);
    expect(await rowsOf("al.xyz")).toEqual(await rowsOf(al32));
  });
  test("are found good, and bad when they are cut", async () => {
    expect((await run("verify", ...files)).code).toBe(0);
    const text = readFileSync(al32, "utf8");
    writeFileSync(join(folder, "cut.xyz"), text.slice(0, -200));
    const { code, stdout } = await run("verify", "cut.xyz");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^bad {3}cut\.xyz/);
  });
});
