import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { scalar } from "@stowage/core";
import { describe, expect, test } from "vitest";
import { buildCli } from "./built-cli.js";
import { eachInFolder, molecule, molecules, runCli, writeRows } from "./run-cli.js";

const work = eachInFolder();
const { at, run } = work;

describe("convert", () => {
  test("writes every row, and the way back is the same file", async () => {
    const there = await run("convert", "water.rows", "water.atp", "--codec", "lz4");
    const back = await run("convert", "water.atp", "back.rows");
    expect([there.code, back.code]).toEqual([0, 0]);
    expect(there.stdout).toBe("");
    expect(there.stderr).toMatch(/^water\.atp: 100 rows, 450 atoms in .* \([\d,]+ rows\/s\)$/m);
    expect(there.stderr).toMatch(/^[\d.]+ kB → [\d.]+ kB, [\d.]+ × smaller$/m);
    const rows = await run("head", "water.rows", "-n", "100", "--json");
    const copies = await run("head", "back.rows", "-n", "100", "--json");
    const parse = (text: string): unknown[] =>
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown);
    expect(parse(copies.stdout)).toEqual(parse(rows.stdout));
  });
  test("refuses an option that the target format does not know", async () => {
    const refused = await run("convert", "water.rows", "water.xyz", "--codec", "zstd");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('Cannot use --codec: format "xyz" has no such option [ERR_OPTION]');
    expect(existsSync(at("water.xyz"))).toBe(false);
  });
  test("passes codec and level to the target", async () => {
    const sizes: number[] = [];
    for (const codec of ["none", "zstd"]) {
      expect((await run("convert", "water.rows", `${codec}.atp`, "--codec", codec)).code).toBe(0);
      sizes.push(statSync(at(`${codec}.atp`)).size);
    }
    expect(sizes[1]).toBeLessThan(sizes[0]!);
    const bad = await run("convert", "water.rows", "bad.atp", "--codec", "zstd", "--level", "99999999999");
    expect(bad.code).toBe(2);
  });
  test("takes a range of rows and leaves keys out", async () => {
    const { code } = await run(
      "convert",
      "water.rows",
      "out.rows",
      "--range",
      "-3:",
      "--drop",
      "info.name,cell",
    );
    expect(code).toBe(0);
    const lines = readFileSync(at("out.rows"), "utf8").trim().split("\n");
    expect(lines).toHaveLength(3);
    expect(Object.keys(JSON.parse(lines[0]!) as object)).toEqual([
      "pbc",
      "arrays.numbers",
      "arrays.positions",
      "calc.energy",
    ]);
  });
  test("refuses to drop a key that is not there", async () => {
    const { code, stderr } = await run("convert", "water.rows", "out.rows", "--drop", "name");
    expect(code).toBe(2);
    expect(stderr).toContain("did you mean info.name?");
    expect(existsSync(at("out.rows"))).toBe(false);
  });
  test("prints a line for each value kept under another type", async () => {
    writeRows(at("spin.rows"), [{ ...molecule(0), "info.spin": scalar(1, "int32") }]);
    const { code, stderr } = await run("convert", "spin.rows", "out.rows");
    expect(code).toBe(0);
    expect(stderr).toMatch(/^widened info\.spin: int32 kept as int64$/m);
  });
  test("refuses what the target cannot hold, and names the option that accepts it", async () => {
    writeRows(at("fixed.rows"), [molecule(0), { ...molecule(1), constraints: [{ name: "FixAtoms" }] }]);
    for (const target of ["out.rows", "out.atp"]) {
      const refused = await run("convert", "fixed.rows", target);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/\[ERR_LOSS\]\nhint: pass --drop-unsupported .*--drop constraints\n$/);
      expect(refused.stderr).not.toContain(".tmp");
      expect(readdirSync(work.path).filter((name) => name.includes(target))).toEqual([]);
      const accepted = await run("convert", "fixed.rows", target, "--drop-unsupported");
      expect(accepted.code).toBe(0);
      expect(accepted.stderr).toMatch(/^dropped constraints: /m);
    }
    expect((await run("convert", "fixed.rows", "dropped.atp", "--drop", "constraints")).code).toBe(0);
  });
  test("gives its result as JSON on demand", async () => {
    const { stdout } = await run("convert", "water.rows", "out.rows", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      input: "water.rows",
      output: "out.rows",
      rows: 100,
      atoms: 450,
      losses: [],
      warnings: [],
    });
  });
  test("leaves an existing file alone, unless told to replace it", async () => {
    writeFileSync(at("out.rows"), "precious");
    const refused = await run("convert", "water.rows", "out.rows");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/\[ERR_FILE_EXISTS\]\nhint: choose another name, or pass --overwrite\n$/);
    expect(readFileSync(at("out.rows"), "utf8")).toBe("precious");
    expect((await run("convert", "water.rows", "out.rows", "--overwrite")).code).toBe(0);
    expect(readFileSync(at("out.rows"), "utf8")).toContain("molecule 99");
  });
  test("can replace its own input", async () => {
    expect((await run("convert", "water.rows", "water.rows", "--range", ":2", "--overwrite")).code).toBe(0);
    expect(readFileSync(at("water.rows"), "utf8").trim().split("\n")).toHaveLength(2);
  });
  test("replaces the file that a link means, not the link", async () => {
    writeFileSync(at("real.rows"), "");
    symlinkSync("real.rows", at("link.rows"));
    expect((await run("convert", "water.rows", "link.rows", "--overwrite")).code).toBe(0);
    expect(readFileSync(at("real.rows"), "utf8")).toContain("molecule 99");
  });
  test("keeps the existing file when the conversion fails", async () => {
    writeFileSync(at("out.rows"), "precious");
    writeRows(at("damaged.rows"), [...molecules(5), "!"]);
    expect((await run("convert", "damaged.rows", "out.rows", "--overwrite")).code).toBe(1);
    expect(readFileSync(at("out.rows"), "utf8")).toBe("precious");
    expect(readdirSync(work.path).sort()).toEqual(["damaged.rows", "out.rows", "water.rows"]);
  });
  test("never replaces a device or a folder", async () => {
    mkdirSync(at("folder.rows"));
    for (const [output, reason] of [
      ["/dev/null", "it is not a regular file"],
      ["folder.rows", "it is a folder"],
    ] as const) {
      const { code, stderr } = await run("convert", "water.rows", output, "--to", "atp", "--overwrite");
      expect(code).toBe(1);
      expect(stderr).toContain(reason);
    }
  });
  test("refuses a target that can only be read, is unknown, or has no folder", async () => {
    const frozen = await run("convert", "water.rows", "out.frozen");
    expect(frozen).toMatchObject({ code: 1, stderr: expect.stringContaining("can only be read") as string });
    const unknown = await run("convert", "water.rows", "out.frob");
    expect(unknown).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("[ERR_FORMAT_UNKNOWN]") as string,
    });
    const nowhere = await run("convert", "water.rows", "no/such/out.rows");
    expect(nowhere).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("[ERR_FILE_MISSING]") as string,
    });
    expect(readdirSync(work.path)).toEqual(["water.rows"]);
  });
  test("says that a folder cannot be written", async () => {
    mkdirSync(at("locked"));
    chmodSync(dirname(work.path), 0o755);
    chmodSync(work.path, 0o755);
    chmodSync(at("locked"), 0o555);
    // Root may write anywhere: as nobody the permission counts.
    const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const { code, stderr } = await runCli(["convert", at("water.rows"), at("locked/out.atp")], nobody);
    expect(code).toBe(1);
    expect(stderr).toMatch(/Cannot create .*locked\/out\.atp: permission denied \[ERR_FILE_ACCESS\]/);
  });
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("%s in the middle leaves nothing and ends with %i", async (signal, expected) => {
    writeRows(at("slow.rows"), molecules(3000));
    const isWriting = (): boolean => readdirSync(work.path).some((name) => name.startsWith(".slow-out"));
    const { code, stdout, stderr } = await runCli(["convert", "slow.rows", "slow-out.rows"], {
      cwd: work.path,
      interruptWhen: isWriting,
      signal,
    });
    expect({ code, stdout }).toEqual({ code: expected, stdout: "" });
    expect(stderr).toContain(`stowage: stopped by ${signal}`);
    expect(readdirSync(work.path).sort()).toEqual(["slow.rows", "water.rows"]);
  });
  test("a second Ctrl-C does not wait, and leaves nothing either", async () => {
    writeRows(at("slow.rows"), molecules(3000));
    const { code } = await runCli(["convert", "slow.rows", "slow-out.rows"], {
      cwd: work.path,
      interruptWhen: () => readdirSync(work.path).some((name) => name.startsWith(".slow-out")),
      signalCount: 2,
    });
    expect(code).toBe(130);
    expect(readdirSync(work.path).sort()).toEqual(["slow.rows", "water.rows"]);
  });
  test("Ctrl-C keeps the file that would have been replaced", async () => {
    writeRows(at("slow.rows"), molecules(3000));
    writeFileSync(at("out.atp"), "precious");
    const { code } = await runCli(["convert", "slow.rows", "out.atp", "--overwrite"], {
      cwd: work.path,
      interruptWhen: () => readdirSync(work.path).some((name) => name.startsWith(".out.atp")),
    });
    expect(code).toBe(130);
    expect(readFileSync(at("out.atp"), "utf8")).toBe("precious");
    expect(readdirSync(work.path).sort()).toEqual(["out.atp", "slow.rows", "water.rows"]);
  });
});

