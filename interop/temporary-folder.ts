import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";

/** Makes an empty folder that is removed when the running test ends. To be called inside a test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "stowage-interop-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
