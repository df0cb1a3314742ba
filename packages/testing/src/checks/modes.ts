import type { RowStore } from "@stowage/core";
import { canAppend, canEdit, canWrite, capabilitiesOf, isReadOnly, refusalOf } from "../capability.js";
import type { Check } from "../contract.js";
import { expectRefusal, expectRows, expectSame } from "../expectations.js";
import { structureRow, structureRows } from "../structure-row.js";
import { allRows } from "../subject.js";

/** How datasets are opened: `"r"`, `"r+"` and `"w"`. */
export const modeChecks: readonly Check[] = [
  {
    name: "refuses to read what is not there",
    run: async (subject) => {
      const path = subject.freshPath();
      await expectRefusal("open", () => subject.open(path), "ERR_FILE_MISSING");
      await expectRefusal("open once more", () => subject.open(path, { mode: "r" }), "ERR_FILE_MISSING");
    },
  },
  {
    name: 'makes a dataset with "w", and replaces one only if told to',
    appliesTo: canWrite,
    run: async (subject) => {
      const path = await subject.dataset(structureRows(3));
      await expectRefusal('open with "w"', () => subject.open(path, { mode: "w" }), "ERR_FILE_EXISTS");
      expectRows("the dataset after the refusal", await allRows(await subject.open(path)), structureRows(3));
      const store = await subject.open(path, { mode: "w", overwrite: true });
      expectSame("rows of a new dataset", await store.count(), 0);
      await store.append!([structureRow(7)]);
      await store.close();
      expectRows("the new dataset", await allRows(await subject.open(path)), [structureRow(7)]);
    },
  },
  {
    name: 'makes a dataset with "r+" where there is none, and goes on with one that is there',
    appliesTo: canWrite,
    run: async (subject) => {
      const path = subject.freshPath();
      for (const i of [0, 1, 2]) {
        const store = await subject.open(path, { mode: "r+" });
        expectSame("rows that are there", await store.count(), 2 * i);
        await store.append!(structureRows(2, 2 * i));
        await store.close();
      }
      expectRows("the dataset", await allRows(await subject.open(path)), structureRows(6));
    },
  },
  {
    name: "keeps a dataset without rows",
    run: async (subject) => {
      const store = await subject.reader([]);
      expectSame("count", await store.count(), 0);
      expectRows("no rows", await store.getMany([]), []);
      expectSame("keys of the schema", Object.keys(await store.schema()), []);
      await expectRefusal("getMany([0])", () => store.getMany([0]), "ERR_INDEX_RANGE");
      const column = await store.column?.("info.name", []);
      expectSame("length of a column", lengthOf(column?.values ?? []), 0);
    },
  },
  {
    name: 'refuses mode "w", as it makes no datasets',
    appliesTo: (contract) => !capabilitiesOf(contract).create,
    run: async (subject) => {
      const path = subject.freshPath();
      await expectRefusal(
        'open with "w"',
        () => subject.open(path, { mode: "w" }),
        refusalOf(subject.contract),
      );
      await expectRefusal("open then", () => subject.open(path), "ERR_FILE_MISSING");
    },
  },
  {
    name: 'refuses mode "r+", as it writes nothing',
    appliesTo: isReadOnly,
    run: async (subject) => {
      const path = await subject.dataset(structureRows(2));
      await expectRefusal(
        'open with "r+"',
        () => subject.open(path, { mode: "r+" }),
        refusalOf(subject.contract),
      );
      expectSame("rows then", await (await subject.open(path)).count(), 2);
    },
  },
  {
    name: "refuses appending, which it does not claim",
    appliesTo: (contract) => !canAppend(contract) && !isReadOnly(contract),
    run: async (subject) => {
      const store = await subject.writer(structureRows(2));
      if (store.append === undefined) return;
      await expectRefusal("append", () => store.append!([structureRow(2)]), "ERR_UNSUPPORTED");
      expectSame("rows then", await store.count(), 2);
    },
  },
  {
    name: "refuses changes, which it does not claim",
    appliesTo: (contract) => !canEdit(contract) && !isReadOnly(contract),
    run: async (subject) => {
      const store = await subject.writer(structureRows(2));
      for (const [name, change] of edits(store)) await expectRefusal(name, change, "ERR_UNSUPPORTED");
      expectRows("the rows then", await allRows(store), structureRows(2));
    },
  },
  {
    name: "changes nothing that is open for reading",
    run: async (subject) => {
      const store = await subject.reader(structureRows(2));
      const { append } = store;
      if (append) await expectRefusal("append", () => append.call(store, [structureRow(2)]), "ERR_READ_ONLY");
      if (append) await expectRefusal("append of nothing", () => append.call(store, []), "ERR_READ_ONLY");
      const codes = canEdit(subject.contract) ? ["ERR_READ_ONLY"] : ["ERR_READ_ONLY", "ERR_UNSUPPORTED"];
      for (const [name, change] of edits(store)) await expectRefusal(name, change, ...codes);
      expectRows("the rows then", await allRows(store), structureRows(2));
    },
  },
];

/** A call of each method that changes rows, of those that the store has. */
function edits(store: RowStore): [string, () => unknown][] {
  const { insert, set, update, delete: remove, drop, clear, destroy } = store;
  const calls: [string, (() => unknown) | undefined][] = [
    ["insert", insert && (() => insert.call(store, 0, [structureRow(9)]))],
    ["set", set && (() => set.call(store, [0], [structureRow(9)]))],
    ["update", update && (() => update.call(store, [0], [{ "calc.energy": 0.5 }]))],
    ["delete", remove && (() => remove.call(store, [0]))],
    ["drop", drop && (() => drop.call(store, ["calc.energy"], [0]))],
    ["clear", clear && (() => clear.call(store))],
    ["destroy", destroy && (() => destroy.call(store))],
  ];
  return calls.flatMap(([name, call]): [string, () => unknown][] => (call ? [[name, call]] : []));
}

function lengthOf(values: { data: ArrayLike<unknown> } | ArrayLike<unknown>): number {
  return "data" in values ? values.data.length : values.length;
}
