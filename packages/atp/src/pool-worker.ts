/*
 * What a thread of AtpPool runs: an .atp file of its own, from which it reads one batch after the other.
 */
import { AtpFile } from "./index.js";
import {
  buffersOf,
  type PoolAnswer,
  type PoolRequest,
  type PoolWorkerData,
  packError,
} from "./pool-messages.js";

const { parentPort, workerData } = globalThis.process.getBuiltinModule("node:worker_threads");
const { path } = workerData as PoolWorkerData;
let db: AtpFile | null = null;

parentPort!.on("message", ({ indices, fields }: PoolRequest) => {
  try {
    db ??= AtpFile.open(path);
    const batch = db.flat(indices, { fields });
    parentPort!.postMessage({ batch } satisfies PoolAnswer, buffersOf(batch));
  } catch (error) {
    answerError(error);
  }
});

function answerError(error: unknown): void {
  const packed = packError(error);
  try {
    parentPort!.postMessage({ error: packed } satisfies PoolAnswer);
  } catch {
    // A cause that cannot be sent.
    parentPort!.postMessage({ error: { ...packed, cause: undefined, other: undefined } });
  }
}
