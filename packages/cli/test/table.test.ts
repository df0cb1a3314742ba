import { describe, expect, test } from "vitest";
import { renderTable, shrinkColumns } from "../src/render/table.js";
import { displayWidth } from "../src/render/width.js";

describe("renderTable", () => {
  test("aligns columns, numbers to the right", () => {
    const lines = renderTable(
      [
        ["calc.energy", "float64", "0"],
        ["pbc", "bool", "120"],
      ],
      [{}, {}, { align: "right" }],
      { width: 80 },
    );
    expect(lines).toEqual(["  calc.energy  float64    0", "  pbc          bool     120"]);
  });
  test("aligns by terminal columns where characters are wide", () => {
    const lines = renderTable(
      [
        ["info.水", "a"],
        ["info.x", "b"],
      ],
      [{}, {}],
      { width: 80, indent: 0 },
    );
    expect(lines.map((line) => displayWidth(line.slice(0, -1)))).toEqual([9, 9]);
  });
  test("cuts the columns that allow it until the line fits", () => {
    const [line = ""] = renderTable([["k".repeat(100), "float64"]], [{ shrinkTo: 10 }, {}], { width: 40 });
    expect(displayWidth(line)).toBe(40);
    expect(line).toMatch(/^ {2}k+… {2}float64$/);
  });
  test("cuts nothing that may not be cut", () => {
    const key = "k".repeat(100);
    expect(renderTable([[key, "x"]], [{}, {}], { width: 40 })).toEqual([`  ${key}  x`]);
  });
  test("colours cells without counting the codes as width", () => {
    const bold = (text: string): string => `<${text}>`;
    const rows = [
      ["a", "1"],
      ["bb", "2"],
    ];
    expect(renderTable(rows, [{ paint: bold }, {}], { width: 80, indent: 0 })).toEqual([
      "<a >  1",
      "<bb>  2",
    ]);
  });
  test("is empty for no rows", () => {
    expect(renderTable([], [{}], { width: 80 })).toEqual([]);
  });
});

describe("shrinkColumns", () => {
  test("takes from the widest first and stops at the limit", () => {
    const columns = [{ shrinkTo: 5 }, { shrinkTo: 5 }, {}];
    expect(shrinkColumns([20, 10, 8], columns, 28)).toEqual([10, 10, 8]);
    expect(shrinkColumns([20, 10, 8], columns, 4)).toEqual([5, 5, 8]);
  });
});
