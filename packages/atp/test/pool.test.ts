import { pathToFileURL } from "node:url";
import { isStowageError, type NdArray } from "@stowage/core";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { AtpFile, AtpPool, type FlatBatch } from "../src/index.js";
import { poolProgram } from "../src/pool-thread.js";
import { arbitraryFile, toMolecule } from "./arbitrary-file.js";
import { buildChild } from "./child-process.js";
import { bits } from "./equal-bits.js";
import { numberedMolecule } from "./numbered-molecule.js";
import { freshSeed } from "./seed.js";
import { temporaryFile, temporaryFolder } from "./temporary-folder.js";
import { outcomeOf } from "./two-ways.js";

const seed = freshSeed("pool");

const child = buildChild("pool-worker");
beforeAll(() => {
  poolProgram.url = pathToFileURL(child);
});

function numbered(count: number): string {
  const path = temporaryFile();
  using db = AtpFile.create(path, { codec: "zstd" });
  db.append(Array.from({ length: count }, (_, i) => numberedMolecule(i)));
  return path;
}

const numbersOf = ({ properties }: FlatBatch) => Array.from((properties.n as NdArray<"int64">).data, Number);

async function codeOfPromise(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return isStowageError(error) ? error.code : (error as Error).message;
  }
}

describe("batches of a pool", () => {
  test("are those of the file, to the last bit, errors included", async () => {
    const path = temporaryFile();
    await fc.assert(
      fc.asyncProperty(
        arbitraryFile(),
        fc.array(fc.array(fc.integer({ min: -9, max: 9 })), { minLength: 1, maxLength: 5 }),
        async ({ molecules }, lists) => {
          using made = AtpFile.create(path, { codec: "lz4", overwrite: true });
          made.append(molecules.map(toMolecule));
          made.close();
          using db = AtpFile.open(path);
          await using pool = AtpPool.open(path, { workers: 2 });
          const names = db.schema.fields.map(({ name }) => name);
          const asked = lists.flatMap((list) => [
            ...[undefined, [], names.slice(1)].map((fields) => [list, { fields }] as const),
            [[0], { fields: ["nobody has it"] }] as const,
          ]);
          const found = await Promise.allSettled(asked.map(([list, options]) => pool.flat(list, options)));
          const outcomes = found.map((each) =>
            outcomeOf(() => {
              if (each.status === "rejected") throw each.reason;
              return each.value;
            }),
          );
          expect(outcomes).toEqual(asked.map(([list, options]) => outcomeOf(() => db.flat(list, options))));
        },
      ),
      { seed, numRuns: 12 },
    );
  });

  test("are read two at once, while this thread is free", async () => {
    const folder = temporaryFolder();
    await using pool = AtpPool.open(numbered(20), { workers: 2 });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    // Each batch ends only after both have begun.
    const fields = [`!meet=${folder}`];
    const batches = await Promise.all([pool.flat([1, 2], { fields }), pool.flat([3], { fields })]);
    clearInterval(timer);
    expect(batches.map(numbersOf)).toEqual([[1, 2], [3]]);
    expect(ticks).toBeGreaterThan(3);
  });

  test("come in the order in which they are asked for, read ahead but not far", async () => {
    await using pool = AtpPool.open(numbered(100), { workers: 2 });
    let taken = 0;
    function* lists() {
      for (; taken < 50; taken++) yield [taken, 99 - taken];
    }
    const seen: number[][] = [];
    for await (const batch of pool.batches(lists())) {
      seen.push(numbersOf(batch));
      expect(taken - seen.length).toBeLessThanOrEqual(4);
    }
    expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => [i, 99 - i]));
  });

  test("of a loop that is left are given up, and one that is wrong ends the loop in its turn", async () => {
    await using pool = AtpPool.open(numbered(10), { workers: 1 });
    for await (const batch of pool.batches([[0], [1], [2]])) {
      expect(numbersOf(batch)).toEqual([0]);
      break;
    }
    const seen: number[][] = [];
    const loop = async () => {
      for await (const batch of pool.batches([[0], [1], [99], [2]])) seen.push(numbersOf(batch));
    };
    expect(await codeOfPromise(loop())).toBe("ERR_INDEX_RANGE");
    expect(seen).toEqual([[0], [1]]);
  });
});

