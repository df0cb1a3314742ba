import { describe, expect, test } from "vitest";
import { shuffledIndices } from "../src/shuffle.js";

describe("shuffledIndices", () => {
  test("holds every index once", () => {
    expect(Array.from(shuffledIndices(1000, 1)).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 1000 }, (_, i) => i),
    );
  });
  test("depends on the seed alone", () => {
    expect(shuffledIndices(100, 7)).toEqual(shuffledIndices(100, 7));
    expect(shuffledIndices(100, 7)).not.toEqual(shuffledIndices(100, 8));
  });
  test("takes nothing and one", () => {
    expect([shuffledIndices(0, 0).length, shuffledIndices(1, 0)[0]]).toEqual([0, 0]);
  });
});
