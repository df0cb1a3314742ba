import { isStowageError } from "@stowage/core";
import { expect, it } from "vitest";
import plugin, * as ase from "../src/index.js";

it("exports what users need, and nothing else", () => {
  expect(Object.keys(ase).sort()).toEqual([
    "RemoteXyz",
    "XyzFile",
    "XyzWriter",
    "decodeDatabaseRow",
    "default",
    "formatXyz",
    "openTraj",
    "openTrajStore",
    "openXyz",
    "openXyzStore",
    "parseXyz",
    "readXyz",
    "traj",
    "writeTraj",
    "writeXyz",
    "xyz",
  ]);
});

it("is a plugin with two backends", () => {
  expect(plugin.name).toBe("ase");
  expect(plugin.backends.map(({ name }) => name)).toEqual(["xyz", "traj"]);
});

it("gives its errors a code, a place and what was expected", () => {
  let error: unknown;
  try {
    ase.parseXyz("1\n\nH 1 2 x\n");
  } catch (caught) {
    error = caught;
  }
  if (!isStowageError(error, "ERR_XYZ_FORMAT")) throw new Error("no such error", { cause: error });
  expect(error.message).toBe('Cannot read frame 0 of text: line 3 has "x" in column 4, expected a number');
  expect(error.details).toEqual({
    path: "text",
    frameIndex: 0,
    line: 3,
    found: '"x" in column 4',
    expected: "a number",
  });
});
