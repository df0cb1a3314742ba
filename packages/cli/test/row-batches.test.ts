import { memoryStore, ndarray, type Row, toAsync } from "@stowage/core";
import { describe, expect, test } from "vitest";
import { nextBatchSize, readBatches, rowBytes } from "../src/row-batches.js";
import { molecules } from "./run-cli.js";

describe("nextBatchSize", () => {
  test("grows fourfold while rows are small and fast", () => {
    expect(nextBatchSize({ rows: 16, bytes: 1600, elapsedMs: 1 })).toBe(64);
    expect(nextBatchSize({ rows: 1024, bytes: 100_000, elapsedMs: 1 })).toBe(1024);
  });
  test("takes large rows one by one", () => {
    expect(nextBatchSize({ rows: 1, bytes: 100 << 20, elapsedMs: 50 })).toBe(1);
  });
  test("shrinks for rows that have become larger, or slower", () => {
    expect(nextBatchSize({ rows: 1024, bytes: 64 << 20, elapsedMs: 50 })).toBe(128);
    expect(nextBatchSize({ rows: 1000, bytes: 1000, elapsedMs: 20_000 })).toBe(10);
  });
});

describe("rowBytes", () => {
  test("adds up arrays, texts and nested values", () => {
    const row: Row = { a: ndarray(new Float64Array(3)), b: "text", c: [1, { d: "xy" }], e: null };
    expect(rowBytes(row)).toBe(24 + 4 + 10 + 8);
  });
});

describe("readBatches", () => {
  const store = toAsync(memoryStore(molecules(1000)));

  test("gives every row of the range once, in order", async () => {
    const names: unknown[] = [];
    const starts: number[] = [];
    for await (const { start, rows } of readBatches(store, { start: 10, stop: 990 })) {
      starts.push(start);
      names.push(...rows.map((row) => row["info.name"]));
    }
    expect(names).toEqual(Array.from({ length: 980 }, (_, i) => `molecule ${i + 10}`));
    expect(starts.slice(0, 4)).toEqual([10, 11, 15, 31]);
  });
  test("reports how far it has come, and never reads past the end", async () => {
    const done: number[] = [];
    for await (const _ of readBatches(store, { stop: 5000, onRows: (rows) => done.push(rows) }));
    expect(done.at(-1)).toBe(1000);
    expect(done).toEqual([...done].sort((a, b) => a - b));
  });
  test("lets timers run between batches, and stops when it is told to", async () => {
    const stopper = new AbortController();
    const reason = new Error("enough");
    let batches = 0;
    const read = async (): Promise<void> => {
      for await (const _ of readBatches(store, { signal: stopper.signal })) {
        if (++batches === 2) setTimeout(() => stopper.abort(reason), 0);
        // As long as a timer waits: only the pause between batches lets it run.
        const until = performance.now() + 25;
        while (performance.now() < until);
      }
    };
    await expect(read()).rejects.toBe(reason);
    expect(batches).toBeLessThan(6);
  });
});
