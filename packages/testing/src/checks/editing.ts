import type { Row, RowStore } from "@stowage/core";
import { canEdit } from "../capability.js";
import type { Check } from "../contract.js";
import { expectRefusal, expectRows, expectSame } from "../expectations.js";
import { structureRow, structureRows, without } from "../structure-row.js";
import { allRows, type Subject } from "../subject.js";
import { expectSchema } from "./reading.js";

/** How rows that are there are changed, for backends that claim `edit`. */
export const editingChecks: readonly Check[] = (
  [
    {
      name: "inserts rows before any row, and at the end",
      run: (subject) =>
        expectEdited(subject, 3, async (store, model) => {
          for (const index of [0, 2, 5, 7]) {
            const rows = structureRows(index === 2 ? 2 : 1, 20 + index);
            await store.insert!(index, rows);
            model.splice(index, 0, ...rows);
          }
          await store.insert!(1, []);
          await expectOutside(model.length + 1, (index) => store.insert!(index, [structureRow(0)]));
        }),
    },
    {
      name: "replaces whole rows",
      run: (subject) =>
        expectEdited(subject, 5, async (store, model) => {
          const rows = [
            structureRow(30),
            without(structureRow(31), "calc.energy", "calc.forces", "info.name"),
          ];
          await store.set!([3, 0], rows);
          [model[3], model[0]] = [rows[0]!, rows[1]!];
          await store.set!([], []);
          await expectOutside(5, (index) => store.set!([1, index], [rows[0]!, rows[0]!]));
        }),
    },
    {
      name: "sets keys of rows, and leaves the others",
      run: (subject) =>
        expectEdited(subject, 4, async (store, model) => {
          const patches: Row[] = [{ "calc.energy": 0.5, "info.note": "new" }, { "info.name": "renamed" }];
          await store.update!([2, 1], patches);
          model[2] = { ...model[2]!, ...patches[0]! };
          model[1] = { ...model[1]!, ...patches[1]! };
          await store.update!([], []);
          await expectOutside(4, (index) => store.update!([0, index], patches));
        }),
    },
    {
      name: "removes rows, wherever they are",
      run: (subject) =>
        expectEdited(subject, 8, async (store, model) => {
          await store.delete!([0, 3, 4, 7]);
          for (const index of [7, 4, 3, 0]) model.splice(index, 1);
          await store.delete!([]);
          await expectOutside(4, (index) => store.delete!(index < 0 ? [index, 1] : [1, index]));
        }),
    },
    {
      name: "removes keys from rows, and no others",
      run: (subject) =>
        expectEdited(subject, 4, async (store, model) => {
          const keys = ["calc.forces", "info.name", "info.nowhere"];
          await store.drop!(keys, [3, 1]);
          for (const index of [3, 1]) model[index] = without(model[index]!, ...keys);
          await store.drop!([], [0]);
          await expectOutside(4, (index) => store.drop!(keys, [0, index]));
        }),
    },
    {
      name: "keeps reserved places, and fills them",
      run: (subject) =>
        expectEdited(subject, 2, async (store, model) => {
          await store.append!([{}, {}, {}]);
          await store.insert!(0, [{}]);
          await store.set!([1], [{}]);
          model.push({}, {}, {});
          model.splice(0, 1, {}, {});
          expectRows("rows with reserved places", await allRows(store), model);
          await store.set!([0], [structureRow(40)]);
          await store.update!([4], [structureRow(41)]);
          [model[0], model[4]] = [structureRow(40), structureRow(41)];
          await store.drop!(Object.keys(model[2]!), [2]);
          model[2] = {};
        }),
    },
    {
      name: "removes all rows, and takes new ones",
      run: (subject) =>
        expectEdited(subject, 5, async (store, model) => {
          await store.clear!();
          expectSame("count of no rows", await store.count(), 0);
          expectSame("keys of the schema", Object.keys(await store.schema()), []);
          await store.append!([structureRow(50)]);
          model.splice(0, 5, structureRow(50));
        }),
    },
    {
      name: "removes the dataset itself, and is closed then",
      run: async (subject) => {
        const path = await subject.dataset(structureRows(2));
        const store = await subject.open(path, { mode: "r+" });
        await store.destroy!();
        await expectRefusal("count", () => store.count(), "ERR_CLOSED");
        await store.close();
        await expectRefusal("open", () => subject.open(path), "ERR_FILE_MISSING");
        await subject.fill(path, structureRows(1));
        expectSame("rows of a new one", await (await subject.open(path)).count(), 1);
      },
    },
  ] satisfies Check[]
).map((check): Check => ({ ...check, appliesTo: canEdit }));

/** Changes a dataset and a list of rows in the same way: they stay equal, and equal after opening again. */
async function expectEdited(
  subject: Subject,
  count: number,
  edit: (store: RowStore, model: Row[]) => Promise<void>,
): Promise<void> {
  const model = structureRows(count);
  const path = await subject.dataset(model);
  const store = await subject.open(path, { mode: "r+" });
  await edit(store, model);
  expectRows("rows after the change", await allRows(store), model);
  await expectSchema(store);
  await store.flush?.();
  await store.close();
  expectRows("the dataset opened again", await allRows(await subject.open(path)), model);
}

/** A change at a place outside is refused as a whole: also that of the rows which are there. */
async function expectOutside(past: number, change: (index: number) => unknown): Promise<void> {
  for (const index of [past, -1, 0.5]) {
    await expectRefusal(`a change at row ${index}`, () => change(index), "ERR_INDEX_RANGE");
  }
}
