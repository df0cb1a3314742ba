// For cut.mjs: cuts the file under its own map and reads on.
import { truncateSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { MmapFile } from "@stowage/mmap";
import { codeOf, PAGE } from "./support.mjs";

const file = MmapFile.open(workerData);
const { bytes } = file;
truncateSync(workerData, PAGE);
let sum = 0;
for (let i = PAGE; i < bytes.length; i++) sum += bytes[i];
parentPort.postMessage({ sum, code: codeOf(() => file.check()) });