describe("try", () => {
  test("packs, compares and measures, and leaves nothing behind", async () => {
    const { code, stdout, stderr } = await runCli(["try", "water.rows"], {
      cwd: work.path,
      env: { TMPDIR: work.path },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^water\.rows → water\.atp$/m);
    expect(stdout).toMatch(/^ {2}compared +600 values in .*: all equal$/m);
    expect(stdout).toMatch(/^ {2}in order +[\d,]+ +[\d,]+ +[\d,]+$/m);
    expect(stdout).toMatch(/^ {2}shuffled, seed 0 +[\d,]+ +[\d,]+ +[\d,]+$/m);
    expect(stdout).toMatch(/^ {2}flat batches of 512 +[\d,]+ +[\d,]+ +[\d,]+$/m);
    expect(readdirSync(work.path)).toEqual(["water.rows"]);
  });
  test("keeps the packed files where it is told to", async () => {
    mkdirSync(at("sub"));
    writeRows(at("sub/water.rows"), molecules(3));
    const args = [
      "try",
      "water.rows",
      "sub/water.rows",
      "--keep",
      "packed",
      "--codec",
      "zstd",
      "--json",
      "--no-rates",
    ];
    const { code, stdout } = await run(...args);
    expect(code).toBe(0);
    expect(readdirSync(at("packed")).sort()).toEqual(["water-2.atp", "water.atp"]);
    const [first, second] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toMatchObject({ rows: 100, values: 600, mismatchCount: 0, mismatches: [] });
    expect(second).toMatchObject({ rows: 3, description: { format: "atp", structures: 3 } });
    const again = await run(...args);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("[ERR_FILE_EXISTS]") as string });
    expect((await run(...args, "--overwrite")).code).toBe(0);
  });
  test("takes announced changes for what they are", async () => {
    const row = { ...molecule(0), "info.spin": scalar(2, "int32"), "info.flag": true };
    writeRows(at("spin.rows"), [row, molecule(1)]);
    const { code, stdout } = await run("try", "spin.rows", "--no-rates");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ +widened info\.spin: int32 kept as int64$/m);
    expect(stdout).toContain("all equal");
  });
  test("shows a value that came back wrong, and ends with 1", async () => {
    // A plugin that takes the place of .atp and changes one energy on the way.
    const atp = join(dirname(await buildCli()), "node_modules/@stowage/atp/dist/index.js");
    writeFileSync(at("wrong.mjs"), wrongPlugin(atp));
    const { code, stdout } = await run("try", "water.rows", "--no-rates", "--plugin", "./wrong.mjs");
    expect(code).toBe(1);
    expect(stdout).toContain("1 mismatch");
    expect(stdout).toMatch(
      /row 7, calc\.energy\n {6}source {2}float64 {2}-24\.07\n {6}copy {4}float64 {2}-1\n/,
    );
  });
  test("Ctrl-C leaves nothing in the temporary folder", async () => {
    writeRows(at("slow.rows"), molecules(3000));
    const { code } = await runCli(["try", "slow.rows"], {
      cwd: work.path,
      env: { TMPDIR: work.path },
      interruptWhen: () => readdirSync(work.path).some((name) => name.startsWith("stowage-try")),
    });
    expect(code).toBe(130);
    expect(readdirSync(work.path).sort()).toEqual(["slow.rows", "water.rows"]);
  });
});

function wrongPlugin(atp: string): string {
  return `
import plugin from ${JSON.stringify(pathToFileURL(atp).href)};
const [atp] = plugin.backends;
const wrong = {
  ...atp,
  async open(path, options) {
    const store = await atp.open(path, options);
    const getMany = async (indices, keys) => {
      const rows = await store.getMany(indices, keys);
      return rows.map((row, i) => (indices[i] === 7 && "calc.energy" in row ? { ...row, "calc.energy": -1 } : row));
    };
    return { ...store, getMany };
  },
};
export default { name: "wrong", backends: [wrong] };
`;
}
