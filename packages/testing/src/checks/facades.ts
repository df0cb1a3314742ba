import { Atoms, atomsToRow, getKey, ObjectIOSync, type Row, rowToAtoms } from "@stowage/core";
import { canWrite } from "../capability.js";
import type { Check } from "../contract.js";
import {
  expectRefusal,
  expectRow,
  expectRows,
  expectSame,
  expectThat,
  expectValue,
  listOf,
} from "../expectations.js";
import { structureRow, structureRows, variedRows } from "../structure-row.js";

/** The same rows through `AtomsIO`, `ObjectIO` and their twins. */
export const facadeChecks: readonly Check[] = [
  {
    name: "gives structures through the facade",
    run: async (subject) => {
      const rows = variedRows();
      const atoms = await subject.atoms(await subject.dataset(rows));
      expectSame("count", await atoms.count(), 6);
      expectRow("at(-1)", rowOf(await atoms.at(-1)), rows[5]!);
      expectRows("toArray()", (await atoms.toArray()).map(rowOf), rows);
      expectRows(
        "pick([4, 0, 4])",
        (await atoms.pick([4, 0, -2]).toArray()).map(rowOf),
        [4, 0, 4].map((i) => rows[i]!),
      );
      const backwards = await atoms.slice(4, 0, -2).toArray();
      expectRows("slice(4, 0, -2)", backwards.map(rowOf), [rows[4]!, rows[2]!]);
      const found: Row[] = [];
      for await (const one of atoms.slice(1)) found.push(rowOf(one));
      expectRows("iteration from 1 on", found, rows.slice(1));
      const sizes: number[] = [];
      for await (const chunk of atoms.chunked(4)) sizes.push(chunk.length);
      expectSame("sizes of chunks", sizes, [4, 2]);
    },
  },
  {
    name: "gives keys and columns through the facade",
    run: async (subject) => {
      const rows = variedRows();
      const objects = await subject.objects(await subject.dataset(rows));
      expectRow("get(-2, keys)", await objects.get(-2, { keys: ["info.note", "info.nowhere"] }), {
        "info.note": "and here",
      });
      expectSame("keys(0)", (await objects.keys(0)).sort(), Object.keys(rows[0]!).sort());
      expectSame("info.index as a plain number", getKey(await objects.get(3), "info.index"), 3);
      const energies = await objects.slice(2, 6).column("calc.energy").toArray();
      expectThat(energies instanceof Float64Array, "energies of rows that all have one are a Float64Array");
      expectSame(
        "energies",
        listOf(energies),
        rows.slice(2).map((row) => row["calc.energy"]),
      );
      expectSame("one value", await objects.column("info.note").at(2), "only here");
      const names = await objects.column("info.name").pick([3, 1]).toArray();
      expectSame("names, one of them missing", listOf(names), [null, "structure 1"]);
      const columns = await objects.pick([5, 0]).columns(["info.name", "calc.energy"]).toColumns();
      expectSame("columns", Object.keys(columns), ["info.name", "calc.energy"]);
      await expectRefusal(
        "column of no row",
        () => objects.column("info.nowhere").toArray(),
        "ERR_KEY_MISSING",
      );
      for (const index of [6, -7]) {
        await expectRefusal(`at(${index})`, () => objects.at(index), "ERR_INDEX_RANGE");
        await expectRefusal(`pick([${index}])`, () => objects.pick([index]).toArray(), "ERR_INDEX_RANGE");
      }
    },
  },
  {
    name: "takes structures through the facade",
    appliesTo: canWrite,
    run: async (subject) => {
      const rows = variedRows();
      const path = subject.freshPath();
      const writer = await subject.atoms(path, { mode: "w" });
      expectSame("extend", await writer.extend(rows.slice(0, 5).map(rowToAtoms)), 5);
      expectSame("append", await writer.append(rowToAtoms(rows[5]!)), 6);
      expectRow("at(5)", rowOf(await writer.at(5)), rows[5]!);
      await writer.flush();
      await writer.close();
      const reader = await subject.atoms(path);
      expectRows("structures", (await reader.toArray()).map(rowOf), rows);
    },
  },
  {
    name: "keeps the type that a plain number has in the dataset",
    appliesTo: canWrite,
    run: async (subject) => {
      const path = subject.freshPath();
      const objects = await subject.objects(path, { mode: "r+" });
      await objects.append({ ...structureRow(0), "info.width": 0.5, "info.steps": 3 });
      await objects.append({ ...structureRow(1), "info.width": 2, "info.steps": 4 });
      await objects.close();
      const store = await subject.open(path);
      const schema = await store.schema();
      expectSame("type of a fraction", schema["info.width"]?.dtype, "float64");
      expectSame("type of whole numbers under info", schema["info.steps"]?.dtype, "int64");
      expectValue("a whole number among fractions", (await store.getMany([1]))[0]!["info.width"]!, 2);
    },
  },
  {
    name: "changes nothing through a facade that is open for reading",
    run: async (subject) => {
      const rows = structureRows(3);
      const path = await subject.dataset(rows);
      const reader = await subject.objects(path);
      const [row, view] = [structureRow(9), reader.slice(0, 1)];
      const writes: Record<string, () => unknown> = {
        extend: () => reader.extend([row]),
        append: () => reader.append(row),
        insert: () => reader.insert(0, row),
        set: () => reader.set(0, row),
        update: () => reader.update(0, { "calc.energy": 0.5 }),
        delete: () => reader.delete(0),
        drop: () => reader.drop(["calc.energy"]),
        reserve: () => reader.reserve(1),
        clear: () => reader.clear(),
        destroy: () => reader.destroy(),
        flush: () => reader.flush(),
        "set of a view": () => view.set([row]),
        "update of a view": () => view.update({ "calc.energy": 0.5 }),
        "delete of a view": () => view.delete(),
        "set of a column": () => view.column("calc.energy").set([0.5]),
      };
      for (const [name, write] of Object.entries(writes)) await expectRefusal(name, write, "ERR_READ_ONLY");
      const atoms = await subject.atoms(path);
      await expectRefusal("append of atoms", () => atoms.append(rowToAtoms(row)), "ERR_READ_ONLY");
      expectRows("the structures then", (await atoms.toArray()).map(rowOf), rows);
    },
  },
  {
    name: "refuses the facade that answers at once, as it has no openSync",
    appliesTo: ({ backend }) => backend.openSync === undefined,
    run: async (subject) => {
      const path = await subject.dataset(structureRows(1));
      const { backend, options } = subject.contract;
      await expectRefusal(
        "ObjectIOSync",
        () => ObjectIOSync.open(path, { ...options, backend }),
        "ERR_UNSUPPORTED",
      );
    },
  },
];

/** The exact row of a structure; an empty one for a reserved place. */
export function rowOf(atoms: Atoms | null): Row {
  if (atoms === null) return {};
  expectThat(atoms instanceof Atoms, "a structure is an Atoms");
  return atomsToRow(atoms);
}
