import { pickKeys, type Row, type RowStore } from "@stowage/core";
import { canEdit, canWrite } from "../capability.js";
import type { Check } from "../contract.js";
import { expectRows, expectSame } from "../expectations.js";
import { Random } from "../random.js";
import { structureRow, without } from "../structure-row.js";
import { allRows, range, type Subject } from "../subject.js";
import { expectColumn, expectSchema } from "./reading.js";

const STEPS = 150;
const PATCHED = ["info.note", "info.name", "calc.energy"];

/** Does a random thing to a store and the same to a list of rows. */
type Step = (store: RowStore, model: Row[], random: Random) => Promise<void>;

/** Random operations, against a plain list. */
export function randomChecks(seed: number): Check[] {
  return [
    {
      name: `does what a plain list does, over random operations (seed ${seed})`,
      appliesTo: canWrite,
      run: (subject) =>
        runSteps(subject, seed, canEdit(subject.contract) ? [...APPENDING, ...EDITING] : APPENDING),
    },
    {
      name: `gives what a plain list gives, at random places (seed ${seed})`,
      run: async (subject) => {
        const random = new Random(seed);
        const model = range(40).map(() => randomRow(random));
        const store = await subject.reader(model);
        for (let i = 0; i < 20; i++) await readSome(store, model, random);
        await expectSchema(store);
      },
    },
  ];
}

async function runSteps(subject: Subject, seed: number, steps: readonly Step[]): Promise<void> {
  const random = new Random(seed);
  const path = await subject.dataset([]);
  const model: Row[] = [];
  let store = await subject.open(path, { mode: "r+" });
  for (let i = 0; i < STEPS; i++) {
    await random.one(steps)(store, model, random);
    expectSame(`count after step ${i}`, await store.count(), model.length);
    await readSome(store, model, random);
    if (random.below(25) > 0) continue;
    expectRows(`rows after step ${i}`, await allRows(store), model);
    await store.close();
    store = await subject.open(path, { mode: "r+" });
  }
  await expectSchema(store);
  await store.close();
  expectRows("rows in the end", await allRows(await subject.open(path)), model);
}

const APPENDING: readonly Step[] = [
  async (store, model, random) => {
    const rows = range(random.below(4)).map(() => randomRow(random));
    await store.append!(rows);
    model.push(...rows);
  },
  async (store) => store.flush?.(),
];

const EDITING: readonly Step[] = [
  async (store, model, random) => {
    const index = random.below(model.length + 1);
    const rows = range(random.below(3)).map(() => randomRow(random));
    await store.insert!(index, rows);
    model.splice(index, 0, ...rows);
  },
  async (store, model, random) => {
    const indices = random.distinct(model.length, 3);
    const rows = indices.map(() => (random.below(4) === 0 ? {} : randomRow(random)));
    await store.set!(indices, rows);
    for (const [i, index] of indices.entries()) model[index] = rows[i]!;
  },
  async (store, model, random) => {
    const indices = random.distinct(model.length, 3);
    const patches = indices.map((): Row => pickKeys(randomRow(random), PATCHED));
    await store.update!(indices, patches);
    for (const [i, index] of indices.entries()) model[index] = { ...model[index]!, ...patches[i]! };
  },
  async (store, model, random) => {
    const indices = random.distinct(model.length, 2).sort((a, b) => a - b);
    await store.delete!(indices);
    for (const index of indices.reverse()) model.splice(index, 1);
  },
  async (store, model, random) => {
    const indices = random.distinct(model.length, 3);
    const keys = PATCHED.slice(random.below(3));
    await store.drop!(keys, indices);
    for (const index of indices) model[index] = without(model[index]!, ...keys);
  },
  async (store, model, random) => {
    const places = range(random.below(3)).map((): Row => ({}));
    await store.append!(places);
    model.push(...places);
  },
  async (store, model, random) => {
    if (random.below(10) > 0) return;
    await store.clear!();
    model.length = 0;
  },
];

async function readSome(store: RowStore, model: readonly Row[], random: Random): Promise<void> {
  if (model.length === 0) return;
  const indices = range(random.below(5)).map(() => random.below(model.length));
  const expected = indices.map((i) => model[i]!);
  expectRows(`getMany([${indices}])`, await store.getMany(indices), expected);
  const keys = PATCHED.slice(random.below(3));
  expectRows(
    `getMany([${indices}], [${keys}])`,
    await store.getMany(indices, keys),
    expected.map((row) => pickKeys(row, keys)),
  );
  await expectColumn(store, random.one([...PATCHED, "calc.forces", "arrays.numbers"]), indices);
}

function randomRow(random: Random): Row {
  const row = structureRow(random.below(1000), random.below(6) + 1);
  row["info.note"] = random.one(["", "a", "水", "x".repeat(3000)]);
  row["calc.energy"] = random.one([0, -0, 1.5, -1e-300, 7, Number.NaN]);
  return without(row, ...PATCHED.filter(() => random.below(3) === 0));
}
