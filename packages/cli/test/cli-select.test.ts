import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { eachInFolder, molecules, runCli, writeRows } from "./run-cli.js";

const work = eachInFolder();
const { at, run } = work;

describe("select", () => {
  test("prints indices, a number, or keys", async () => {
    const indices = await run("select", "water.rows", "natoms=3,id<10");
    expect(indices).toEqual({ code: 0, stdout: "0\n4\n8\n", stderr: "" });
    expect((await run("select", "water.rows", "H>=4", "--count")).stdout).toBe("50\n");
    expect((await run("select", "water.rows", "H>=4", "--count", "--json")).stdout).toBe('{"count":50}\n');
    expect((await run("select", "water.rows", "H4", "--limit", "2", "--json")).stdout).toBe(
      '{"index":2}\n{"index":3}\n',
    );
    const keys = await run("select", "water.rows", "name=molecule 7", "--keys", "calc.energy", "--json");
    expect(keys.stdout).toBe('{"index":7,"calc.energy":-24.07}\n');
    expect((await run("select", "water.rows", "8", "--keys", "info.name")).stdout).toBe(
      'row 7\n  info.name  string  "molecule 7"\n',
    );
    expect((await run("select", "water.rows", "natoms>100")).stdout).toBe("");
    expect((await run("select", "--count", "--", "water.rows", "-name")).stdout).toBe("0\n");
  });
  test("writes the rows to a dataset of any format", async () => {
    const { code, stdout, stderr } = await run(
      "select",
      "water.rows",
      "natoms=3",
      "small.atp",
      "--codec",
      "lz4",
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toMatch(/^small\.atp: 25 rows, 75 atoms in /m);
    expect((await run("select", "small.atp", "natoms=3", "--count")).stdout).toBe("25\n");
    const names = await run("head", "small.atp", "-n", "3", "--keys", "info.name", "--json");
    expect(names.stdout).toBe(["0", "4", "8"].map((i) => `{"info.name":"molecule ${i}"}\n`).join(""));
    const two = await run("select", "water.rows", "O", "two.rows", "--limit", "2", "--json");
    expect(JSON.parse(two.stdout)).toMatchObject({
      input: "water.rows",
      output: "two.rows",
      rows: 2,
      losses: [],
    });
  });
  test("refuses wrong use", async () => {
    for (const [reason, ...args] of [
      ["missing required argument", "water.rows"],
      ['Cannot find key "name2"', "water.rows", "name2=x"],
      ['"low" is no number', "water.rows", "energy<low"],
      ["Cannot find key", "water.rows", "O", "--keys", "energy2"],
      ["it is the dataset to select from", "water.rows", "O", "./water.rows", "--overwrite"],
      ["Cannot use --count with an output", "water.rows", "O", "out.atp", "--count"],
      ["Cannot use --keys with an output", "water.rows", "O", "out.atp", "--keys", "cell"],
      ["Expected a whole number, 0 or more", "water.rows", "O", "--limit", "-1"],
    ] as const) {
      const { code, stderr } = await run("select", ...args);
      expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(reason) as string });
    }
    expect(await run("select", "nope.rows", "O")).toMatchObject({ code: 1 });
    expect(readdirSync(work.path)).toEqual(["water.rows"]);
  });
  test("Ctrl-C leaves nothing", async () => {
    writeRows(at("slow.rows"), molecules(3000));
    const { code, stdout } = await runCli(["select", "slow.rows", "O", "out.atp"], {
      cwd: work.path,
      interruptWhen: () => readdirSync(work.path).some((name) => name.startsWith(".out.atp")),
    });
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
    expect(readdirSync(work.path).sort()).toEqual(["slow.rows", "water.rows"]);
  });
});
