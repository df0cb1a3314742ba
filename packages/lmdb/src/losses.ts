import type { LossNote } from "@stowage/core";
import { unfitName } from "./names.js";
import { keyOf } from "./object-rows.js";
import type { BlobRow } from "./row-layout.js";

/** Leaves out fields whose names the layout cannot hold, and notes them. */
export class DroppedNames {
  readonly #notes = new Map<string, LossNote>();

  get notes(): LossNote[] {
    return [...this.#notes.values()];
  }

  without(row: BlobRow): BlobRow {
    const kept: BlobRow = new Map();
    for (const [name, value] of row) {
      const reason = unfitName(name);
      if (reason === null) kept.set(name, value);
      else this.#notes.set(name, { key: keyOf(name), kind: "dropped", reason });
    }
    return kept;
  }
}
