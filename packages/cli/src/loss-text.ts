import type { LossNote } from "@stowage/core";
import { printable } from "./render/width.js";

/** A line about a value that is kept under another type, changed or left out. */
export function lossText({ key, kind, reason }: LossNote): string {
  return `${kind} ${printable(key)}: ${printable(reason)}`;
}
