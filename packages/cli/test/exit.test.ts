import { StowageError } from "@stowage/core";
import { CommanderError } from "commander";
import { createColors } from "picocolors";
import { describe, expect, test } from "vitest";
import { describeFailure, exitCodeOf, Interrupted, renderFailure, usageError } from "../src/exit.js";

const plain = { paint: createColors(false), width: Number.POSITIVE_INFINITY, debug: false };

describe("exitCodeOf", () => {
  test("is 2 for wrong use, 1 for failures, the shell's own for signals", () => {
    const missing = new StowageError("ERR_FILE_MISSING", "Cannot open x", { path: "x" });
    expect([
      exitCodeOf(usageError("Cannot", "option", "value")),
      exitCodeOf(new CommanderError(1, "commander.unknownCommand", "error: unknown command")),
      exitCodeOf(new CommanderError(0, "commander.helpDisplayed", "(outputHelp)")),
      exitCodeOf(missing),
      exitCodeOf(new TypeError("x is not a function")),
      exitCodeOf(new Interrupted("SIGINT")),
      exitCodeOf(new Interrupted("EPIPE")),
    ]).toEqual([2, 2, 0, 1, 1, 130, 0]);
  });
});

describe("failures", () => {
  test("give message, code and hint", () => {
    const error = new StowageError(
      "ERR_PACKAGE_MISSING",
      "Cannot open lmdb data",
      { pkg: "@stowage/lmdb" },
      { hint: "npm install @stowage/lmdb" },
    );
    expect(renderFailure(error, plain)).toEqual([
      "stowage: Cannot open lmdb data [ERR_PACKAGE_MISSING]",
      "hint: npm install @stowage/lmdb",
    ]);
  });
  test("are wrapped on a terminal, and coloured after that", () => {
    const error = new StowageError("ERR_CLOSED", "Cannot use a file of a long name: it is closed", {
      path: "x",
    });
    const style = { paint: createColors(true), width: 40, debug: false };
    expect(renderFailure(error, style)).toEqual([
      "\x1b[31mstowage:\x1b[39m Cannot use a file of a long",
      "name: it is closed [ERR_CLOSED]",
    ]);
  });
  test("have no hint line where there is no hint", () => {
    expect(renderFailure(new StowageError("ERR_CLOSED", "Cannot use x", { path: "x" }), plain)).toHaveLength(
      1,
    );
  });
  test("hint at options of the command line, not of functions", () => {
    const loss = new StowageError("ERR_LOSS", "Cannot keep", { key: "constraints", reason: "none" });
    expect(describeFailure(loss).hint).toContain("--drop constraints");
    const exists = new StowageError(
      "ERR_FILE_EXISTS",
      "Cannot create x",
      { path: "x" },
      { hint: "overwrite: true" },
    );
    expect(describeFailure(exists).hint).toBe("choose another name, or pass --overwrite");
  });
  test("that are faults of the program say so", () => {
    expect(describeFailure(new TypeError("x is not a function"))).toEqual({
      code: "ERR_UNEXPECTED",
      message: "Unexpected TypeError: x is not a function",
      hint: expect.stringContaining("--debug") as string,
    });
    expect(describeFailure("text")).toMatchObject({ message: "Unexpected string: text" });
  });
  test("show causes on demand", () => {
    const error = new StowageError("ERR_CLOSED", "Cannot use x", { path: "x" }, { cause: new Error("deep") });
    expect(renderFailure(error, { ...plain, debug: true }).join("\n")).toContain("caused by Error: deep");
  });
});
