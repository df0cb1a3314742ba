// For threads.mjs.
import { parentPort, workerData } from "node:worker_threads";
import { MmapFile } from "@stowage/mmap";

const { path, task } = workerData;
const files = Array.from({ length: 20 }, () => MmapFile.open(path));
parentPort.postMessage("started");

function sumOf({ bytes }) {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum += bytes[i];
  return sum;
}

if (task === "exit") process.exit(0); // of the thread, with its maps open
if (task === "throw") throw new Error("as asked");
if (task === "forever") for (;;) for (const file of files) sumOf(file);
parentPort.postMessage(sumOf(files[0]));
if (Math.random() < 0.5) for (const file of files) file.close();
