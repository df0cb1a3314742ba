import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { exactIndices, type Progress, progressReporter, resolveIndex } from "../src/index.js";

describe("progressReporter", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["performance"] });
    vi.advanceTimersByTime(10_000);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("reports at most ten times a second, and always at the end", () => {
    const reports: Progress[] = [];
    const report = progressReporter({ onProgress: (progress) => reports.push(progress) }, "rows", 1000);
    for (let done = 1; done <= 1000; done++) {
      vi.advanceTimersByTime(1);
      report(done);
    }
    expect(reports.map(({ done }) => done)).toEqual([1, 101, 201, 301, 401, 501, 601, 701, 801, 901]);
    report.end();
    expect(reports.at(-1)).toEqual({ done: 1000, total: 1000, unit: "rows" });
    expect(reports).toHaveLength(11);
  });

  it("reports an end where nothing was done, and a total that is not known", () => {
    const reports: Progress[] = [];
    progressReporter({ onProgress: (progress) => reports.push(progress) }, "bytes").end();
    expect(reports).toEqual([{ done: 0, total: undefined, unit: "bytes" }]);
  });

  it("throws the reason of the signal, also without a callback", () => {
    const controller = new AbortController();
    const report = progressReporter({ signal: controller.signal }, "rows");
    expect(() => report(1)).not.toThrow();
    controller.abort(new Error("stopped"));
    expect(() => report(2)).toThrow("stopped");
  });

  it("does nothing where nobody listens", () => {
    const report = progressReporter({}, "rows", 5);
    expect(report(1)).toBeUndefined();
    expect(report.end()).toBeUndefined();
  });
});

describe("resolveIndex", () => {
  it("takes whole numbers from -length to length - 1", () => {
    expect([0, 2, -1, -3].map((index) => resolveIndex(index, 3, "a.atp"))).toEqual([0, 2, 2, 0]);
  });

  it.each([3, -4, 2 ** 53, -(2 ** 53)])("refuses %d of 3, naming the dataset and its length", (index) => {
    expect(() => resolveIndex(index, 3, "a.atp")).toThrow(
      expect.objectContaining({
        code: "ERR_INDEX_RANGE",
        details: { index, length: 3 },
        message: `Cannot read row ${index} of a.atp: it has 3 rows`,
      }),
    );
  });

  it("has no index in an empty dataset", () => {
    for (const index of [0, -1]) {
      expect(() => resolveIndex(index, 0, "a")).toThrow(expect.objectContaining({ code: "ERR_INDEX_RANGE" }));
    }
  });

  it.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, "1", null])("refuses %s: it is no index", (index) => {
    expect(() => resolveIndex(index as number, 3, "a")).toThrow(TypeError);
  });
});

describe("exactIndices", () => {
  it("gives back indices that count from the start", () => {
    const indices = Uint32Array.of(0, 7, 2);
    expect(exactIndices(indices, () => 3, "a.lmdb")).toBe(indices);
  });

  it.each([-1, 0.5, Number.NaN])("refuses %d, naming the dataset and its length", (index) => {
    expect(() => exactIndices([0, index], () => 3, "a.lmdb")).toThrow(
      expect.objectContaining({
        code: "ERR_INDEX_RANGE",
        details: { index, length: 3 },
        message: `Cannot read row ${index} of a.lmdb: it has 3 rows`,
      }),
    );
  });
});
