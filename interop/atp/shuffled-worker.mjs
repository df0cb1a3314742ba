// Reads shuffled batches of a file for ever: what main.mjs of this folder starts and ends.
import { parentPort, threadId, workerData } from "node:worker_threads";
import { AtpFile } from "@stowage/atp";

const db = AtpFile.open(workerData.path);
let state = threadId;
for (let round = 0; ; round++) {
  const indices = Array.from({ length: 64 }, () => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    return state % db.length;
  });
  const energies = db.flat(indices).energy.data;
  const right = indices.every((index, i) => energies[i] === index / 2);
  if (!right || db.at(indices[0]).energy !== indices[0] / 2) throw new Error("a wrong value");
  if (db.getMany(indices.slice(0, 8)).some((each, i) => each.energy !== indices[i] / 2)) {
    throw new Error("a wrong molecule");
  }
  if (round === 3) parentPort.postMessage("reading");
}
