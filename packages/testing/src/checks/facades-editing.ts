import { type Row, rowToAtoms } from "@stowage/core";
import { canAppend, canEdit, isReadOnly } from "../capability.js";
import type { Check } from "../contract.js";
import { expectRefusal, expectRow, expectRows, expectSame, listOf } from "../expectations.js";
import { structureRow, structureRows, without } from "../structure-row.js";
import { rowOf } from "./facades.js";

/** Changes through the facades: done where they are claimed, refused where they are not. */
export const facadeEditingChecks: readonly Check[] = [
  {
    name: "changes structures through the facade",
    appliesTo: canEdit,
    run: async (subject) => {
      const model: Row[] = structureRows(4);
      const path = await subject.dataset(model);
      const atoms = await subject.atoms(path, { mode: "r+" });
      await atoms.insert(-1, rowToAtoms(structureRow(20)));
      model.splice(3, 0, structureRow(20));
      await atoms.set(0, rowToAtoms(structureRow(21)));
      model[0] = structureRow(21);
      await atoms.update(-1, { info: { name: "last" }, "calc.energy": 0.25 });
      model[4] = { ...model[4]!, "info.name": "last", "calc.energy": 0.25 };
      await atoms.delete(1);
      model.splice(1, 1);
      expectSame("reserve", await atoms.reserve(2), 6);
      model.push({}, {});
      expectSame("a reserved place", await atoms.at(-1), null);
      await atoms.set(-1, rowToAtoms(structureRow(22)));
      model[5] = structureRow(22);
      await atoms.slice(0, 4).drop(["calc.forces"]);
      for (let i = 0; i < 4; i++) model[i] = without(model[i]!, "calc.forces");
      expectRows("structures", (await atoms.toArray()).map(rowOf), model);
      await atoms.close();
      expectRows("structures then", (await (await subject.atoms(path)).toArray()).map(rowOf), model);
    },
  },
  {
    name: "changes rows through views",
    appliesTo: canEdit,
    run: async (subject) => {
      const path = await subject.dataset(structureRows(6));
      const objects = await subject.objects(path, { mode: "r+" });
      await objects.column("calc.energy").slice(0, 3).set([0.5, 1.5, 2.5]);
      await objects.pick([5, 1]).update({ "info.note": "picked" });
      await objects.pick([4, 0, 2]).delete();
      expectSame("energies", listOf(await objects.column("calc.energy").toArray()), [1.5, -4.6, -7.6]);
      expectSame("notes", listOf(await objects.column("info.note").toArray()), ["picked", null, "picked"]);
      await objects.clear();
      expectSame("count of no rows", await objects.count(), 0);
      await objects.destroy();
      await expectRefusal("count", () => objects.count(), "ERR_CLOSED");
      await expectRefusal("open", () => subject.objects(path), "ERR_FILE_MISSING");
    },
  },
  {
    name: "keeps the rows of another dataset as a cache, in any order of access",
    appliesTo: canEdit,
    run: async (subject) => {
      const rows = structureRows(6);
      const source = await subject.dataset(rows);
      const path = subject.freshPath();
      const { store: cache } = await subject.objects(path, { mode: "r+" });
      const cached = await subject.atoms(source, { cacheTo: cache });
      for (const i of [5, 0, 5, 3, 0]) expectRow(`row ${i}`, rowOf(await cached.at(i)), rows[i]!);
      expectSame("hits and misses", [cached.cache?.hits, cached.cache?.misses], [2, 3]);
      await cached.close();
      const kept = await subject.open(path);
      expectRows("places of the cache", await kept.getMany([0, 1, 5]), [rows[0]!, {}, rows[5]!]);
    },
  },
  {
    name: "refuses changes through the facade, which it does not claim",
    appliesTo: (contract) => !canEdit(contract) && !isReadOnly(contract) && canAppend(contract),
    run: async (subject) => {
      const rows = structureRows(2);
      const atoms = await subject.atoms(await subject.dataset(rows), { mode: "r+" });
      const row = rowToAtoms(structureRow(9));
      const changes: Record<string, () => unknown> = {
        insert: () => atoms.insert(0, row),
        set: () => atoms.set(0, row),
        update: () => atoms.update(0, { "calc.energy": 0.5 }),
        delete: () => atoms.delete(0),
        drop: () => atoms.drop(["calc.energy"]),
        clear: () => atoms.clear(),
        destroy: () => atoms.destroy(),
      };
      for (const [name, change] of Object.entries(changes))
        await expectRefusal(name, change, "ERR_UNSUPPORTED");
      expectRows("the structures then", (await atoms.toArray()).map(rowOf), rows);
    },
  },
];
