import { describe, expect, test } from "vitest";
import { cutText, displayWidth, padText, printable, wrapText } from "../src/render/width.js";

describe("displayWidth", () => {
  test.each([
    ["energy", 6],
    ["", 0],
    ["水分子", 6],
    ["ｆｕｌｌ", 8],
    ["한국어", 6],
    ["é", 1],
    ["e\u0301", 1],
    ["Ångström", 8],
    ["🧪", 2],
    ["👩‍🔬", 2],
    ["a\u200bb", 2],
    ["→ × …", 5],
  ])("counts the columns of %j as %i", (text, columns) => {
    expect(displayWidth(text)).toBe(columns);
  });
});

describe("cutText", () => {
  test("leaves text that fits alone", () => {
    expect(cutText("calc.energy", 11)).toBe("calc.energy");
  });
  test("keeps the start and ends with an ellipsis", () => {
    expect(cutText("calc.energy", 6)).toBe("calc.…");
  });
  test("keeps both ends where names differ at the end", () => {
    expect(cutText("info.a_long_name_1", 9, "ends")).toBe("info…me_1");
  });
  test("never takes half of a wide character", () => {
    expect(cutText("水分子水分子", 6)).toBe("水分…");
    expect(displayWidth(cutText("水分子水分子", 6))).toBeLessThanOrEqual(6);
  });
  test("keeps joined characters together", () => {
    expect(cutText("👩‍🔬👩‍🔬👩‍🔬", 5)).toBe("👩‍🔬👩‍🔬…");
  });
  test("gives nothing for no room", () => {
    expect(cutText("energy", 0)).toBe("");
  });
});

describe("padText", () => {
  test("pads by columns, not by characters", () => {
    expect(padText("水", 4)).toBe("水  ");
    expect(padText("12", 4, "right")).toBe("  12");
    expect(padText("longer", 3)).toBe("longer");
  });
});

describe("printable", () => {
  test("shows control characters instead of sending them to the terminal", () => {
    expect(printable("a\x1b[31mred\x07\n\t\x9b")).toBe("a\\x1b[31mred\\x07\\n\\t\\x9b");
  });
  test("shows characters that reorder text", () => {
    expect(printable("abc\u202ecba")).toBe("abc\\u202ecba");
  });
  test("leaves all other text alone", () => {
    expect(printable("水 é <R2> 🧪")).toBe("水 é <R2> 🧪");
  });
});

describe("wrapText", () => {
  test("breaks at spaces", () => {
    expect(wrapText("one two three four", 9)).toEqual(["one two", "three", "four"]);
  });
  test("gives a word that is too long its own line", () => {
    expect(wrapText("a /very/long/path b", 6)).toEqual(["a", "/very/long/path", "b"]);
  });
});
