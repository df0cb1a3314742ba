import { PagesMissing, type Snapshot } from "./snapshot.js";

/**
 * Work on one commit. It is given the commit anew when another process has written over it.
 *
 * The function that it returns is called again after pages that it missed have been fetched: it goes on with what it
 * has. So the same work runs over sources that answer at once and over those that answer later.
 */
export type Task<T> = (snapshot: Snapshot) => () => T;

/** How often a read begins again because writers were faster, before it is an error. */
export const MAX_ATTEMPTS = 20;

/**
 * Whether a commit's pages may have been written over.
 *
 * Without a reader's entry in its lock file, a writer takes pages that the second last commit before its own no longer
 * used. So those of commit n are safe until commit n + 2 is there, after which the writer of n + 3 may be at work.
 */
export function isOverwritten(txnId: number, newestTxnId: number): boolean {
  return newestTxnId < txnId || newestTxnId - txnId >= 2;
}

/** Steps that do not depend on each other: what all of them miss is fetched together. */
export class Steps {
  #pending: readonly number[];

  constructor(count: number) {
    this.#pending = Array.from({ length: count }, (_, i) => i);
  }

  /** Does the steps that are not done yet. @throws {PagesMissing} if any are left. */
  run(step: (index: number) => void): void {
    const left: number[] = [];
    const missing: PagesMissing[] = [];
    for (const index of this.#pending) {
      try {
        step(index);
      } catch (error) {
        if (!(error instanceof PagesMissing)) throw error;
        left.push(index);
        missing.push(error);
      }
    }
    this.#pending = left;
    if (left.length > 0) throw new PagesMissing(missing.flatMap(({ ranges }) => ranges));
  }
}
