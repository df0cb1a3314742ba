import { ObjectIO, openStore } from "@stowage/core";
import { canEdit, canWrite, hasGroups } from "../capability.js";
import type { Check } from "../contract.js";
import { expectRefusal, expectRows, expectSame } from "../expectations.js";
import { structureRow, structureRows } from "../structure-row.js";
import { allRows } from "../subject.js";

/** Several datasets in one path. */
export const groupChecks: readonly Check[] = [
  {
    name: "has no groups, and refuses to open one",
    appliesTo: (contract) => !hasGroups(contract),
    run: async (subject) => {
      const { backend } = subject.contract;
      const path = await subject.dataset(structureRows(1));
      await expectRefusal("openStore", () => openStore(path, { backend, group: "train" }), "ERR_UNSUPPORTED");
      await expectRefusal("a facade", () => subject.objects(path, { group: "train" }), "ERR_UNSUPPORTED");
      expectSame("groups", await ObjectIO.listGroups(path, { backend }), []);
    },
  },
  {
    name: "keeps groups apart, and lists them",
    appliesTo: hasGroups,
    run: async (subject) => {
      const { backend } = subject.contract;
      const path = subject.freshPath();
      expectSame("groups of nothing", await backend.listGroups!(path), []);
      await subject.fill(path, structureRows(2), "train");
      await subject.fill(path, structureRows(1, 5), "default");
      await subject.fill(path, structureRows(3, 7), "a test");
      expectSame("groups", await backend.listGroups!(path), ["a test", "default", "train"]);
      expectRows("one group", await allRows(await subject.open(path, { group: "train" })), structureRows(2));
      expectRows("the default group", await allRows(await subject.open(path)), structureRows(1, 5));
      const absent = { group: "absent" };
      await expectRefusal("open of an absent group", () => subject.open(path, absent), "ERR_FILE_MISSING");
    },
  },
  {
    name: "writes one group and leaves the others",
    appliesTo: (contract) => hasGroups(contract) && canWrite(contract),
    run: async (subject) => {
      const path = subject.freshPath();
      await subject.fill(path, structureRows(2), "a");
      await subject.fill(path, structureRows(3), "b");
      const writer = await subject.open(path, { mode: "r+", group: "b" });
      await writer.append!([structureRow(3)]);
      await writer.close();
      const again = await subject.open(path, { mode: "w", overwrite: true, group: "a" });
      await again.append!([structureRow(9)]);
      await again.close();
      expectRows("one group", await allRows(await subject.open(path, { group: "a" })), [structureRow(9)]);
      expectRows("the other", await allRows(await subject.open(path, { group: "b" })), structureRows(4));
    },
  },
  {
    name: "removes one group and leaves the others",
    appliesTo: (contract) => hasGroups(contract) && canEdit(contract),
    run: async (subject) => {
      const path = subject.freshPath();
      await subject.fill(path, structureRows(2), "a");
      await subject.fill(path, structureRows(3), "b");
      await (await subject.open(path, { mode: "r+", group: "a" })).destroy!();
      expectSame("groups", await subject.contract.backend.listGroups!(path), ["b"]);
      expectRows("the other", await allRows(await subject.open(path, { group: "b" })), structureRows(3));
    },
  },
];
