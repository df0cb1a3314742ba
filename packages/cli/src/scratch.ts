import { rmSync } from "node:fs";

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

function removeAll(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
