import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { ObjectIOSync, type Row } from "@stowage/core";
import { beforeAll, describe, expect, it } from "vitest";
import { LmdbRows, lmdb } from "../src/index.js";
import { row, texts } from "./blob-rows.js";
import { checkLayout } from "./check-layout.js";
import { buildChild, ended, startChild } from "./child-process.js";
import { RowModel, randomOperation } from "./random-operations.js";
import { difference } from "./same-rows.js";
import { freshSeed, randomIntegers } from "./seed.js";
import { temporaryFolder } from "./temporary-folder.js";
import { writable } from "./writable.js";

const seed = freshSeed("processes");
const fileOf = (path: string): string => join(path, "default", "data.mdb");
const newStore = (): string => join(temporaryFolder(), "rows.lmdb");

const children: Record<string, string> = {};
beforeAll(() => {
  for (const name of ["change-rows", "append-rows", "turn-rows", "read-rows"])
    children[name] = buildChild(name);
});

/** The rows of each writer are all there, once and in their order, whatever lies between them. */
function expectAppended(path: string, counts: Record<string, number>): void {
  using rows = LmdbRows.open(path);
  const found: Record<string, number[]> = {};
  for (let i = 0; i < rows.length; i++) {
    const { writer, i: number, padding } = texts(rows.at(i))!;
    found[writer!] ??= [];
    found[writer!]!.push(Number(number));
    if (padding === undefined || padding.length >= 3000) expect.fail(`row ${i} is not whole`);
  }
  const expected = Object.entries(counts).map(([writer, count]) => [
    writer,
    Array.from({ length: count }, (_, i) => i),
  ]);
  expect(found).toEqual(Object.fromEntries(expected));
  checkLayout(fileOf(path));
}

describe.runIf(writable)("a writer that is killed", () => {
  const KILLS = Number(process.env.STOWAGE_KILLS ?? 24);
  const END = 4000;

  /** The rows after so many changes. */
  function modelAfter(changes: number): Row[] {
    const random = randomIntegers(seed);
    const model = new RowModel();
    for (let n = 0; n < changes; n++) model.apply(randomOperation(model.rows.length, random));
    return model.rows;
  }

  it(
    "at random moments leaves the rows of the last commit, all whole, and a store to go on with",
    async () => {
      const path = newStore();
      const draw = randomIntegers(seed + 1);
      let done = 0;
      let killedLater = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        const child = startChild(children["change-rows"]!, [path, seed, done, END]);
        const end = ended(child);
        if (draw(6) > 0) await Promise.race([once(child.stdout!, "data"), end]);
        await sleep(draw(60));
        child.kill("SIGKILL");
        const { signal, stdout, stderr } = await end;
        expect([signal, stderr]).toEqual(["SIGKILL", ""]);
        const said = Number(stdout.split("\n").at(-2) ?? done);
        if (said > done) killedLater++;
        if (said === 0) continue; // there may be no store yet
        using db = ObjectIOSync.open(path, { backend: lmdb });
        const found = db.store.getMany(Array.from({ length: db.length }, (_, i) => i));
        // What was said is there; the next change may have been committed, too.
        const differences = [said, said + 1].map((changes) => difference(found, modelAfter(changes)));
        if (!differences.includes(null)) expect.fail(`after ${said} changes: ${differences.join("; ")}`);
        done = said + (differences[1] === null ? 1 : 0);
        checkLayout(fileOf(path));
      }
      expect(killedLater).toBeGreaterThan(KILLS / 3);
    },
    30_000 + 3_000 * KILLS,
  );
});

describe.runIf(writable)("several at once", () => {
  it("four processes write: nothing is lost", async () => {
    const path = newStore();
    const writers = ["a", "b", "c", "d"];
    const outcomes = await Promise.all(
      writers.map((writer) => ended(startChild(children["append-rows"]!, [path, writer, 120]))),
    );
    for (const { code, stderr } of outcomes) expect([code, stderr]).toEqual([0, ""]);
    expectAppended(path, { a: 120, b: 120, c: 120, d: 120 });
  });

  it("four threads and the one that started them write: nothing is lost", async () => {
    const path = newStore();
    using rows = LmdbRows.open(path, { mode: "r+" });
    const workers = ["a", "b", "c", "d"].map(
      (writer) => new Worker(children["append-rows"]!, { workerData: [path, writer, "150"] }),
    );
    const exits = Promise.all(workers.map((worker) => once(worker, "exit")));
    for (let i = 0; i < 100; i++) {
      rows.append([row({ writer: "main", i: `${i}`, padding: "" })]);
      if (i % 10 === 0) await sleep(1);
    }
    expect((await exits).map(([code]) => code)).toEqual([0, 0, 0, 0]);
    expectAppended(path, { a: 150, b: 150, c: 150, d: 150, main: 100 });
  });

  it("threads that are stopped in the middle hold nobody up", async () => {
    const path = newStore();
    const draw = randomIntegers(seed + 2);
    for (let round = 0; round < 12; round++) {
      const worker = new Worker(children["append-rows"]!, { workerData: [path, `${round}`, "1000000"] });
      await once(worker, "message");
      await sleep(draw(30));
      await worker.terminate();
      using rows = LmdbRows.open(path, { mode: "r+" });
      const before = rows.length;
      rows.append([row({ writer: "main", i: `${round}`, padding: "" })]);
      expect(rows.length).toBe(before + 1);
    }
    checkLayout(fileOf(path));
  });

  it("four processes read while one writes: each read is one commit, none older than the one before", async () => {
    const path = newStore();
    {
      using rows = LmdbRows.open(path, { mode: "r+" });
      rows.append(Array.from({ length: 150 }, () => new Map()));
    }
    const readers = Array.from({ length: 4 }, () =>
      ended(startChild(children["read-rows"]!, [path, 150, 300])),
    );
    const writer = await ended(startChild(children["turn-rows"]!, [path, 150, 300]));
    expect([writer.code, writer.stderr]).toEqual([0, ""]);
    for (const { code, stderr, stdout } of await Promise.all(readers)) {
      expect([code, stderr]).toEqual([0, ""]);
      expect(Number(stdout)).toBeGreaterThan(1);
    }
  });
});
