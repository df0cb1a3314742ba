import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildCli } from "./built-cli.js";
import { makeFolder, molecules, ROWS_PLUGIN, runCli, writeRows } from "./run-cli.js";

const { folder, remove } = makeFolder();
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  await buildCli();
  writeRows(at("water.rows"), molecules(100));
}, 60_000);
afterAll(remove);

const COMMANDS = ["info", "head", "get", "groups", "convert", "verify", "try"];

describe("help", () => {
  test("lists every command, examples and exit codes, on stdout", async () => {
    const { code, stdout, stderr } = await runCli(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${command} `, "m"));
    expect(stdout).toContain("Examples:");
    expect(stdout).toContain("Exit codes:");
  });
  test.each(COMMANDS)("of %s has examples, and no line is longer than a terminal", async (command) => {
    const { code, stdout } = await runCli([command, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Examples:\n {2}\$ stowage /);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });
  test("of a command is also given by `help COMMAND`", async () => {
    const [byOption, byCommand] = [await runCli(["get", "--help"]), await runCli(["help", "get"])];
    expect(byCommand).toEqual(byOption);
  });
  test("goes to stderr with exit code 2 where no command is given", async () => {
    const program = await buildCli();
    const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    expect(await once(child, "close")).toEqual([2, null]);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^Usage: stowage/);
    expect(stderr).not.toContain("stowage: ");
  });
  test("the version is a version", async () => {
    const { code, stdout } = await runCli(["--version"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("wrong use", () => {
  test.each([
    [["frobnicate"], "unknown command 'frobnicate'"],
    [["inof", "x"], "Did you mean info?"],
    [["info", "--frobnicate"], "unknown option '--frobnicate'"],
    [["info"], "no file was given"],
    [["head"], "missing required argument 'file'"],
    [["head", "water.rows", "-n", "many"], "Expected a whole number, 0 or more"],
    [["head", "water.rows", "--keys", "calc.energi,"], "Expected keys"],
    [["get", "water.rows"], "missing required argument 'index'"],
    [["get", "water.rows", "1.5"], "Expected a whole number"],
    [["convert", "water.rows"], "missing required argument 'output'"],
    [["convert", "water.rows", "out.rows", "--range", "5"], "Expected first:last"],
    [["convert", "water.rows", "out.rows", "--codec", "zip"], "Allowed choices are none, lz4, zstd"],
    [["convert", "water.rows", "out", "--to", "zip"], "known formats: atp, "],
    [["info", "water.rows", "--from", "zip"], "known formats: atp, "],
    [["verify"], "missing required argument 'file'"],
    [["head", "water.rows", "extra"], "too many arguments"],
    [["info", "water.rows", "--plugin", "./missing.mjs"], 'Cannot load plugin "./missing.mjs"'],
  ])("stowage %j ends with 2 and says so", async (args, message) => {
    const { code, stdout, stderr } = await runCli(args, { cwd: folder });
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^stowage: .*\[ERR_OPTION\]$/m);
  });
});

describe("failures on data", () => {
  test("a missing file ends with 1, in three lines at most, without a stack", async () => {
    const { code, stdout, stderr } = await runCli(["info", "missing.rows"], { cwd: folder });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /^stowage: Cannot open missing\.rows: there is no such file.* \[ERR_FILE_MISSING\]\n$/,
    );
  });
  test("a missing file is missing, whatever its extension", async () => {
    const { code, stderr } = await runCli(["head", "missing.frob"], { cwd: folder });
    expect(code).toBe(1);
    expect(stderr).toContain("[ERR_FILE_MISSING]");
  });
  test("an unknown extension ends with 1 and names those that are known", async () => {
    writeFileSync(at("data.frob"), "what is this");
    const { code, stderr } = await runCli(["info", "data.frob"], { cwd: folder });
    expect(code).toBe(1);
    expect(stderr).toContain("[ERR_FORMAT_UNKNOWN]");
    expect(stderr).toMatch(/^hint: known extensions: \.atp/m);
  });
  test("a folder in place of a file ends with 1", async () => {
    const { code, stderr } = await runCli(["info", ".", "--from", "atp"], { cwd: folder });
    expect(code).toBe(1);
    expect(stderr).toContain("it is a folder");
  });
  test("the stack is printed on demand only", async () => {
    const { stderr } = await runCli(["info", "missing.rows", "--debug"], { cwd: folder });
    expect(stderr).toMatch(/\n {4}at /);
  });
  test("a name with control characters does not reach the terminal raw", async () => {
    const { stderr } = await runCli(["info", "a\x1b[31m.rows"], { cwd: folder });
    expect(stderr).toContain("a\\x1b[31m.rows");
    expect(stderr).not.toContain("\x1b");
  });
});

describe("pipes", () => {
  test("carry no colour codes, on neither stream", async () => {
    for (const args of [["info", "water.rows"], ["head", "water.rows"], ["info", "missing"], ["--help"]]) {
      const { stdout, stderr } = await runCli(args, { cwd: folder });
      expect(stdout + stderr).not.toContain("\x1b");
    }
  });
  test.each([
    ["head", "-n", "5000", "--json"],
    ["select", "O", "--keys", "arrays.positions", "--json"],
  ])("that close early end the command quietly with 0: %s", async (command, ...args) => {
    writeRows(at("many.rows"), molecules(5000));
    const program = await buildCli();
    const child = spawn(
      process.execPath,
      [program, "--plugin", ROWS_PLUGIN, command, at("many.rows"), ...args],
      {
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let stderr = "";
    child.stderr.on("data", (chunk) => (stderr += chunk));
    await once(child.stdout, "data");
    child.stdout.destroy();
    expect(await once(child, "close")).toEqual([0, null]);
    expect(stderr).toBe("");
  });
});

test.runIf(existsSync("/dev/full"))("a disk that is full is a failure", async () => {
  const program = await buildCli();
  const full = openSync("/dev/full", "w");
  for (const rows of ["1", "100"]) {
    const args = [program, "--plugin", ROWS_PLUGIN, "head", at("water.rows"), "-n", rows, "--json"];
    const child = spawn(process.execPath, args, { stdio: ["ignore", full, "pipe"] });
    let stderr = "";
    child.stderr?.on("data", (chunk) => (stderr += chunk));
    expect(await once(child, "close")).toEqual([1, null]);
    expect(stderr).toBe(
      "stowage: Cannot write the output: no space is left on the device [ERR_FILE_ACCESS]\n",
    );
  }
  closeSync(full);
});

describe("global options", () => {
  test("are taken before and after the command", async () => {
    const before = await runCli(["--json", "get", "water.rows", "0"], { cwd: folder });
    const after = await runCli(["get", "water.rows", "0", "--json"], { cwd: folder });
    expect(before.code).toBe(0);
    expect(after).toEqual(before);
  });
  test("quiet leaves notes out", async () => {
    const loud = await runCli(["convert", "water.rows", "loud.rows"], { cwd: folder });
    const quiet = await runCli(["convert", "water.rows", "quiet.rows", "--quiet"], { cwd: folder });
    expect(loud.stderr).toContain("100 rows");
    expect(quiet).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});
