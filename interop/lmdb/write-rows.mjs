// Writes, edits and reads a store in any runtime, on several threads too: node write-rows.mjs <folder>
import path from "node:path";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { ObjectIO } from "@stowage/core";
import lmdb, { LmdbRows } from "@stowage/lmdb";

const text = (value) => new TextEncoder().encode(value);
const numbered = (writer, i) =>
  new Map([
    ["writer", text(writer)],
    ["i", text(`${i}`)],
  ]);

if (isMainThread) await main(process.argv[2]);
else {
  const { store, writer, count } = workerData;
  const rows = LmdbRows.open(store, { mode: "r+" });
  for (let i = 0; i < count; i++) {
    rows.append([numbered(writer, i)]);
    if (i === 0) parentPort.postMessage("begun");
  }
  rows.close();
  parentPort.postMessage("done");
}

async function main(folder) {
  await objects(path.join(folder, "objects.lmdb"));
  await threads(path.join(folder, "threads.lmdb"));
  console.log("done");
  process.exit(0);
}

async function objects(store) {
  const db = await ObjectIO.open(store, { backend: lmdb.backends[0], mode: "w", group: "train" });
  await db.extend([{ "calc.energy": 0.5, "info.name": "größe" }, null, { "calc.energy": 2.5 }]);
  await db.insert(1, { "calc.energy": 1.5 });
  await db.update(2, { "calc.energy": 9 });
  await db.delete(0);
  await db.close();
  const again = await ObjectIO.open(store, { group: "train" });
  same(await again.toArray(), [{ "calc.energy": 1.5 }, { "calc.energy": 9 }, { "calc.energy": 2.5 }]);
  await again.close();
}

async function threads(store) {
  LmdbRows.open(store, { mode: "r+" }).close();
  // Stopped in the middle of a write, or not.
  for (let round = 0; round < 5; round++) {
    const { worker, begun } = start({ store, writer: "stopped", count: 1e6 });
    await begun;
    await worker.terminate();
  }
  const rows = LmdbRows.open(store, { mode: "r+" });
  const before = rows.length;
  const writers = ["a", "b", "c"].map((writer) => start({ store, writer, count: 60 }));
  for (let i = 0; i < 30; i++) rows.append([numbered("main", i)]);
  await Promise.all(writers.map(({ done }) => done));
  rows.refresh();
  const found = {};
  for (let i = before; i < rows.length; i++) {
    const row = rows.at(i);
    const [writer, number] = ["writer", "i"].map((name) => new TextDecoder().decode(row.get(name)));
    // Deno lets a thread go on for a moment after it was stopped.
    if (writer === "stopped") continue;
    if (Number(number) !== (found[writer] ?? 0))
      throw new Error(`row ${number} of ${writer} is out of order`);
    found[writer] = Number(number) + 1;
  }
  rows.close();
  same(Object.entries(found).sort(), [
    ["a", 60],
    ["b", 60],
    ["c", 60],
    ["main", 30],
  ]);
}

/** A thread, and promises of its first commit and of its end. */
function start(data) {
  const worker = new Worker(new URL(import.meta.url), { workerData: data });
  const said = (word) =>
    new Promise((resolve, reject) => {
      worker.on("message", (message) => message === word && resolve(undefined));
      worker.on("error", reject);
    });
  return { worker, begun: said("begun"), done: said("done") };
}

function same(found, expected) {
  const [a, b] = [found, expected].map((value) => JSON.stringify(value));
  if (a !== b) throw new Error(`found ${a}, expected ${b}`);
}
