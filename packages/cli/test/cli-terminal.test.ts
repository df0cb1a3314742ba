import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { ndarray } from "@stowage/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { displayWidth } from "../src/render/width.js";
import { buildCli } from "./built-cli.js";
import { makeFolder, molecules, ROWS_PLUGIN, writeRows } from "./run-cli.js";

/** util-linux's `script` gives a program a terminal; elsewhere its arguments differ. */
const hasScript = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0;

const { folder, remove } = makeFolder();
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  await buildCli();
  const rows = molecules(200);
  for (const row of rows) {
    row[`info.${"long_".repeat(20)}name`] = "水の分子 ".repeat(20);
    row["arrays.注釈の長い名前"] = ndarray(new Float32Array(row["arrays.numbers"] ? 3 : 0));
  }
  writeRows(at("wide.rows"), rows);
  writeRows(at("slow.rows"), molecules(4000));
}, 60_000);
afterAll(remove);

/** Everything that reaches a terminal of so many columns. */
async function onTerminal(
  args: readonly string[],
  columns: number,
  env: Record<string, string> = {},
): Promise<string> {
  const words = [process.execPath, await buildCli(), "--plugin", ROWS_PLUGIN, ...args];
  const command = words.map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-qec", `stty cols ${columns}; ${command}`, "/dev/null"], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: "", TERM: "xterm-256color", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  await new Promise((resolve) => child.on("close", resolve));
  return output;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal codes are made of them
const CODES = /\x1b(?:\[[0-9;?]*[a-zA-Z]|[78])/g;

function linesOf(output: string): string[] {
  // A progress bar begins each of its states with a move to the first column.
  return output
    .replaceAll("\x1b[1G", "\n")
    .replace(CODES, "")
    .split(/\r?\n|\r/);
}

describe.runIf(hasScript)("on a terminal", () => {
  test.each([80, 60, 132])("of %i columns nothing wraps", async (columns) => {
    for (const args of [
      ["info", "wide.rows"],
      ["head", "wide.rows", "-n", "2"],
      ["verify", "wide.rows"],
      ["stats", "wide.rows"],
      ["select", "wide.rows", "natoms<4", "--limit", "2", "--keys", "calc.energy"],
      ["diff", "wide.rows", "slow.rows"],
    ]) {
      const lines = linesOf(await onTerminal(args, columns));
      expect(lines.length).toBeGreaterThan(1);
      expect(lines.filter((line) => displayWidth(line) > columns)).toEqual([]);
    }
  });
  test("there are colours, unless they are unwanted", async () => {
    expect(await onTerminal(["info", "wide.rows"], 80)).toContain("\x1b[1m");
    expect(await onTerminal(["info", "wide.rows", "--no-color"], 80)).not.toContain("\x1b[1m");
    expect(await onTerminal(["info", "wide.rows"], 80, { NO_COLOR: "1" })).not.toContain("\x1b[1m");
    expect(await onTerminal(["info", "wide.rows"], 80, { TERM: "dumb" })).not.toContain("\x1b[1m");
    expect(await onTerminal(["--help"], 80)).toContain("\x1b[1m");
    expect(await onTerminal(["--help", "--no-color"], 80)).not.toContain("\x1b[1m");
  });
  test("a progress bar comes, goes, and gives the cursor back", async () => {
    const output = await onTerminal(["convert", "slow.rows", "slow-copy.rows"], 80);
    const lines = linesOf(output);
    expect(
      lines.filter((line) => /^convert slow\.rows {2}.* \d+ % {2}[\d,]+ of 4,000 rows/.test(line)).length,
    ).toBeGreaterThan(2);
    expect(lines.filter((line) => displayWidth(line) > 80)).toEqual([]);
    expect(output.lastIndexOf("\x1b[?25h")).toBeGreaterThan(output.lastIndexOf("\x1b[?25l"));
    expect(lines.at(-3)).toMatch(/^slow-copy\.rows: 4,000 rows/);
  });
  test("quiet draws no bar", async () => {
    expect(await onTerminal(["convert", "slow.rows", "quiet.rows", "--quiet"], 80)).toBe("");
  });
});
