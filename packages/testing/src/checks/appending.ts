import { canAppend, canWrite } from "../capability.js";
import type { Check } from "../contract.js";
import { expectRows, expectSame } from "../expectations.js";
import { structureRow, structureRows, variedRows } from "../structure-row.js";
import { allRows } from "../subject.js";
import { expectColumn, expectSchema } from "./reading.js";

/** How rows are added, and when they are there to stay. */
export const appendingChecks: readonly Check[] = (
  [
    {
      name: "shows appended rows at once",
      run: async (subject) => {
        const rows = [...structureRows(2), ...variedRows()];
        const store = await subject.writer(rows.slice(0, 2));
        await store.append!(rows.slice(2, 3));
        await store.append!([]);
        await store.append!(rows.slice(3));
        expectSame("count", await store.count(), rows.length);
        expectRows("all rows", await allRows(store), rows);
        expectRows("old and new ones", await store.getMany([7, 0, 4]), [rows[7]!, rows[0]!, rows[4]!]);
        for (const key of ["calc.energy", "info.note", "arrays.positions"])
          await expectColumn(store, key, [7, 0, 4]);
        await expectSchema(store);
      },
    },
    {
      name: "shows flushed rows to those who open it then",
      run: async (subject) => {
        const path = await subject.dataset(structureRows(1));
        const store = await subject.open(path, { mode: "r+" });
        await store.append!(structureRows(2, 1));
        await store.flush?.();
        const reader = await subject.open(path);
        expectRows("rows of another reader", await allRows(reader), structureRows(3));
        await reader.close();
        await store.append!(structureRows(1, 3));
        await store.close();
        expectRows("rows after closing", await allRows(await subject.open(path)), structureRows(4));
      },
    },
    {
      name: "keeps what was appended when it is closed, without a flush",
      run: async (subject) => {
        const path = await subject.dataset([]);
        const store = await subject.open(path, { mode: "r+" });
        await store.append!(variedRows());
        await store.close();
        expectRows("rows after closing", await allRows(await subject.open(path)), variedRows());
      },
    },
    {
      name: "discards what was not flushed",
      run: async (subject) => {
        const path = await subject.dataset(structureRows(2));
        const store = await subject.open(path, { mode: "r+" });
        if (store.discard === undefined) return;
        await store.append!(structureRows(1, 2));
        await store.flush?.();
        await store.append!(structureRows(5, 3));
        await store.discard();
        await store.close();
        expectRows("rows after discarding", await allRows(await subject.open(path)), structureRows(3));
      },
    },
    {
      name: "keeps the rows it was given, whatever becomes of the list",
      run: async (subject) => {
        const store = await subject.writer([]);
        const rows = structureRows(3);
        await store.append!(rows);
        rows[0] = structureRow(9);
        rows.length = 1;
        expectRows("all rows", await allRows(store), structureRows(3));
      },
    },
    {
      name: "takes hundreds of rows in one call",
      run: async (subject) => {
        const store = await subject.writer([]);
        await store.append!(structureRows(700));
        expectRows("first and last rows", await store.getMany([699, 0, 350]), [
          structureRow(699),
          structureRow(0),
          structureRow(350),
        ]);
        await expectColumn(store, "info.index", [699, 0, 350]);
      },
    },
  ] satisfies Check[]
).map((check): Check => ({ ...check, appliesTo: (contract) => canAppend(contract) && canWrite(contract) }));
