import { setTimeout as sleep } from "node:timers/promises";

/** What a signal may wait, and what share of the time goes to waiting: one part in twenty at most. */
const INTERVAL_MS = 20;

let last = performance.now();

/**
 * Lets timers and signals through, if none came through for a while.
 *
 * Stores may work without ever yielding, and then no Ctrl-C would be heard. A real wait, not `setImmediate`: Deno
 * hears signals only while it has nothing to do.
 */
export async function breathe(): Promise<void> {
  if (performance.now() - last < INTERVAL_MS) return;
  await sleep(1);
  last = performance.now();
}
