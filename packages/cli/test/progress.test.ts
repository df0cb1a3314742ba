import { describe, expect, test } from "vitest";
import { progressLine, progressText } from "../src/progress.js";
import { displayWidth } from "../src/render/width.js";

const rows = { label: "convert md.xyz", unit: "rows" } as const;

describe("progressLine", () => {
  test("shows share, rows and the time left", () => {
    const line = progressLine({ ...rows, done: 250, total: 1000, elapsedMs: 3000 }, 80);
    expect(line).toMatch(/^convert md\.xyz {2}█+.* 25 % {2}250 of 1,000 rows {2}9\.0 s left$/);
  });
  test("fits every width, with the longest names and numbers", () => {
    for (const width of [40, 60, 80, 120]) {
      const state = {
        ...rows,
        label: `convert ${"水/".repeat(80)}`,
        done: 123456789,
        total: 987654321,
        elapsedMs: 1e8,
      };
      expect(displayWidth(progressLine(state, width))).toBeLessThan(width);
    }
  });
  test("survives no rows and no time", () => {
    expect(progressLine({ ...rows, done: 0, total: 0, elapsedMs: 0 }, 80)).toContain("100 %");
    expect(progressLine({ ...rows, done: 0, total: 10, elapsedMs: 0 }, 80)).not.toContain("left");
  });
});

test("bytes read as sizes", () => {
  const state = { label: "open md.xyz", unit: "bytes", done: 5e8, total: 2e9, elapsedMs: 900 } as const;
  expect(progressLine(state, 80)).toContain(" 25 %  500.0 MB of 2.0 GB  2.7 s left");
});

describe("progressText", () => {
  test("is a line for a log", () => {
    expect(progressText({ ...rows, done: 512, total: 1024, elapsedMs: 12_100 })).toBe(
      "convert md.xyz: 50 %, 512 of 1,024 rows, 12.1 s",
    );
  });
});
