import { getKey, type LossNote, type Row, type RowStore, type Value } from "@stowage/core";
import { canWrite } from "../capability.js";
import type { Check, ContractOptions } from "../contract.js";
import { broken } from "../errors.js";
import {
  expectRefusal,
  expectRow,
  expectRows,
  expectSame,
  expectThat,
  sameNumbers,
} from "../expectations.js";
import { expectedOutcome } from "../expected-outcome.js";
import { type SampleRows, sampleRows } from "../sample-rows.js";
import { structureRow } from "../structure-row.js";
import { allRows, range, type Subject } from "../subject.js";
import { expectColumn, expectSchema } from "./reading.js";

/** A check for each of the sample rows. */
export function valueChecks(contract: ContractOptions): Check[] {
  return sampleRows.flatMap((sample): Check[] => {
    const outcome = expectedOutcome(sample, contract);
    if (outcome === "refused") return canWrite(contract) ? [refuses(sample)] : [];
    if (outcome === "noted") return canWrite(contract) ? [notes(sample)] : [];
    return [keeps(sample, canWrite(contract))];
  });
}

function keeps({ name, rows }: SampleRows, writes: boolean): Check {
  return {
    name: `keeps exactly: ${name}`,
    run: async (subject) => {
      if (!writes) {
        await expectDataset("a prepared dataset", await subject.reader(rows), rows);
        return;
      }
      const path = subject.freshPath();
      const store = await subject.open(path, { mode: "w" });
      await store.append!(rows);
      expectSame("notes of losses", notesOf(store).map(textOf), []);
      expectRows("what was appended", await allRows(store), rows);
      await store.close();
      await expectDataset("the dataset opened again", await subject.open(path), rows);
    },
  };
}

function notes({ name, rows }: SampleRows): Check {
  return {
    name: `keeps under another type, and notes it: ${name}`,
    run: async (subject) => {
      const path = subject.freshPath();
      const store = await subject.open(path, { mode: "w" });
      await store.append!(rows);
      const losses = notesOf(store);
      expectThat(losses.length > 0, "what changed is noted in losses()");
      const kept = await allRows(store);
      expectNoted(kept, rows, losses);
      await store.close();
      await expectDataset("the dataset opened again", await subject.open(path), kept);
    },
  };
}

function refuses(sample: SampleRows): Check {
  return {
    name: `refuses, and goes on: ${sample.name}`,
    run: async (subject) => {
      const first = structureRow(90, 3);
      const last = structureRow(91, 3);
      const path = subject.freshPath();
      const store = await subject.open(path, { mode: "w" });
      await store.append!([first]);
      const code = await expectRefusal("append", () => store.append!([structureRow(92, 3), ...sample.rows]));
      expectRows("rows after the refusal", await allRows(store), [first]);
      await store.append!([last]);
      await store.close();
      expectRows("the dataset opened again", await allRows(await subject.open(path)), [first, last]);
      if (code === "ERR_LOSS") await expectDrop(subject, sample);
    },
  };
}

/** Rows, and columns and a schema that say the same. */
async function expectDataset(what: string, store: RowStore, rows: readonly Row[]): Promise<void> {
  expectRows(what, await allRows(store), rows);
  await expectSchema(store);
  for (const key of Object.keys(await store.schema())) await expectColumn(store, key, range(rows.length));
}

/** What `unsupported: "drop"` leaves out is noted, and the rest of the row is there. */
async function expectDrop(subject: Subject, { rows }: SampleRows): Promise<void> {
  const path = subject.freshPath();
  const store = await subject.open(path, { mode: "w", unsupported: "drop" });
  await store.append!(rows);
  const losses = notesOf(store);
  expectThat(
    losses.some(({ kind }) => kind === "dropped"),
    'what unsupported: "drop" leaves out is noted as dropped',
  );
  await store.close();
  expectNoted(await allRows(await subject.open(path)), rows, losses);
}

/** Rows that are as they were given but for what is noted. */
function expectNoted(kept: readonly Row[], given: readonly Row[], losses: readonly LossNote[]): void {
  expectSame("number of rows", kept.length, given.length);
  for (const [i, row] of given.entries()) {
    const [left, right]: [Row, Row] = [{}, {}];
    for (const key of new Set([...Object.keys(row), ...Object.keys(kept[i]!)])) {
      const [found, expected] = [getKey(kept[i]!, key), getKey(row, key)];
      const kinds = losses.filter((note) => note.key === key).map(({ kind }) => kind);
      if (kinds.length > 0 && isAsNoted(found, expected, kinds)) continue;
      if (found !== undefined) left[key] = found;
      if (expected !== undefined) right[key] = expected;
    }
    expectRow(`row ${i} but for what is noted`, left, right);
  }
}

function isAsNoted(
  found: Value | undefined,
  expected: Value | undefined,
  kinds: readonly LossNote["kind"][],
): boolean {
  if (expected === undefined) return false;
  if (found === undefined) return kinds.includes("dropped");
  return kinds.includes("changed") || (kinds.includes("widened") && sameNumbers(found, expected));
}

function notesOf(store: RowStore): readonly LossNote[] {
  const notes = store.losses?.() ?? [];
  for (const note of notes) {
    if (note.key === "" || note.reason === "")
      throw broken("a note of losses", textOf(note), "key and reason");
  }
  return notes;
}

function textOf({ key, kind, reason }: LossNote): string {
  return `${key} ${kind}: ${reason}`;
}
