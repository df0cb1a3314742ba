import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders = new Set<string>();

/**
 * Notes a temporary folder, so that it goes also when the process ends without unwinding (a second Ctrl-C, a fault).
 *
 * @returns Forgets the folder again.
 */
export function removeLater(folder: string): () => void {
  if (folders.size === 0) process.once("exit", removeAll);
  folders.add(folder);
  return () => {
    folders.delete(folder);
    if (folders.size === 0) process.off("exit", removeAll);
  };
}

/** A temporary folder whose name begins so, and what removes it. */
export function scratchFolder(prefix: string): { folder: string; leave: () => void } {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  const forget = removeLater(folder);
  return {
    folder,
    leave: () => {
      rmSync(folder, { recursive: true, force: true });
      forget();
    },
  };
}

function removeAll(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
