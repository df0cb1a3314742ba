import { getKey, isNdArray, type RowStore } from "@stowage/core";
import { canAppend, canWrite } from "../capability.js";
import type { Check } from "../contract.js";
import { expectRefusal, expectRows, expectSame, expectThat, expectValue } from "../expectations.js";
import { structureRow, structureRows, variedRows } from "../structure-row.js";
import { allRows, range } from "../subject.js";

/** Rows as bytes: through the facade, and by the store's own `blobs` where it has that. */
export const blobChecks: readonly Check[] = [
  {
    name: "gives rows as bytes through the facade, and takes them",
    appliesTo: canWrite,
    run: async (subject) => {
      const rows = variedRows();
      const source = await subject.blobs(await subject.dataset(rows));
      const blobs = await source.toArray();
      for (const [i, row] of blobs.entries()) {
        expectSame(`keys of row ${i}`, Object.keys(row ?? {}).sort(), Object.keys(rows[i]!).sort());
        for (const [key, bytes] of Object.entries(row ?? {})) {
          expectThat(bytes instanceof Uint8Array, `"${key}" of row ${i} is a Uint8Array`);
        }
      }
      const path = subject.freshPath();
      const target = await subject.blobs(path, { mode: "w" });
      expectSame("extend", await target.extend(blobs), rows.length);
      await target.close();
      expectRows("what the bytes were made of", await allRows(await subject.open(path)), rows);
    },
  },
  {
    name: "has the same rows as bytes, where its format keeps bytes",
    run: async (subject) => {
      const store = await subject.reader(variedRows());
      if (store.blobs === undefined) return;
      const bytes = store.blobs();
      expectSame("count", await bytes.count(), await store.count());
      await expectBytes(bytes, store);
      await bytes.close();
      await expectRefusal("count of the rows as values", () => store.count(), "ERR_CLOSED");
    },
  },
  {
    name: "shows as bytes what is written as values, and the other way round",
    appliesTo: (contract) => canWrite(contract) && canAppend(contract),
    run: async (subject) => {
      const store = await subject.writer(structureRows(1));
      if (store.blobs === undefined) return;
      const bytes = store.blobs();
      await store.append!([structureRow(1)]);
      await bytes.append!(await bytes.getMany([0, 1]));
      await expectBytes(bytes, store);
      const [a, b] = structureRows(2);
      expectRows("rows", await allRows(store), [a!, b!, a!, b!]);
    },
  },
];

/** The same keys, and under each a uint8 array of rank 1; columns that say the same. */
async function expectBytes(bytes: RowStore, values: RowStore): Promise<void> {
  const rows = await bytes.getMany(range(await bytes.count()));
  for (const [i, row] of (await allRows(values)).entries()) {
    expectSame(`keys of row ${i}`, Object.keys(rows[i]!).sort(), Object.keys(row).sort());
  }
  for (const [key, field] of Object.entries(await bytes.schema())) {
    expectSame(`dtype of "${key}"`, field.dtype, "uint8");
    const column = await bytes.column!(key, range(rows.length));
    for (const [i, row] of rows.entries()) {
      const value = getKey(row, key);
      if (value === undefined) expectSame(`missing "${key}" of row ${i}`, column.missing?.[i], 1);
      else if (!isNdArray(column.values)) expectValue(`"${key}" of row ${i}`, column.values[i]!, value);
    }
  }
}
