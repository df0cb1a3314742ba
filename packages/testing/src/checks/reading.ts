import {
  type Column,
  columnFromValues,
  columnOf,
  columnOfSync,
  type Field,
  fieldOf,
  getKey,
  isNdArray,
  isPerAtomKey,
  iterateRows,
  pickKeys,
  type Row,
  type RowStore,
} from "@stowage/core";
import type { Check } from "../contract.js";
import { expectRefusal, expectRows, expectSame, expectThat, expectValue } from "../expectations.js";
import { structureRows, variedRows } from "../structure-row.js";
import { allRows, range } from "../subject.js";

const NOWHERE = ["info.nowhere", "constructor", "__proto__", ""];

/** How rows, columns and types are read. */
export const readingChecks: readonly Check[] = [
  {
    name: "gives rows in the order asked for, again where asked again",
    run: async (subject) => {
      const rows = structureRows(7);
      const store = await subject.reader(rows);
      expectSame("count", await store.count(), 7);
      for (const indices of [[6, 0, 3], [2, 2, 5, 2], [], [4], range(7).reverse()]) {
        const expected = indices.map((i) => rows[i]!);
        expectRows(`getMany([${indices}])`, await store.getMany(indices), expected);
        expectRows(
          `getMany(Uint32Array [${indices}])`,
          await store.getMany(Uint32Array.from(indices)),
          expected,
        );
      }
    },
  },
  {
    name: "gives all rows in batches",
    run: async (subject) => {
      const rows = structureRows(23);
      const store = await subject.reader(rows);
      const found: Row[] = [];
      for await (const batch of iterateRows(store, { start: 1, stop: 22, batchSize: 4 }))
        found.push(...batch);
      expectRows("rows 1 to 21", found, rows.slice(1, 22));
    },
  },
  {
    name: "gives the keys asked for, and leaves out those that a row has not",
    run: async (subject) => {
      const rows = variedRows();
      const store = await subject.reader(rows);
      const indices = [5, 1, 2, 1];
      for (const keys of [
        ["info.note"],
        ["calc.energy", "arrays.positions"],
        [],
        NOWHERE,
        ["cell", ...NOWHERE],
      ]) {
        const expected = indices.map((i) => pickKeys(rows[i]!, keys));
        expectRows(`rows of the keys [${keys}]`, await store.getMany(indices, keys), expected);
      }
    },
  },
  {
    name: "refuses indices outside of it",
    run: async (subject) => {
      const store = await subject.reader(structureRows(3));
      for (const index of [3, -1, 2 ** 32, 0.5, Number.NaN]) {
        await expectRefusal(`getMany([0, ${index}])`, () => store.getMany([0, index]), "ERR_INDEX_RANGE");
        const keys = ["calc.energy"];
        await expectRefusal(
          `getMany([${index}], keys)`,
          () => store.getMany([index], keys),
          "ERR_INDEX_RANGE",
        );
        await expectRefusal(
          `column of row ${index}`,
          () => columnOf(store, "calc.energy", [index]),
          "ERR_INDEX_RANGE",
        );
      }
      expectSame("rows after that", await store.count(), 3);
    },
  },
  {
    name: "gives columns that hold what rows hold",
    run: async (subject) => {
      const store = await subject.reader(variedRows());
      const keys = [...Object.keys(await store.schema()), ...NOWHERE];
      for (const indices of [range(6), [4, 1, 4], [0], []]) {
        for (const key of keys) await expectColumn(store, key, indices);
      }
    },
  },
  {
    name: "has a schema that says what rows hold",
    run: async (subject) => {
      const store = await subject.reader(variedRows());
      await expectSchema(store);
    },
  },
  {
    name: "says the same by open and by openSync",
    appliesTo: ({ backend }) => backend.openSync !== undefined,
    run: async (subject) => {
      const { backend, options } = subject.contract;
      const path = await subject.dataset(variedRows());
      const store = await subject.open(path);
      const sync = backend.openSync!(path, options);
      try {
        expectRows("rows", await allRows(store), sync.getMany(range(sync.count())));
        const [schema, other] = [await store.schema(), sync.schema()];
        expectSame("schema", JSON.stringify(schema), JSON.stringify(other));
        for (const key of Object.keys(schema)) {
          const [column, twin] = [await columnOf(store, key, [4, 1]), columnOfSync(sync, key, [4, 1])];
          expectSame(`missing of column "${key}"`, String(column.missing), String(twin.missing));
          expectColumnValues(`column "${key}"`, column.values, twin.values);
        }
        expectSame("warnings", store.warnings, sync.warnings);
      } finally {
        sync.close();
      }
    },
  },
  {
    name: "is read by several at once",
    run: async (subject) => {
      const rows = structureRows(4);
      const path = await subject.dataset(rows);
      const [a, b] = [await subject.open(path), await subject.open(path)];
      expectRows("rows of one", await a.getMany([3, 0]), [rows[3]!, rows[0]!]);
      await a.close();
      expectRows("rows of the other", await allRows(b), rows);
    },
  },
];

/** A column is what `columnFromValues` makes of the rows. */
export async function expectColumn(store: RowStore, key: string, indices: readonly number[]): Promise<void> {
  const what = `column "${key}" of rows [${indices}]`;
  const rows = await store.getMany(indices);
  const expected = columnFromValues(
    key,
    rows.map((row) => getKey(row, key)),
  );
  const found: Column = await columnOf(store, key, indices);
  expectSame(`${what}, key`, found.key, key);
  expectSame(
    `${what}, missing`,
    found.missing && Array.from(found.missing),
    expected.missing && Array.from(expected.missing),
  );
  expectColumnValues(what, found.values, expected.values);
}

function expectColumnValues(what: string, found: Column["values"], expected: Column["values"]): void {
  if (isNdArray(found) || isNdArray(expected) || found.length !== expected.length) {
    expectValue(what, found, expected);
    return;
  }
  for (const [i, value] of expected.entries()) expectValue(`${what}, value ${i}`, found[i]!, value);
}

/** A schema has the keys of all rows, and fields that describe each value. */
export async function expectSchema(store: RowStore): Promise<void> {
  const schema = await store.schema();
  const rows = await allRows(store);
  const keys = new Set(rows.flatMap((row) => Object.keys(row)));
  expectSame("keys of the schema", Object.keys(schema).sort(), [...keys].sort());
  for (const [key, field] of Object.entries(schema)) {
    const values = rows.map((row) => getKey(row, key)).filter((value) => value !== undefined);
    if (field.missing !== undefined) {
      expectSame(`schema of "${key}", missing`, field.missing, rows.length - values.length);
    }
    expectSame(`schema of "${key}", perAtom`, field.perAtom, isPerAtomKey(key));
    if (field.dtype === "json") continue;
    for (const value of values) {
      const own = fieldOf(value, field.perAtom);
      expectSame(`schema of "${key}", dtype`, field.dtype, own.dtype);
      expectThat(
        describesShape(field.shape, own.shape),
        `schema of "${key}" describes shape [${own.shape}] by [${field.shape}]`,
      );
    }
  }
}

/** A lone `null` describes every shape but that of a scalar. */
function describesShape(shape: Field["shape"], own: Field["shape"]): boolean {
  if (shape.length === 1 && shape[0] === null) return own.length > 0;
  return shape.length === own.length && shape.every((extent, i) => extent === null || extent === own[i]);
}
