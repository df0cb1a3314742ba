import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { contracts } from "../../../interop/smoke/contracts.mjs";
import { backendContract } from "../src/index.js";
import { prepareLmdb } from "./prepare-lmdb.js";

const folder = mkdtempSync(path.join(tmpdir(), "stowage-contract-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(await contracts(folder, prepareLmdb))("$name", ({ contract }) => {
  for (const { name, run } of backendContract(contract)) {
    it(name, async () => expect(await run()).toBeUndefined());
  }
});
