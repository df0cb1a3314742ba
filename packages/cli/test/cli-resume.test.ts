import { existsSync, readdirSync, readFileSync } from "node:fs";
import { scalar } from "@stowage/core";
import { describe, expect, test } from "vitest";
import { eachInFolder, molecule, molecules, runCli, writeRows } from "./run-cli.js";

const work = eachInFolder();
const { at, run } = work;

const countOf = async (file: string): Promise<number> => {
  const { stdout } = await run("info", file, "--json");
  return (JSON.parse(stdout) as { structures: number }).structures;
};

describe("convert --resume", () => {
  test.each(["out.atp", "out.xyz", "out.traj"])(
    "goes on after the rows that are there: %s",
    async (output) => {
      const begun = await run("convert", "water.rows", output, "--range", ":40", "--resume", "--json");
      expect(JSON.parse(begun.stdout)).toMatchObject({ rows: 40, atoms: 180, resumedAt: 0 });
      const resumed = await run("convert", "water.rows", output, "--resume");
      expect(resumed.code).toBe(0);
      expect(resumed.stderr).toMatch(/: 60 rows, 270 atoms in .*, after 40 rows that were there$/m);
      expect(await run("diff", "water.rows", output, "--no-dtypes")).toMatchObject({ code: 0 });
      // Once more there is nothing left to do.
      const again = await run("convert", "water.rows", output, "--resume", "--json");
      expect(JSON.parse(again.stdout)).toMatchObject({ rows: 0, resumedAt: 100 });
      expect(
        readdirSync(work.path)
          .filter((name) => !name.includes(".idx"))
          .sort(),
      ).toEqual([output, "water.rows"].sort());
    },
  );
  test("takes up what a plain conversion wrote, with a range and without keys", async () => {
    const options = ["--range", "10:90", "--drop", "info.name"];
    expect(
      (await run("convert", "water.rows", "out.atp", "--range", "10:30", "--drop", "info.name")).code,
    ).toBe(0);
    const { stdout } = await run("convert", "water.rows", "out.atp", ...options, "--resume", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ rows: 60, resumedAt: 20 });
    expect((await run("convert", "water.rows", "whole.atp", ...options)).code).toBe(0);
    expect((await run("diff", "whole.atp", "out.atp")).code).toBe(0);
  });
  test.each([
    ["SIGINT", 130],
    ["SIGKILL", null],
  ] as const)(
    "after %s the rows that were committed are there, and the rest follows",
    async (signal, expected) => {
      writeRows(at("slow.rows"), molecules(3000));
      const { code } = await runCli(["convert", "slow.rows", "out.atp", "--resume"], {
        cwd: work.path,
        interruptWhen: () => existsSync(at("out.atp")),
        signal,
      });
      expect(code).toBe(expected);
      const kept = await countOf("out.atp");
      expect(kept).toBeGreaterThan(0);
      expect(kept).toBeLessThan(3000);
      const { stdout } = await run("convert", "slow.rows", "out.atp", "--resume", "--json");
      expect(JSON.parse(stdout)).toMatchObject({ rows: 3000 - kept, resumedAt: kept });
      expect((await run("diff", "slow.rows", "out.atp")).code).toBe(0);
    },
  );
  test("keeps the rows before one that is damaged", async () => {
    writeRows(at("damaged.rows"), [...molecules(30), "!"]);
    const { code, stderr } = await run("convert", "damaged.rows", "out.atp", "--resume");
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("is damaged") as string,
    });
    expect(await countOf("out.atp")).toBeGreaterThan(0);
  });
  test("says once what is kept under another type", async () => {
    const rows = molecules(3).map((row) => ({ ...row, "info.spin": scalar(1, "int32") }));
    writeRows(at("spin.rows"), rows);
    for (const range of [":2", ":"]) {
      const { code, stderr } = await run("convert", "spin.rows", "out.atp", "--resume", "--range", range);
      expect(code).toBe(0);
      expect(stderr.match(/widened info\.spin/g)).toHaveLength(1);
    }
  });
  test("refuses a target that has other rows, or more, and leaves it alone", async () => {
    const other = molecules(50);
    other[49] = molecule(7);
    writeRows(at("other.rows"), other);
    for (const [reason, source] of [
      ["its row 49 is not that of the source", "other.rows"],
      ["it has 101 rows, the source 100", "more.rows"],
    ] as const) {
      writeRows(at("more.rows"), molecules(101));
      expect((await run("convert", source, "out.atp", "--overwrite")).code).toBe(0);
      const before = readFileSync(at("out.atp"));
      const { code, stderr } = await run("convert", "water.rows", "out.atp", "--resume");
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(reason) as string });
      expect(stderr).toContain("[ERR_FILE_EXISTS]");
      expect(readFileSync(at("out.atp")).equals(before)).toBe(true);
    }
  });
  test("refuses what makes no sense", async () => {
    for (const [exitCode, reason, ...args] of [
      [2, "--resume and --overwrite together", "water.rows", "out.atp", "--overwrite"],
      [2, "it is also the input", "water.rows", "./water.rows"],
      [1, "takes no rows at its end", "water.rows", "out.frozen"],
    ] as const) {
      const { code, stderr } = await run("convert", ...args, "--resume");
      expect({ code, stderr }).toMatchObject({
        code: exitCode,
        stderr: expect.stringContaining(reason) as string,
      });
    }
  });
});

test("merge --resume goes on in the middle of an input", async () => {
  writeRows(at("more.rows"), molecules(30));
  expect((await run("merge", "water.rows", "more.rows", "whole.atp")).code).toBe(0);
  expect((await run("convert", "whole.atp", "out.atp", "--range", ":110")).code).toBe(0);
  const { stdout } = await run("merge", "water.rows", "more.rows", "out.atp", "--resume", "--json");
  expect(JSON.parse(stdout)).toMatchObject({ rows: 20, resumedAt: 110 });
  expect((await run("diff", "whole.atp", "out.atp")).code).toBe(0);
  const both = await run("merge", "water.rows", "out.atp", "--resume", "--overwrite");
  expect(both.code).toBe(2);
});
