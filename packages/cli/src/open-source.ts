import type { RowStore } from "@stowage/core";
import type { Context } from "./context.js";
import { openDataset } from "./dataset.js";
import { followProgress } from "./progress.js";
import type { SourceOptions } from "./source-options.js";

/** Opens a dataset for reading, and shows how far that is: formats without an index are read once to make one. */
export async function openSource(
  path: string,
  options: SourceOptions,
  { terminal, signal }: Context,
): Promise<RowStore> {
  const { onProgress, stop } = followProgress(terminal, `open ${path}`);
  try {
    return await openDataset(path, options, { signal, onProgress });
  } finally {
    stop();
  }
}
