import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Selection } from "../src/io/selection.js";

const bound = fc.option(fc.integer({ min: -9, max: 9 }), { nil: undefined });

/** What Python's documentation says of `range(*slice(start, stop, step).indices(length))`, step by step. */
function pythonSlice(length: number, start?: number, stop?: number, step = 1): number[] {
  const wrap = (value: number) => (value < 0 ? value + length : value);
  const found: number[] = [];
  if (step > 0) {
    const first = Math.max(0, start === undefined ? 0 : wrap(start));
    const end = Math.min(length, stop === undefined ? length : wrap(stop));
    for (let i = first; i < end; i += step) found.push(i);
  } else {
    const first = Math.min(length - 1, start === undefined ? length - 1 : wrap(start));
    const end = stop === undefined ? -1 : Math.max(-1, wrap(stop));
    for (let i = first; i > end; i += step) found.push(i);
  }
  return found;
}

function listOf(selection: Selection, count: number): number[] {
  const indices = selection.resolve(count, "rows");
  const all = indices.part(0, indices.length);
  expect(all.map((_, i) => indices.at(i))).toEqual(all);
  return all;
}

describe("Selection", () => {
  it("slices as Python does", () => {
    fc.assert(
      fc.property(
        fc.nat(8),
        bound,
        bound,
        fc.integer({ min: -4, max: 4 }).filter((step) => step !== 0),
        (length, start, stop, step) => {
          const sliced = Selection.all.slice(start, stop, step);
          expect(listOf(sliced, length)).toEqual(pythonSlice(length, start, stop, step));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("slices and picks what was sliced and picked before", () => {
    const step = fc.oneof(
      fc.record({ start: bound, stop: bound, step: fc.constantFrom(-2, -1, 1, 3) }),
      fc.array(fc.nat(20), { maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.nat(12), fc.array(step, { maxLength: 4 }), (count, steps) => {
        let selection = Selection.all;
        let expected = Array.from({ length: count }, (_, i) => i);
        for (const each of steps) {
          if (Array.isArray(each)) {
            const positions = expected.length === 0 ? [] : each.map((at) => at % expected.length);
            selection = selection.pick(positions);
            expected = positions.map((at) => expected[at]!);
          } else {
            const before = expected;
            selection = selection.slice(each.start, each.stop, each.step);
            expected = pythonSlice(before.length, each.start, each.stop, each.step).map((i) => before[i]!);
          }
        }
        expect(listOf(selection, count)).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });

  it("takes no memory for the rows of a slice", () => {
    const indices = Selection.all
      .slice(1)
      .slice(undefined, undefined, -3)
      .resolve(2 ** 52, "rows");
    expect(indices.length).toBe(Math.ceil((2 ** 52 - 1) / 3));
    expect(indices.part(0, 2)).toEqual([2 ** 52 - 1, 2 ** 52 - 4]);
  });

  it.each([[0.5], [undefined, Number.NaN], [0, 1, 0], [0, 1, 1.5]])("refuses bounds %j", (...bounds) => {
    expect(() => Selection.all.slice(...bounds)).toThrow(expect.objectContaining({ code: "ERR_OPTION" }));
  });

  it("names the position that is not there", () => {
    const picked = Selection.all.pick([1, -3]);
    expect(() => picked.resolve(2, "memory://x")).toThrow("Cannot read row -3 of memory://x: it has 2 rows");
  });
});
