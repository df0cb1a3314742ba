// Appends rows, a commit each or a few: `<writer>` counts them in the field `i`. As a process, or as a worker thread.
//
//   node append-rows.mjs <path> <writer> <count>
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { LmdbRows } from "../../src/index.js";
import { row } from "../blob-rows.js";

const [path, writer, count] = (isMainThread ? process.argv.slice(2) : workerData) as [string, string, string];
const rows = LmdbRows.open(path, { mode: "r+" });
for (let i = 0; i < Number(count); ) {
  const batch = Math.min(1 + (i % 3), Number(count) - i);
  rows.append(
    Array.from({ length: batch }, (_, k) =>
      row({ writer, i: `${i + k}`, padding: "p".repeat((i * 37) % 3000) }),
    ),
  );
  i += batch;
  parentPort?.postMessage(i);
}
rows.close();
