import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { jsonLines } from "../../../examples/json-lines-backend.js";
import { backendContract } from "../src/index.js";

const folder = mkdtempSync(path.join(tmpdir(), "stowage-example-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the example of a backend of one's own", () => {
  let files = 0;
  const freshPath = () => path.join(folder, `${files++}.jsonl`);
  const exceptions = { "a row without keys": "exact" } as const;
  for (const { name, run } of backendContract({ backend: jsonLines, freshPath, exceptions })) {
    it(name, async () => expect(await run()).toBeUndefined());
  }

  it("stands on the page as it is in examples", () => {
    const root = path.join(import.meta.dirname, "../../..");
    const code = readFileSync(path.join(root, "examples/json-lines-backend.ts"), "utf8");
    const page = readFileSync(path.join(root, "apps/docs/packages/testing.md"), "utf8");
    expect(page).toContain(`\`\`\`ts\n${code}`);
  });
});
