import { basename, dirname, extname, join } from "node:path";
import { usageError } from "./exit.js";

/** What parts are called where only a template is given, by how many there are. */
const PART_NAMES: { readonly [parts: number]: readonly string[] } = {
  2: ["train", "test"],
  3: ["train", "val", "test"],
};

/**
 * The names of so many parts: as given, or made of a template: `out.atp` becomes `out-train.atp`, `out-val.atp` and
 * `out-test.atp`, and with other numbers of parts `out-1.atp`, `out-2.atp`, …
 *
 * @throws {StowageError} ERR_OPTION for another number of names.
 */
export function partNames(names: readonly string[], parts: number): readonly string[] {
  if (names.length === parts) return names;
  const [template = ""] = names;
  if (names.length === 1) {
    const extension = extname(template);
    const stem = join(dirname(template), basename(template, extension));
    const labels = PART_NAMES[parts] ?? Array.from({ length: parts }, (_, i) => String(i + 1));
    return labels.map((label) => `${stem}-${label}${extension}`);
  }
  throw usageError(
    `Cannot split into ${parts} parts: ${names.length} names were given`,
    "output",
    names.join(" "),
    "give one name for each part, or one name as a template",
  );
}
