import type { RowStore } from "@stowage/core";
import { canAppend, canEdit, canWrite } from "../capability.js";
import type { Check } from "../contract.js";
import { expectRefusal, expectSame } from "../expectations.js";
import { structureRow, structureRows } from "../structure-row.js";

/** What happens after `close`. */
export const closingChecks: readonly Check[] = [
  {
    name: "refuses to be read when it is closed",
    run: async (subject) => {
      const store = await subject.reader(structureRows(2));
      await store.close();
      await expectClosed(store);
      await store.close();
    },
  },
  {
    name: "refuses to be written when it is closed",
    appliesTo: (contract) => canWrite(contract) && canAppend(contract),
    run: async (subject) => {
      const path = await subject.dataset(structureRows(2));
      const store = await subject.open(path, { mode: "r+" });
      await store.close();
      await expectClosed(store);
      await expectRefusal("append", () => store.append!([structureRow(2)]), "ERR_CLOSED");
      await expectRefusal("append of nothing", () => store.append!([]), "ERR_CLOSED");
      if (store.flush) await expectRefusal("flush", () => store.flush!(), "ERR_CLOSED");
      if (canEdit(subject.contract)) {
        await expectRefusal("insert", () => store.insert!(0, [structureRow(2)]), "ERR_CLOSED");
        await expectRefusal("set", () => store.set!([0], [structureRow(2)]), "ERR_CLOSED");
        await expectRefusal("update", () => store.update!([0], [{ "info.name": "x" }]), "ERR_CLOSED");
        await expectRefusal("delete", () => store.delete!([0]), "ERR_CLOSED");
        await expectRefusal("drop", () => store.drop!(["info.name"], [0]), "ERR_CLOSED");
        await expectRefusal("clear", () => store.clear!(), "ERR_CLOSED");
        await expectRefusal("destroy", () => store.destroy!(), "ERR_CLOSED");
      }
      await store.close();
      await store.discard?.();
      expectSame("rows then", await (await subject.open(path)).count(), 2);
    },
  },
];

async function expectClosed(store: RowStore): Promise<void> {
  await expectRefusal("count", () => store.count(), "ERR_CLOSED");
  await expectRefusal("getMany", () => store.getMany([0]), "ERR_CLOSED");
  await expectRefusal("getMany of nothing", () => store.getMany([]), "ERR_CLOSED");
  await expectRefusal("schema", () => store.schema(), "ERR_CLOSED");
  if (store.column) await expectRefusal("column", () => store.column!("calc.energy", [0]), "ERR_CLOSED");
}