describe("a pool", () => {
  test("refuses a file that is not there, and options that make no sense", () => {
    expect(outcomeOf(() => AtpPool.open(temporaryFile()))).toMatchObject({ code: "ERR_FILE_MISSING" });
    const path = numbered(1);
    for (const options of [{ workers: 0 }, { workers: 1.5 }, { maxWaiting: -1 }]) {
      expect(outcomeOf(() => AtpPool.open(path, options))).toMatchObject({ code: "ERR_OPTION" });
    }
  });

  test("that is closed rejects what is under way and what waits, and everything after", async () => {
    const pool = AtpPool.open(numbered(5), { workers: 1 });
    const under = [0, 1, 2].map((i) => codeOfPromise(pool.flat([i], { fields: ["!pause=5000"] })));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const start = performance.now();
    await pool.close();
    await pool.close();
    expect(await Promise.all(under)).toEqual(["ERR_CLOSED", "ERR_CLOSED", "ERR_CLOSED"]);
    expect(await codeOfPromise(pool.flat([0]))).toBe("ERR_CLOSED");
    expect(performance.now() - start).toBeLessThan(3000);
  });

  test("gives up a batch whose signal says so, under way or waiting, and reads on", async () => {
    await using pool = AtpPool.open(numbered(5), { workers: 1 });
    const [first, second] = [new AbortController(), new AbortController()];
    const slow = codeOfPromise(pool.flat([0], { fields: ["!pause=300"], signal: first.signal }));
    const waits = codeOfPromise(pool.flat([1], { signal: second.signal }));
    const last = pool.flat([2]);
    second.abort(new Error("not wanted"));
    first.abort(new Error("too slow"));
    expect([await slow, await waits]).toEqual(["too slow", "not wanted"]);
    expect(numbersOf(await last)).toEqual([2]);
    expect(await codeOfPromise(pool.flat([0], { signal: AbortSignal.abort(new Error("before")) }))).toBe(
      "before",
    );
  });

  test("refuses a batch when too many wait", async () => {
    await using pool = AtpPool.open(numbered(5), { workers: 1, maxWaiting: 2 });
    const [a, b, c, d] = [0, 1, 2, 3].map((i) => codeOfPromise(pool.flat([i], { fields: ["!pause=50"] })));
    expect(await Promise.all([a, b, c, d])).toEqual([undefined, undefined, undefined, "ERR_POOL_FULL"]);
    expect(numbersOf(await pool.flat([4]))).toEqual([4]);
  });

  test.each([
    ["ends", "!exit=7", "its worker thread died, it ended with exit code 7"],
    ["throws", "!throw=a fault", "its worker thread died, a fault"],
  ])("puts another thread in place of one that %s, and loses that batch alone", async (_, order, message) => {
    const path = numbered(9);
    await using pool = AtpPool.open(path, { workers: 2 });
    for (let round = 0; round < 3; round++) {
      const all = [
        pool.flat([0]),
        pool.flat([1], { fields: [order] }),
        ...[2, 3, 4, 5].map((i) => pool.flat([i])),
      ];
      const found = await Promise.allSettled(all);
      expect(found.map(({ status }) => status)).toEqual([
        "fulfilled",
        "rejected",
        ...Array(4).fill("fulfilled"),
      ]);
      const { reason } = found[1] as PromiseRejectedResult;
      expect(reason).toMatchObject({ code: "ERR_POOL_WORKER", message: expect.stringContaining(message) });
      expect(reason.details.path).toBe(path);
    }
  });

  test("hands arrays over: nothing of a batch is kept or shared", async () => {
    await using pool = AtpPool.open(numbered(50), { workers: 1 });
    const indices = Array.from({ length: 50 }, (_, i) => i);
    const [a, b] = await Promise.all([pool.flat(indices), pool.flat(indices)]);
    const before = bits(b);
    a.positions.data.fill(0 as never);
    a.atomicNumbers.fill(0);
    expect(bits(b)).toEqual(before);
  });
});
